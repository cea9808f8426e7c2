import assert from "node:assert/strict";
import { test } from "node:test";
import { decades, marks, scaleOf } from "../src/model/scale.ts";
import { newPanel, panelOf, panelText } from "../src/plots/panels.ts";

test("numbers stand where they are, logarithms too, and what is no number is a category", () => {
  const linear = scaleOf({ label: "x", values: [0, null, 10, Number.NaN] });
  assert.deepEqual([linear.kind, linear.share(linear.coordinate(5) as number), linear.coordinate(Number.NaN)], ["linear", 0.5, null]);
  const log = scaleOf({ label: "x", values: [0.001, 0.1, -5], logarithmic: true });
  assert.ok(Math.abs(log.share(0.01) - 0.5) < 1e-12);
  assert.equal(log.coordinate(-5), null);
  assert.ok(Math.abs(log.at(log.share(0.02)) - 0.02) < 1e-12);
  const words = scaleOf({ label: "x", values: ["b", "a", true, null] });
  assert.deepEqual(words.categories, ["a", "b", "true"]);
  assert.deepEqual([words.coordinate("b"), words.text(1), words.coordinate("never seen")], [1, "b", null]);
});

test("an axis has about as many marks as are asked for, whatever its span", () => {
  for (const values of [[0, 1], [1e-9, 2e-9], [-1e12, 1e15], [3, 3], []]) {
    const found = marks(scaleOf({ label: "x", values }), 6);
    assert.ok(found.length >= 1 && found.length <= 13, `${values}: ${found}`);
  }
  for (const ends of [{ from: 0.0973, to: 0.2056 }, { from: 1e-300, to: 1e300 }, { from: 1, to: 30 }, { from: 0.9, to: 1.1 }, { from: 5e-324, to: 1 }]) {
    const found = decades(ends, 8);
    assert.ok(found.length >= 2 && found.length <= 20, `${JSON.stringify(ends)}: ${found}`);
  }
  assert.deepEqual(marks(scaleOf({ label: "x", values: [1e-5, 0.1], logarithmic: true }), 6).map((mark) => Math.round(Math.log10(mark))), [-5, -4, -3, -2, -1]);
});

test("a panel survives the address, and what is none is left out", () => {
  const panel = newPanel("parallel", [{ field: "config.lr", runs: 3, types: ["number"] }, { field: "summary.loss", runs: 3, types: ["number"] }]);
  assert.deepEqual(panelOf(panelText(panel)), panel);
  for (const text of ["", "[]", "null", '{"kind":"pie"}', "{"]) assert.equal(panelOf(text), null);
  assert.deepEqual(panelOf('{"kind":"parallel","fields":[1,"a"],"brushes":{"a":["x"]}}'), { kind: "parallel", fields: ["a"], colour: "", logs: [], brushes: {} });
});
