import assert from "node:assert/strict";
import { test } from "node:test";
import type { Curve } from "../src/api/curves.ts";
import { grouped } from "../src/model/grouping.ts";

function curve(x: number[], y: number[], points = x.length): Curve {
  const mean = Float64Array.from(y);
  return { run: "e/p/r", key: "loss", axis: "_step", points, x: Float64Array.from(x), mean, low: mean, high: mean };
}

test("a group's mean and band equal the plain formula at every place, and NaN counts nowhere", () => {
  const runs = [curve([0, 1, 2], [1, 2, 3]), curve([0, 2], [3, Number.NaN]), curve([0, 1, 1], [5, 100, 4])];
  const { x, mean, low, high } = grouped(runs, "minmax");
  assert.deepEqual([[...x], [...mean], [...low], [...high]], [[0, 1, 2], [3, 3, 3], [1, 2, 3], [5, 4, 3]]);
  const spread = grouped(runs, "std");
  assert.ok(Math.abs((spread.high[0] as number) - 5) < 1e-12 && Math.abs((spread.low[1] as number) - (3 - Math.SQRT2)) < 1e-12);
  const error = grouped(runs, "stderr");
  assert.ok(Math.abs((error.high[0] as number) - (3 + 2 / Math.sqrt(3))) < 1e-12);
  assert.equal(spread.low[2], 3);
});

test("buckets of long curves keep exact least and greatest values, and the order of the runs changes nothing", () => {
  const long = (seed: number) => {
    const x = Array.from({ length: 2000 }, (_, place) => place * 500);
    const found = curve(x, x.map((place) => Math.sin(place / 9e4 + seed)), 1_000_000);
    const [low, high] = [found.mean.slice(), found.mean.slice()];
    low[700 + seed] = -50 - seed;
    high[1300 + seed] = 50 + seed;
    return { ...found, low, high };
  };
  const runs = [long(0), long(1), long(2)];
  const one = grouped(runs, "minmax");
  const other = grouped([...runs].reverse(), "minmax");
  assert.deepEqual([Math.min(...one.low), Math.max(...one.high)], [-52, 52]);
  assert.ok(one.x.length <= 1024);
  assert.deepEqual([...one.x], [...other.x]);
  assert.ok(one.mean.every((value, place) => Math.abs(value - (other.mean[place] as number)) < 1e-12));
});
