// What a chart's x can be, and how it is written in an address.

import { duration, shortNumber } from "./format.ts";

/** "auto" is each metric's own, as define_metric said, else the step. */
export type Axis = "auto" | "step" | "relative" | "time" | { metric: string };

export function axisOf(text: string | null): Axis {
  if (text === "step" || text === "relative" || text === "time") return text;
  return text?.startsWith("metric:") ? { metric: text.slice("metric:".length) } : "auto";
}

export function axisText(axis: Axis): string {
  return typeof axis === "string" ? axis : `metric:${axis.metric}`;
}

/** A place on the axis as people read it. */
export function shownPlace(axis: Axis, x: number): string {
  if (axis === "time") return new Date(x * 1000).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
  return axis === "relative" ? duration(x) || shortNumber(x) : shortNumber(x);
}
