import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeCurves } from "../src/api/curves.ts";
import { csv } from "../src/model/csv.ts";
import { clickedOrder, fieldOf, orderTerms, orderText, splitField } from "../src/model/fields.ts";
import { both, completion, search, term } from "../src/model/filter.ts";
import { parseJson } from "../src/model/json.ts";
import { assigned } from "../src/model/palette.ts";
import { prepare, withoutOutliers, type Curve } from "../src/model/prepare.ts";
import { smoothed } from "../src/model/smoothing.ts";
import { sideBySide } from "../src/model/tree.ts";

const f64 = (...values: number[]) => Float64Array.from(values);
const plain = (x: Float64Array, y: Float64Array): Curve => ({ x, y, low: y, high: y });

test("JSON with Python's literals and integers beyond doubles is read exactly", () => {
  const text = '{"a": NaN, "b": -Infinity, "c": 9007199254740993, "d": 0.022521495819091797, "e": "NaN 12345678901234567890", "f": 1234567890123456}';
  const value = parseJson(text) as { [key: string]: unknown };
  assert.ok(Number.isNaN(value.a));
  assert.deepEqual({ ...value, a: 0 }, { a: 0, b: -Infinity, c: 9007199254740993n, d: 0.022521495819091797, e: "NaN 12345678901234567890", f: 1234567890123456 });
});

test("fields are written as the filter language has them", () => {
  assert.equal(fieldOf("config", "model.lr"), "config.model.lr");
  assert.equal(fieldOf("config", 'odd "key"'), 'config["odd \\u0022key\\u0022"]');
  assert.deepEqual(splitField('config["odd \\u0022key\\u0022"]'), { section: "config", key: 'odd "key"' });
  assert.deepEqual(splitField("created_at"), { section: "created_at", key: "" });
});

test("a click sorts down, then up, then not; with Shift other terms stay", () => {
  let terms = clickedOrder([], "config.lr", false);
  assert.equal(orderText(terms), "-config.lr");
  terms = clickedOrder(terms, "summary.loss", true);
  terms = clickedOrder(terms, "config.lr", true);
  assert.equal(orderText(terms), "-summary.loss,config.lr");
  assert.deepEqual(orderTerms('-config["a,b"],name'), [{ field: 'config["a,b"]', descending: true }, { field: "name", descending: false }]);
  assert.deepEqual(clickedOrder(orderTerms("name"), "name", false), []);
});

test("completion offers fields, operators, then what joins comparisons", () => {
  const fields = ["state", "config.lr", "config.layers"];
  assert.deepEqual(completion("conf", 4, fields), { start: 0, options: ["config.lr", "config.layers"] });
  assert.ok(completion("config.lr ", 10, fields).options.includes("<="));
  assert.deepEqual(completion("state == ", 9, fields).options[0], '"running"');
  assert.deepEqual(completion('state == "running" ', 19, fields).options, ["and", "or"]);
});

test("terms quote what is no number, and both parts of a filter hold", () => {
  assert.equal(term("config.lr", "<", "0.1"), "config.lr < 0.1");
  assert.equal(term("name", "=~", "1"), 'name =~ "1"');
  assert.equal(term("tags", "in", "a b"), '"a b" in tags');
  assert.equal(both("a == 1 or b == 2", search("x")).startsWith("(a == 1 or b == 2) and (name =~"), true);
});

test("runs keep their colours, and new ones take those that nobody shows", () => {
  const first = assigned(["a", "b", "c"], new Map());
  const then = assigned(["c", "d"], first);
  assert.deepEqual([then.get("c"), then.get("d")], [2, 0]);
});

test("a spreadsheet takes no name for a formula", () => {
  assert.equal(csv([["=1+1", 'a"b', -1, null, 0.1]]), "'=1+1,\"a\"\"b\",-1,,0.1\r\n");
});

test("no spike is lost: buckets hold exact minimum and maximum at every zoom", () => {
  const count = 100_000;
  const x = Float64Array.from({ length: count }, (_, place) => place);
  const y = Float64Array.from(x, (place) => Math.sin(place / 1000));
  y[54_321] = 1e6;
  y[54_322] = -1e6;
  const curve = plain(x, y);
  for (const range of [null, { from: 50_000, to: 60_000 }, { from: 54_000, to: 54_900 }]) {
    const prepared = prepare([curve], range, 500);
    assert.ok(prepared.x.length <= 502);
    assert.equal(Math.max(...(prepared.bands[0]?.high ?? []).map((value) => value ?? -Infinity)), 1e6);
    assert.equal(Math.min(...(prepared.bands[0]?.low ?? []).map((value) => value ?? Infinity)), -1e6);
  }
  const close = prepare([curve], { from: 54_300, to: 54_350 }, 500);
  assert.equal(close.lines[0]?.[close.x.indexOf(54_321)], 1e6);
});

test("few points are drawn where they are, NaN is a gap and a mark, another curve's points are none of a curve", () => {
  const prepared = prepare(
    [
      plain(f64(0, 1, 2), f64(5, Number.NaN, 7)),
      plain(f64(0.5), f64(Infinity)),
    ],
    null,
    100,
  );
  assert.deepEqual(prepared.x, [0, 0.5, 1, 2]);
  assert.deepEqual(prepared.lines, [[5, undefined, null, 7], [undefined, null, undefined, undefined]]);
  assert.deepEqual(prepared.specials.map(({ curve, x }) => [curve, x]), [[0, 1], [1, 0.5]]);
});

test("smoothing of all kinds equals the plain formula and never invents a value for NaN", () => {
  const x = f64(0, 1, 2, 4);
  const y = f64(1, 3, Number.NaN, 5);
  const ema = smoothed("ema", 0.5, x, y);
  assert.ok(Math.abs((ema[1] as number) - (1 * 0.5 * 0.5 + 3 * 0.5) / 0.75) < 1e-12);
  assert.ok(Number.isNaN(ema[2]));
  assert.deepEqual([...smoothed("mean", 2, x, f64(1, 3, 5, 7))], [1, 2, 4, 6]);
  const even = smoothed("gauss", 1, x, f64(2, 2, 2, 2));
  assert.ok([...even].every((value) => Math.abs(value - 2) < 1e-12));
  const weighted = smoothed("twema", 0.5, f64(0, 1, 2, 3), y);
  assert.ok([...weighted].every((value, place) => place === 2 || Math.abs(value - (ema[place] as number)) < 1e-12));
});

test("outliers are left out by percentile", () => {
  const y = Float64Array.from({ length: 1000 }, (_, place) => (place === 500 ? 1e9 : place));
  assert.deepEqual(withoutOutliers([plain(y.slice().sort(), y)], null, 0.02)?.to, 981);
});

test("what differs between runs is told, also when a value is missing or not a number", () => {
  const lines = sideBySide([{ a: 1, b: { c: Number.NaN } }, { a: 1, b: { c: null }, d: "x" }]);
  assert.deepEqual(lines.map(({ name, differs }) => [name, differs]), [["a", false], ["b.c", true], ["d", true]]);
});

test("binary curves are read as they were written: lines, bands, integers, and no texts", () => {
  const columns = { x: { type: "i64", at: 0, bytes: 16 }, y: { type: "json", at: 16, bytes: 9 } };
  const bands = { x_min: { type: "f64", at: 32, bytes: 8 }, x_max: { type: "f64", at: 40, bytes: 8 }, mean: { type: "f64", at: 48, bytes: 8 }, min: { type: "f64", at: 56, bytes: 8 }, max: { type: "f64", at: 64, bytes: 8 } };
  const said = { run: "e/p/r", axis: "_step" };
  const directory = JSON.stringify([{ ...said, key: "k", points: 2, columns }, { ...said, key: "b", points: 7, columns: bands }]);
  const padded = new TextEncoder().encode(directory + " ".repeat((8 - ((12 + directory.length) % 8)) % 8));
  const bytes = new Uint8Array(12 + padded.length + 72);
  bytes.set([82, 87, 67, 79, 76, 83, 2, 0]);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, padded.length, true);
  bytes.set(padded, 12);
  const start = 12 + padded.length;
  view.setBigInt64(start, -5n, true);
  view.setBigInt64(start + 8, 5_000_000_000n, true);
  bytes.set(new TextEncoder().encode('["t",1.5]'), start + 16);
  for (const [place, value] of [1, 3, 2, -9, 9].entries()) view.setFloat64(start + 32 + 8 * place, value, true);
  const [line, band] = decodeCurves(bytes.buffer);
  assert.deepEqual([[...(line?.x ?? [])], [...(line?.mean ?? [])], line?.low === line?.mean], [[5_000_000_000], [1.5], true]);
  assert.deepEqual([band?.x[0], band?.mean[0], band?.low[0], band?.high[0], band?.points], [2, 2, -9, 9, 7]);
});
