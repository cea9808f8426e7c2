// Curves of several runs as one: their mean, with a band of what they spread over.
//
// A group's curve is made of its own runs alone, on places along x that only they decide: showing, hiding or zooming
// anything else never changes it. Where every point of every run is there, the mean at a place is that of the runs that
// logged exactly there. Curves that came as buckets are put on a grid of the group's own span; then minimum and maximum
// are still exact, and the mean is that of the runs' means within a cell.

import type { Curve } from "../api/curves.ts";

export const BANDS = ["minmax", "std", "stderr", "none"] as const;
export type Band = (typeof BANDS)[number];

export const BAND_NAMES: { [band in Band]: string } = {
  minmax: "Minimum to maximum",
  std: "Standard deviation",
  stderr: "Standard error",
  none: "None",
};

export interface GroupCurve {
  x: Float64Array;
  mean: Float64Array;
  low: Float64Array;
  high: Float64Array;
}

const CELLS = 1_024;

interface Sums {
  count: number;
  mean: number;
  /** Sum of squared distances from the mean (Welford 1962). */
  spread: number;
  low: number;
  high: number;
}

/** The curve of a group; points that are not finite count nowhere. */
export function grouped(curves: readonly Curve[], band: Band): GroupCurve {
  const whole = curves.every((curve) => curve.points <= curve.x.length);
  const places = whole ? exact(curves) : onGrid(curves);
  const sorted = [...places].sort(([a], [b]) => a - b);
  const column = (read: (sums: Sums) => number) => Float64Array.from(sorted, ([, sums]) => read(sums));
  const mean = column((sums) => sums.mean);
  const x = Float64Array.from(sorted, ([place]) => place);
  switch (band) {
    case "none":
      return { x, mean, low: mean, high: mean };
    case "minmax":
      return { x, mean, low: column((sums) => sums.low), high: column((sums) => sums.high) };
    default: {
      const reach = (sums: Sums) => deviation(sums) / (band === "stderr" ? Math.sqrt(sums.count) : 1);
      return { x, mean, low: column((sums) => sums.mean - reach(sums)), high: column((sums) => sums.mean + reach(sums)) };
    }
  }
}

/** The standard deviation of the sample; of one value nothing is known. */
function deviation({ count, spread }: Sums): number {
  return count > 1 ? Math.sqrt(spread / (count - 1)) : 0;
}

function exact(curves: readonly Curve[]): Map<number, Sums> {
  const places = new Map<number, Sums>();
  for (const { x, mean } of curves) {
    for (let point = 0; point < x.length; point++) {
      // Of one run's values at one place the later counts, as everywhere.
      if (x[point + 1] === x[point]) continue;
      const value = mean[point] as number;
      if (Number.isFinite(value)) add(places, x[point] as number, value, value, value);
    }
  }
  return places;
}

function onGrid(curves: readonly Curve[]): Map<number, Sums> {
  let [from, to] = [Infinity, -Infinity];
  for (const { x } of curves) {
    if (x.length === 0) continue;
    from = Math.min(from, x[0] as number);
    to = Math.max(to, x[x.length - 1] as number);
  }
  const width = (to - from) / CELLS || 1;
  const places = new Map<number, Sums>();
  for (const { x, mean, low, high } of curves) {
    const cells = new Map<number, { total: number; count: number; low: number; high: number }>();
    for (let point = 0; point < x.length; point++) {
      const value = mean[point] as number;
      if (!Number.isFinite(value)) continue;
      const cell = Math.min(CELLS - 1, Math.floor(((x[point] as number) - from) / width));
      const found = cells.get(cell) ?? { total: 0, count: 0, low: Infinity, high: -Infinity };
      found.total += value;
      found.count++;
      found.low = Math.min(found.low, low[point] as number);
      found.high = Math.max(found.high, high[point] as number);
      cells.set(cell, found);
    }
    for (const [cell, found] of cells) add(places, from + (cell + 0.5) * width, found.total / found.count, found.low, found.high);
  }
  return places;
}

function add(places: Map<number, Sums>, x: number, value: number, low: number, high: number): void {
  const sums = places.get(x);
  if (!sums) {
    places.set(x, { count: 1, mean: value, spread: 0, low, high });
    return;
  }
  sums.count++;
  const distance = value - sums.mean;
  sums.mean += distance / sums.count;
  sums.spread += distance * (value - sums.mean);
  sums.low = Math.min(sums.low, low);
  sums.high = Math.max(sums.high, high);
}
