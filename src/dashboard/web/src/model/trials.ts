// What a sweep's charts show, from its trials.

import type { Trial } from "../api/sweeps.ts";
import type { Tree } from "../api/types.ts";
import type { AxisData } from "./scale.ts";

/** Parameters by their names with dots. */
export function flatParameters(tree: Tree, prefix = ""): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(tree)) {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      for (const [below, leaf] of flatParameters(value as Tree, `${prefix}${name}.`)) found.set(below, leaf);
    } else found.set(prefix + name, value);
  }
  return found;
}

/** Trials that ended with a number, in the order of their ends. */
export function valued(trials: readonly Trial[]): Trial[] {
  return trials
    .filter(({ value, ended_at: end }) => value !== null && Number.isFinite(value) && end !== null)
    .sort((a, b) => (a.ended_at ?? 0) - (b.ended_at ?? 0));
}

/** The best value up to each of these trials. */
export function bestSoFar(trials: readonly Trial[], goal: "minimize" | "maximize"): number[] {
  const best: number[] = [];
  for (const { value } of trials) {
    const before = best[best.length - 1];
    const own = value ?? NaN;
    best.push(before === undefined ? own : goal === "minimize" ? Math.min(before, own) : Math.max(before, own));
  }
  return best;
}

/** One axis for each parameter that differs, and the metric's last. */
export function parallelAxes(trials: readonly Trial[], metric: string): AxisData[] {
  const flat = trials.map(({ parameters }) => flatParameters(parameters));
  const names = [...new Set(flat.flatMap((each) => [...each.keys()]))];
  const axes = names.map((name) => ({ label: name, values: flat.map((each) => each.get(name) ?? null), logarithmic: isWide(flat.map((each) => each.get(name))) }));
  return [...axes.filter(({ values }) => new Set(values.map(String)).size > 1), { label: metric, values: trials.map(({ value }) => value) }];
}

/** Whether numbers span so much that only their logarithm shows them. */
function isWide(values: readonly unknown[]): boolean {
  const numbers = values.filter((value): value is number => typeof value === "number" && value > 0);
  return numbers.length === values.length && Math.max(...numbers) > 30 * Math.min(...numbers);
}
