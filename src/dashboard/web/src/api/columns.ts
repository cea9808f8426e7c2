// Decodes series as binary columns; docs/formats.md has the picture. Numbers are mapped, not parsed.

import { parseJson } from "../model/json.ts";

export const MEDIA_TYPE = "application/vnd.runwell.columns";
const MAGIC = "RWCOLS\x01\x00";

interface Entry {
  key: string;
  points: number;
  type: "f64" | "i64" | "bool" | "json";
  steps: number;
  times: number;
  values: number;
  values_bytes: number;
}

/** The points of one key. */
export interface Columns {
  steps: Float64Array;
  times: Float64Array;
  values: Float64Array;
}

/** The series by key. Throws Error for bytes that are none. */
export function decodeColumns(bytes: ArrayBuffer): Map<string, Columns> {
  const head = new TextDecoder("latin1").decode(new Uint8Array(bytes, 0, MAGIC.length));
  if (head !== MAGIC) throw new Error("the server sent series in a form that this page does not know");
  const length = new DataView(bytes).getUint32(MAGIC.length, true);
  const start = MAGIC.length + 4;
  const directory = parseJson(new TextDecoder().decode(new Uint8Array(bytes, start, length))) as Entry[];
  const blocks = start + length;
  return new Map(directory.map((entry) => [entry.key, decoded(bytes, blocks, entry)]));
}

function decoded(bytes: ArrayBuffer, blocks: number, entry: Entry): Columns {
  if (entry.type === "json") return numbersOnly(bytes, blocks, entry);
  return {
    steps: integers(bytes, blocks + entry.steps, entry.points),
    times: floats(bytes, blocks + entry.times, entry.points),
    values: values(bytes, blocks + entry.values, entry),
  };
}

function floats(bytes: ArrayBuffer, start: number, count: number): Float64Array {
  // The directory's length decides whether blocks are aligned in this buffer.
  return start % 8 === 0 ? new Float64Array(bytes, start, count) : new Float64Array(bytes.slice(start, start + 8 * count));
}

function integers(bytes: ArrayBuffer, start: number, count: number): Float64Array {
  const words = new Int32Array(start % 4 === 0 ? bytes : bytes.slice(start), start % 4 === 0 ? start : 0, 2 * count);
  const found = new Float64Array(count);
  for (let place = 0; place < count; place++) {
    found[place] = (words[2 * place + 1] ?? 0) * 4294967296 + ((words[2 * place] ?? 0) >>> 0);
  }
  return found;
}

function values(bytes: ArrayBuffer, start: number, entry: Entry): Float64Array {
  switch (entry.type) {
    case "f64":
      return floats(bytes, start, entry.points);
    case "i64":
      return integers(bytes, start, entry.points);
    case "bool":
      return Float64Array.from(new Uint8Array(bytes, start, entry.points));
    case "json":
      throw new Error("JSON values are read by numbersOnly");
  }
}

/** The points whose values are numbers: a text or a list has no place in a chart. */
function numbersOnly(bytes: ArrayBuffer, blocks: number, entry: Entry): Columns {
  const text = new TextDecoder().decode(new Uint8Array(bytes, blocks + entry.values, entry.values_bytes));
  const found = (parseJson(text) as unknown[]).map(numeric);
  const steps = integers(bytes, blocks + entry.steps, entry.points);
  const times = floats(bytes, blocks + entry.times, entry.points);
  const present = (_: unknown, place: number) => found[place] !== null;
  return { steps: steps.filter(present), times: times.filter(present), values: Float64Array.from(found.filter((value) => value !== null)) };
}

/** A logged value as a number to draw; null when it is none. */
export function numeric(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "bigint" ? Number(value) : null;
}
