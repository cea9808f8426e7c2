// Writing filters: completion of what is being typed, terms of the builder, and the search box as part of the filter.

import { quoted } from "./fields.ts";

export const OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "=~", "in"] as const;
const WORDS = ["and", "or", "not", "in", "true", "false", "null"];
const STATES = ['"running"', '"finished"', '"failed"', '"crashed"', '"preempted"'];
const SUGGESTIONS_MAX = 12;

export interface Completion {
  /** Where the completed part begins. */
  start: number;
  options: string[];
}

/** What could stand at the cursor instead of the word before it. */
export function completion(text: string, cursor: number, fields: readonly string[]): Completion {
  const before = text.slice(0, cursor);
  const word = /[\w."[\]/@-]*$/.exec(before)?.[0] ?? "";
  const start = cursor - word.length;
  const known = before.slice(0, start).trimEnd();
  if (/\bstate\s*(==|!=)$/.test(known)) return { start, options: matching(STATES, word) };
  const after = /(?:==|!=|<=?|>=?|=~)$/.test(known);
  const value = after || /["\d)]$/.test(known);
  const candidates = after ? ["true", "false", "null"] : value ? ["and", "or"] : [...fields, ...WORDS];
  return { start, options: word === "" && !value && known !== "" && !/\b(and|or|not)$|\($/.test(known) ? [...OPERATORS] : matching(candidates, word) };
}

function matching(candidates: readonly string[], word: string): string[] {
  const wanted = word.toLowerCase();
  const scored = candidates
    .map((candidate) => ({ candidate, place: candidate.toLowerCase().indexOf(wanted) }))
    .filter(({ candidate, place }) => place >= 0 && candidate !== word);
  return scored
    .sort((a, b) => Number(a.place > 0) - Number(b.place > 0))
    .slice(0, SUGGESTIONS_MAX)
    .map(({ candidate }) => candidate);
}

/** One comparison as text; a value that reads as a number, a boolean or null is one. */
export function term(field: string, operator: string, value: string): string {
  const literal = /^(?:-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|true|false|null)$/.test(value.trim()) && operator !== "=~";
  const shown = literal ? value.trim() : quoted(value);
  return operator === "in" ? `${shown} in ${field}` : `${field} ${operator} ${shown}`;
}

/** Both parts, where either may be empty. */
export function both(left: string, right: string): string {
  if (!left.trim()) return right.trim();
  if (!right.trim()) return left.trim();
  const wrapped = (text: string) => (/\bor\b/.test(text) ? `(${text.trim()})` : text.trim());
  return `${wrapped(left)} and ${wrapped(right)}`;
}

/** The runs whose name, id, tags or notes match a regular expression. */
export function search(pattern: string): string {
  if (!pattern) return "";
  const wanted = quoted(`(?i)${pattern}`);
  return ["name", "run_id", "tags", "notes"].map((field) => `${field} =~ ${wanted}`).join(" or ");
}
