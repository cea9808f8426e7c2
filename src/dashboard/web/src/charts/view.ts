// How charts are looked at, as the address says it.

import { axisOf, type Axis } from "../model/axes.ts";
import { BANDS, type Band } from "../model/grouping.ts";
import type { Range } from "../model/prepare.ts";
import { SMOOTHINGS, type Smoothing } from "../model/smoothing.ts";

export interface ChartView {
  axis: Axis;
  logX: boolean;
  logY: boolean;
  smoothing: Smoothing;
  amount: number;
  /** Whether the outermost values may lie outside of the chart. */
  cut: boolean;
  range: Range | null;
  /** Keys whose own y axis differs from the others'. */
  otherY: ReadonlySet<string>;
  pinned: readonly string[];
  folded: ReadonlySet<string>;
  search: string;
  /** What is drawn round the mean of a group of runs. */
  band: Band;
  size: Size;
}

export const SIZES = ["small", "medium", "large"] as const;
export type Size = (typeof SIZES)[number];
/** Of a chart, in CSS pixels. */
export const HEIGHTS: { [size in Size]: number } = { small: 140, medium: 220, large: 380 };

export const DEFAULT_AMOUNTS: { [kind in Smoothing]: number } = { none: 0, ema: 0.6, twema: 0.6, gauss: 3, mean: 10 };

export function chartView(query: URLSearchParams): ChartView {
  const [kind, amount] = (query.get("smooth") ?? "none").split(":");
  const smoothing = SMOOTHINGS.find((known) => known === kind) ?? "none";
  return {
    axis: axisOf(query.get("x")),
    logX: query.get("logx") === "1",
    logY: query.get("logy") === "1",
    smoothing,
    amount: Number.isFinite(Number(amount)) && amount ? Number(amount) : DEFAULT_AMOUNTS[smoothing],
    cut: query.get("cut") === "1",
    range: rangeOf(query.get("range")),
    otherY: new Set(query.getAll("othery")),
    pinned: query.getAll("pin"),
    folded: new Set(query.getAll("fold")),
    search: query.get("keys") ?? "",
    band: BANDS.find((known) => known === query.get("band")) ?? "minmax",
    size: SIZES.find((known) => known === query.get("size")) ?? "medium",
  };
}

function rangeOf(text: string | null): Range | null {
  const [from, to] = (text ?? "").split("~").map(Number);
  return from !== undefined && to !== undefined && from < to ? { from, to } : null;
}

export function rangeText(range: Range | null): string | null {
  return range && `${range.from}~${range.to}`;
}

export function smoothText(kind: Smoothing, amount: number): string | null {
  return kind === "none" ? null : `${kind}:${amount}`;
}

/** A regular expression that a person typed, or null for one that is none: then it is taken as plain text. */
export function matcher(text: string): (name: string) => boolean {
  if (text === "") return () => true;
  try {
    const pattern = new RegExp(text, "i");
    return (name) => pattern.test(name);
  } catch {
    const wanted = text.toLowerCase();
    return (name) => name.toLowerCase().includes(wanted);
  }
}

/** Keys by section: what comes before the first slash; the ones without a section last. */
export function sectionsOf(keys: readonly string[]): [section: string, keys: string[]][] {
  const sections = new Map<string, string[]>();
  for (const key of keys) {
    const slash = key.indexOf("/");
    const section = slash > 0 ? key.slice(0, slash) : "";
    const found = sections.get(section);
    if (found) found.push(key);
    else sections.set(section, [key]);
  }
  return [...sections].sort(([a], [b]) => Number(a === "") - Number(b === "") || a.localeCompare(b));
}
