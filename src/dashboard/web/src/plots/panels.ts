// Charts over fields of runs, as the address writes them: one JSON text each.

import type { FieldInfo } from "../api/types.ts";
import { splitField } from "../model/fields.ts";
import type { Brush } from "./parallel.tsx";

export type Panel =
  | { kind: "scatter"; x: string; y: string; colour: string; logx: boolean; logy: boolean }
  | { kind: "parallel"; fields: string[]; colour: string; logs: string[]; brushes: { [field: string]: Brush } }
  | { kind: "importance"; target: string };

export const PANEL_NAMES: { [kind in Panel["kind"]]: string } = {
  scatter: "Scatter",
  parallel: "Parallel coordinates",
  importance: "Parameter importance",
};

export const PANELS_MAX = 20;

/** The panels of an address; what cannot be read is left out. */
export function panelsOf(query: URLSearchParams): Panel[] {
  return query.getAll("panel").slice(0, PANELS_MAX).flatMap((text) => panelOf(text) ?? []);
}

export function panelText(panel: Panel): string {
  return JSON.stringify(panel);
}

/** A panel from its text, null for what is none. */
export function panelOf(text: string): Panel | null {
  let found: { [name: string]: unknown };
  try {
    found = JSON.parse(text) as { [name: string]: unknown };
  } catch {
    return null;
  }
  if (typeof found !== "object" || found === null) return null;
  const named = (name: string) => (typeof found[name] === "string" ? (found[name] as string) : "");
  const list = (name: string) => (Array.isArray(found[name]) ? (found[name] as unknown[]).filter((item) => typeof item === "string") : []);
  switch (found.kind) {
    case "scatter":
      return { kind: "scatter", x: named("x"), y: named("y"), colour: named("colour"), logx: found.logx === true, logy: found.logy === true };
    case "parallel":
      return { kind: "parallel", fields: list("fields"), colour: named("colour"), logs: list("logs"), brushes: brushesOf(found.brushes) };
    case "importance":
      return { kind: "importance", target: named("target") };
    default:
      return null;
  }
}

function brushesOf(value: unknown): { [field: string]: Brush } {
  const pairs = Object.entries(typeof value === "object" && value !== null ? value : {});
  const good = pairs.filter(([, brush]) => Array.isArray(brush) && brush.length === 2 && brush.every(Number.isFinite));
  return Object.fromEntries(good) as { [field: string]: Brush };
}

/** The fields whose values a panel shows. */
export function fieldsOf(panel: Panel): string[] {
  switch (panel.kind) {
    case "scatter":
      return [...new Set([panel.x, panel.y, panel.colour])].filter((field) => field !== "");
    case "parallel":
      return [...new Set([...panel.fields, panel.colour])].filter((field) => field !== "");
    case "importance":
      return [];
  }
}

const AXES_AT_FIRST = 5;
const CLOCK = /(?:^|[./_])(?:epoch|step|iteration|seed|time)$/i;

/** A panel to begin with, over the fields that most runs have. */
export function newPanel(kind: Panel["kind"], fields: readonly FieldInfo[]): Panel {
  const of = (section: string, types: readonly string[]) =>
    fields
      .filter(({ field, types: found }) => splitField(field).section === section && !splitField(field).key.startsWith("_") && found.some((type) => types.includes(type)))
      .sort((a, b) => b.runs - a.runs || Number(CLOCK.test(a.field)) - Number(CLOCK.test(b.field)))
      .map(({ field }) => field);
  const results = of("summary", ["number"]);
  const result = results.find((field) => /acc|score|reward|f1|auc/i.test(field)) ?? results.find((field) => /loss|error/i.test(field)) ?? results[0] ?? "duration_s";
  const numbers = of("config", ["number"]);
  const rate = numbers.find((field) => /(?:^|[._])(?:lr|learning_rate)$/i.test(splitField(field).key)) ?? numbers[0] ?? "created_at";
  switch (kind) {
    case "scatter":
      return { kind, x: rate, y: result, colour: "", logx: /lr|learning_rate|decay/i.test(rate), logy: false };
    case "parallel": {
      const chosen = of("config", ["number", "string", "boolean"]).slice(0, AXES_AT_FIRST);
      return { kind, fields: [...chosen, result], colour: result, logs: chosen.filter((field) => /lr|learning_rate|decay/i.test(field)), brushes: {} };
    }
    case "importance":
      return { kind, target: result };
  }
}
