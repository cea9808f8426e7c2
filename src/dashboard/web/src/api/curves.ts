// Decodes the curves of many runs as binary tables; docs/formats.md has the picture. Numbers are mapped, not parsed.

import { parseJson } from "../model/json.ts";

export const MEDIA_TYPE = "application/vnd.runwell.columns";
const MAGIC = "RWCOLS\x02\x00";

interface Column {
  type: "f64" | "i64" | "bool" | "json";
  at: number;
  bytes: number;
}

interface Entry {
  run: string;
  key: string;
  axis: string;
  points: number;
  columns: { [name: string]: Column };
}

/** One series along an axis: each place is one point, or a bucket of several with what lies in it. */
export interface Curve {
  run: string;
  key: string;
  /** The key of the axis: "_step", "_timestamp", "_runtime" or a metric. */
  axis: string;
  /** How many points the range has, drawn or not. */
  points: number;
  x: Float64Array;
  mean: Float64Array;
  low: Float64Array;
  high: Float64Array;
}

/** The curves of an answer. Throws Error for bytes that are none. */
export function decodeCurves(bytes: ArrayBuffer): Curve[] {
  const head = new TextDecoder("latin1").decode(new Uint8Array(bytes, 0, MAGIC.length));
  if (head !== MAGIC) throw new Error("the server sent curves in a form that this page does not know");
  const length = new DataView(bytes).getUint32(MAGIC.length, true);
  const start = MAGIC.length + 4;
  const directory = parseJson(new TextDecoder().decode(new Uint8Array(bytes, start, length))) as Entry[];
  return directory.map((entry) => decoded(bytes, start + length, entry));
}

function decoded(bytes: ArrayBuffer, blocks: number, { run, key, axis, points, columns }: Entry): Curve {
  const column = (name: string): Float64Array => {
    const found = columns[name];
    return found ? numbers(bytes, blocks + found.at, found) : new Float64Array();
  };
  const said = { run, key, axis, points };
  if (!("x" in columns)) {
    const first = column("x_min");
    const last = column("x_max");
    const middle = first.map((x, place) => (x + (last[place] as number)) / 2);
    return { ...said, x: middle, mean: column("mean"), low: column("min"), high: column("max") };
  }
  const y = columns.y?.type === "json" ? logged(bytes, blocks + columns.y.at, columns.y) : [...column("y")];
  const present = (_: unknown, place: number) => y[place] !== null;
  const values = Float64Array.from(y.filter((value) => value !== null));
  return { ...said, x: column("x").filter(present), mean: values, low: values, high: values };
}

function numbers(bytes: ArrayBuffer, start: number, { type, bytes: length }: Column): Float64Array {
  switch (type) {
    case "f64":
      // The directory's length decides whether blocks are aligned in this buffer.
      return start % 8 === 0 ? new Float64Array(bytes, start, length / 8) : new Float64Array(bytes.slice(start, start + length));
    case "i64":
      return Float64Array.from(new BigInt64Array(bytes.slice(start, start + length)), Number);
    case "bool":
      return Float64Array.from(new Uint8Array(bytes, start, length));
    case "json":
      return Float64Array.from(logged(bytes, start, { type, at: 0, bytes: length }), (value) => value ?? Number.NaN);
  }
}

function logged(bytes: ArrayBuffer, start: number, { bytes: length }: Column): (number | null)[] {
  return (parseJson(new TextDecoder().decode(new Uint8Array(bytes, start, length))) as unknown[]).map(numeric);
}

/** A logged value as a number to draw; null when it is none. */
export function numeric(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "bigint" ? Number(value) : null;
}
