// From curves to what a chart draws. With few points all of them are drawn where they are. With many, the visible range is
// cut into as many buckets as there are pixels, and each curve has its mean, its exact minimum and its exact maximum in
// every bucket: no spike is lost at any zoom.

export interface Curve {
  /** Ascending; of equal ones the later is drawn. */
  x: Float64Array;
  /** What the line shows. */
  y: Float64Array;
  /** Least and greatest of what was logged there; the same array as y where the line shows just that. */
  low: Float64Array;
  high: Float64Array;
}

export type Value = number | null | undefined;

export interface Special {
  curve: number;
  x: number;
  value: number;
}

export interface Prepared {
  x: number[];
  /** For each curve its line; undefined is no point of this curve, null a gap. */
  lines: Value[][];
  /** For each curve the least and greatest value near each x, or null where every point is drawn as it is. */
  bands: ({ low: Value[]; high: Value[] } | null)[];
  /** Points that are NaN or infinite, at most one of a kind and curve in each bucket. */
  specials: Special[];
}

export interface Range {
  from: number;
  to: number;
}

/** First place at which x is at least `value`. */
export function firstAtLeast(x: Float64Array, value: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((x[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The range that the curves span together, null when they have no point. */
export function spanOf(curves: readonly Curve[]): Range | null {
  let from = Infinity;
  let to = -Infinity;
  for (const { x } of curves) {
    if (x.length === 0) continue;
    from = Math.min(from, x[0] as number);
    to = Math.max(to, x[x.length - 1] as number);
  }
  return from <= to ? { from, to } : null;
}

/** What is drawn of the curves within a range, in at most `buckets` places along x. */
export function prepare(curves: readonly Curve[], range: Range | null, buckets: number, logarithmic = false): Prepared {
  const shown = range ?? spanOf(curves);
  if (shown === null) return { x: [], lines: curves.map(() => []), bands: curves.map(() => null), specials: [] };
  const parts = curves.map((curve) => part(curve, shown));
  const places = new Set<number>();
  for (const [place, { first, last }] of parts.entries()) {
    const { x } = curves[place] as Curve;
    for (let point = first; point < last && places.size <= buckets; point++) places.add(x[point] as number);
  }
  if (places.size <= buckets) return exact(curves, parts, places);
  return bucketed(curves, parts, shown, buckets, logarithmic);
}

interface Part {
  first: number;
  last: number;
}

/** The points within the range and one beyond each end, so that lines run to the edges. */
function part({ x }: Curve, { from, to }: Range): Part {
  const first = Math.max(0, firstAtLeast(x, from) - 1);
  let last = firstAtLeast(x, to);
  while (last < x.length && x[last] === to) last++;
  return { first, last: Math.min(x.length, last + 1) };
}

function exact(curves: readonly Curve[], parts: readonly Part[], places: Set<number>): Prepared {
  const x = [...places].sort((a, b) => a - b);
  const place = new Map(x.map((value, index) => [value, index]));
  const prepared: Prepared = { x, lines: [], bands: [], specials: [] };
  for (const [number, curve] of curves.entries()) {
    const line = new Array<Value>(x.length).fill(undefined);
    const low = new Array<Value>(x.length).fill(undefined);
    const high = new Array<Value>(x.length).fill(undefined);
    const { first, last } = parts[number] as Part;
    for (let point = first; point < last; point++) {
      const at = place.get(curve.x[point] as number) as number;
      const value = curve.low[point] as number;
      if (!Number.isFinite(value)) prepared.specials.push({ curve: number, x: curve.x[point] as number, value });
      line[at] = finite(curve.y[point] as number);
      low[at] = finite(value);
      high[at] = finite(curve.high[point] as number);
    }
    prepared.lines.push(line);
    prepared.bands.push(curve.y === curve.low ? null : { low, high });
  }
  return prepared;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function bucketed(
  curves: readonly Curve[],
  parts: readonly Part[],
  { from, to }: Range,
  buckets: number,
  logarithmic: boolean,
): Prepared {
  const scale = logarithmic && from > 0 ? Math.log : (value: number) => value;
  const back = logarithmic && from > 0 ? Math.exp : (value: number) => value;
  const start = scale(from);
  const width = (scale(to) - start) / buckets || 1;
  // One place before and one after the range hold the points beyond its ends.
  const x = Array.from({ length: buckets + 2 }, (_, bucket) => back(start + (bucket - 0.5) * width));
  const specials: Special[] = [];
  const lines: Value[][] = [];
  const bands: Prepared["bands"] = [];
  for (const [number, curve] of curves.entries()) {
    const { first, last } = parts[number] as Part;
    const sums = new Float64Array(x.length);
    const counts = new Uint32Array(x.length);
    const low = new Float64Array(x.length).fill(Infinity);
    const high = new Float64Array(x.length).fill(-Infinity);
    const marked = new Set<string>();
    for (let point = first; point < last; point++) {
      const at = curve.x[point] as number;
      const bucket = at < from ? 0 : at > to ? buckets + 1 : Math.min(buckets, 1 + Math.floor((scale(at) - start) / width));
      const value = curve.low[point] as number;
      const greatest = curve.high[point] as number;
      if (!Number.isFinite(value)) {
        if (!marked.has(`${bucket} ${value}`)) specials.push({ curve: number, x: at, value });
        marked.add(`${bucket} ${value}`);
        continue;
      }
      sums[bucket] = (sums[bucket] as number) + (curve.y[point] as number);
      counts[bucket] = (counts[bucket] as number) + 1;
      if (value < (low[bucket] as number)) low[bucket] = value;
      if (greatest > (high[bucket] as number)) high[bucket] = greatest;
    }
    const present = (values: ArrayLike<number>): Value[] =>
      Array.from(values, (value, bucket) => (counts[bucket] ? value : undefined));
    lines.push(present(Float64Array.from(sums, (sum, bucket) => sum / (counts[bucket] as number))));
    bands.push({ low: present(low), high: present(high) });
  }
  return { x, lines, bands, specials };
}

/** The range of values that holds all but the outermost `share` of them at each end: spikes do not flatten the rest. */
export function withoutOutliers(curves: readonly Curve[], range: Range | null, share: number): Range | null {
  const values: number[] = [];
  for (const curve of curves) {
    const { first, last } = range === null ? { first: 0, last: curve.x.length } : part(curve, range);
    const stride = Math.max(1, Math.ceil((last - first) / 20_000));
    for (let point = first; point < last; point += stride) {
      for (const value of [curve.low[point] as number, curve.high[point] as number]) {
        if (Number.isFinite(value)) values.push(value);
      }
    }
  }
  if (values.length === 0) return null;
  values.sort((a, b) => a - b);
  const from = values[Math.floor(share * (values.length - 1))] as number;
  const to = values[Math.ceil((1 - share) * (values.length - 1))] as number;
  return from < to ? { from, to } : null;
}
