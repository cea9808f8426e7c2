// What a chart's x can be, and how it is written in an address.

import type { Columns } from "../api/columns.ts";
import { firstAtLeast } from "./prepare.ts";
import { duration, shortNumber } from "./format.ts";

export type Axis = "step" | "relative" | "time" | { metric: string };

export function axisOf(text: string | null): Axis {
  if (text === "relative" || text === "time") return text;
  return text?.startsWith("metric:") ? { metric: text.slice("metric:".length) } : "step";
}

export function axisText(axis: Axis): string {
  return typeof axis === "string" ? axis : `metric:${axis.metric}`;
}

export function axisName(axis: Axis): string {
  if (typeof axis === "object") return axis.metric;
  return { step: "Step", relative: "Relative time", time: "Time" }[axis];
}

/**
 * The x of each point of a series, and which points have one. A step metric's value is the one logged with the point's
 * step or the latest before it; points before its first value have none, and no point is invented.
 */
export function alongAxis(
  series: Columns,
  axis: Axis,
  started: number,
  metric: Columns | null,
): { x: Float64Array; y: Float64Array } {
  if (axis === "step") return ascending(series.steps, series.values);
  if (axis === "time") return ascending(series.times, series.values);
  if (axis === "relative") return ascending(series.times.map((time) => time - started), series.values);
  if (metric === null || metric.steps.length === 0) return { x: new Float64Array(), y: new Float64Array() };
  const x = series.steps.map((step) => {
    let place = firstAtLeast(metric.steps, step);
    if (place === metric.steps.length || (metric.steps[place] as number) > step) place--;
    return place < 0 ? Number.NaN : (metric.values[place] as number);
  });
  return ascending(x, series.values);
}

function ascending(x: Float64Array, y: Float64Array): { x: Float64Array; y: Float64Array } {
  let sorted = true;
  for (let place = 0; place < x.length && sorted; place++) {
    sorted = Number.isFinite(x[place]) && (place === 0 || (x[place - 1] as number) <= (x[place] as number));
  }
  if (sorted) return { x, y };
  const order = Array.from(x.keys())
    .filter((place) => Number.isFinite(x[place]))
    .sort((a, b) => (x[a] as number) - (x[b] as number) || a - b);
  return {
    x: Float64Array.from(order, (place) => x[place] as number),
    y: Float64Array.from(order, (place) => y[place] as number),
  };
}

/** A place on the axis as people read it. */
export function shownPlace(axis: Axis, x: number): string {
  if (axis === "time") return new Date(x * 1000).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
  return axis === "relative" ? duration(x) || shortNumber(x) : shortNumber(x);
}
