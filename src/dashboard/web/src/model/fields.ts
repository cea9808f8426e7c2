// Columns of the runs table, and how they are written in an address.

import type { FieldInfo } from "../api/types.ts";

export const PLAIN_FIELDS = [
  "name",
  "state",
  "tags",
  "notes",
  "user",
  "created_at",
  "updated_at",
  "duration_s",
  "last_step",
  "group",
  "job_type",
  "host",
  "run_id",
  "attempts",
  "exit_code",
  "program",
  "python_version",
] as const;

export const OTHER_FIELDS = ["git.commit", "git.branch", "git.dirty", "records.stored", "records.masked", "records.lost"];

const TITLES: { [field: string]: string } = {
  created_at: "Created",
  updated_at: "Updated",
  duration_s: "Duration",
  last_step: "Step",
  job_type: "Job type",
  run_id: "Run ID",
  exit_code: "Exit code",
  python_version: "Python",
  "git.commit": "Commit",
  "git.branch": "Branch",
};

/** Section and key of a field as the filter language writes it. */
export function splitField(field: string): { section: string; key: string } {
  const quoted = /^(\w+)\[(".*")\]$/s.exec(field);
  if (quoted) return { section: quoted[1] as string, key: JSON.parse(quoted[2] as string) as string };
  const dot = field.indexOf(".");
  return dot < 0 ? { section: field, key: "" } : { section: field.slice(0, dot), key: field.slice(dot + 1) };
}

/** The field of a key in a section, as the filter language writes it. */
export function fieldOf(section: string, key: string): string {
  const plain = /^[\w/@-]+(?:\.[\w/@-]+)*$/.test(key) && !key.includes(".value");
  return plain ? `${section}.${key}` : `${section}[${quoted(key)}]`;
}

/** A text as the filter language quotes it. */
export function quoted(text: string): string {
  const escaped = text.replace(/["\\\u0000-\u001f\u007f\ud800-\udfff]/g, (found) =>
    `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped}"`;
}

export function fieldTitle(field: string): string {
  const known = TITLES[field];
  if (known) return known;
  const { section, key } = splitField(field);
  return key || section.charAt(0).toUpperCase() + section.slice(1);
}

/** Says when, not how well. */
const CLOCK = /(?:^|[./_])(?:epoch|step|iteration|lr|learning_rate|time)$/i;

const CONFIG_COLUMNS = 4;
const SUMMARY_COLUMNS = 4;

/** The columns that a table begins with: what most runs have. */
export function defaultColumns(fields: readonly FieldInfo[]): string[] {
  const most = (section: string, types: readonly string[], count: number) =>
    fields
      .filter(({ field, types: found }) => {
        const { section: own, key } = splitField(field);
        return own === section && !key.startsWith("_") && found.some((type) => types.includes(type));
      })
      .sort((a, b) => b.runs - a.runs || Number(CLOCK.test(a.field)) - Number(CLOCK.test(b.field)))
      .slice(0, count)
      .map(({ field }) => field);
  return [
    "created_at",
    "duration_s",
    ...most("summary", ["number"], SUMMARY_COLUMNS),
    ...most("config", ["number", "string", "boolean"], CONFIG_COLUMNS),
    "tags",
  ];
}

export interface SortTerm {
  field: string;
  descending: boolean;
}

/** The terms of an order as the server takes it. */
export function orderTerms(text: string): SortTerm[] {
  const parts = text.match(/(?:[^,"[]|"(?:[^"\\]|\\.)*"|\[)+/g) ?? [];
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => ({ field: part.replace(/^[+-]/, ""), descending: part.startsWith("-") }));
}

export function orderText(terms: readonly SortTerm[]): string {
  return terms.map(({ field, descending }) => `${descending ? "-" : ""}${field}`).join(",");
}

/** The order after a click on a column: alone, or with `further` beside the others; a third click takes it away. */
export function clickedOrder(terms: readonly SortTerm[], field: string, further: boolean): SortTerm[] {
  const present = terms.find((term) => term.field === field);
  const others = further ? terms.filter((term) => term.field !== field) : [];
  if (!present) return [...others, { field, descending: true }];
  return present.descending ? [...others, { field, descending: false }] : others;
}
