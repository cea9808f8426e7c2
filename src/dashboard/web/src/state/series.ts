// The curves that charts draw, by how they are looked at: asked for once, in one request for everything that is wanted at
// the same time, and then grown by what the tail brings.

import { decodeCurves, MEDIA_TYPE, numeric, type Curve } from "../api/curves.ts";
import { postBinary } from "../api/http.ts";
import type { TailRows, Tree } from "../api/types.ts";
import type { Axis } from "../model/axes.ts";
import { asError } from "./resource.ts";

const RECENT_MAX = 200;
const LENSES_MAX = 24;
const ANNOUNCE_MS = 30;
/** A curve that has grown to this many times what it was asked for is asked for again. */
const GROWTH_MAX = 4;

export const SAMPLES = 2_000;
export const SAMPLES_ALL = 1_000_000;

/** How series are looked at. */
export interface Lens {
  axis: Axis;
  from: number | null;
  to: number | null;
  samples: number;
  stream: "default" | "system";
}

export interface Loaded {
  curve: Curve | null;
  error: Error | null;
}

/** Where charts have their curves from. */
export interface CurveSource {
  readonly entity: string;
  readonly project: string;
  subscribe: (listener: () => void) => () => void;
  get: (run: string, key: string, lens: Lens) => Loaded;
}

class Growing {
  readonly position: number;
  #curve: Curve;
  #length: number;
  #shown: Curve | null = null;

  constructor(curve: Curve, position: number) {
    this.#curve = curve;
    this.#length = curve.x.length;
    this.position = position;
  }

  get length(): number {
    return this.#length;
  }

  curve(): Curve {
    const { mean, low, high, ...said } = this.#curve;
    const cut = (column: Float64Array) => column.subarray(0, this.#length);
    const shared = cut(mean);
    this.#shown ??= { ...said, x: cut(said.x), mean: shared, low: low === mean ? shared : cut(low), high: high === mean ? shared : cut(high) };
    return this.#shown;
  }

  /** Adds the rows that hold the key and lie in the range, unless the curve was read later than they came. */
  add(part: TailRows, { from, to }: Lens): void {
    if (part.position <= this.position) return;
    for (const row of part.rows) {
      const value = numeric(row[this.#curve.key]);
      const x = value === null ? null : this.#place(row);
      if (value !== null && x !== null && (from === null || x >= from) && (to === null || x <= to)) this.#put(x, value);
    }
  }

  /** A step metric's value is the one logged with the row, else the latest before it. */
  #place(row: Tree): number | null {
    const logged = numeric(row[this.#curve.axis]);
    return logged ?? (this.#length > 0 ? (this.#curve.x[this.#length - 1] as number) : null);
  }

  #put(x: number, value: number): void {
    this.#shown = null;
    const columns = this.#curve;
    if (this.#length === columns.x.length) this.#grow();
    const { x: places, mean, low, high } = this.#curve;
    if (this.#length > 0 && places[this.#length - 1] === x && this.#curve.axis === "_step") this.#length--;
    places[this.#length] = x;
    mean[this.#length] = low[this.#length] = high[this.#length] = value;
    this.#length++;
    this.#curve.points++;
  }

  #grow(): void {
    const grown = (before: Float64Array) => {
      const after = new Float64Array(Math.max(64, before.length * 2));
      after.set(before);
      return after;
    };
    const { x, mean, low, high, ...said } = this.#curve;
    const line = grown(mean);
    this.#curve = { ...said, x: grown(x), mean: line, low: low === mean ? line : grown(low), high: high === mean ? line : grown(high) };
  }
}

interface View {
  lens: Lens;
  runs: Map<string, Map<string, Growing | Error | null>>;
  wanted: Map<string, Set<string>>;
  asking: boolean;
}

/** The series of one project's runs. */
export class SeriesStore implements CurveSource {
  readonly entity: string;
  readonly project: string;
  readonly #views = new Map<string, View>();
  readonly #recent = new Map<string, TailRows[]>();
  readonly #attempts = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #announced = false;

  constructor(entity: string, project: string) {
    this.entity = entity;
    this.project = project;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A curve, which is asked for when nobody has wanted it before. */
  get(run: string, key: string, lens: Lens): Loaded {
    const view = this.#view(lens);
    const found = view.runs.get(run)?.get(key);
    if (found === undefined) this.#want(view, run, key);
    if (found instanceof Error) return { curve: null, error: found };
    return { curve: found ? found.curve() : null, error: null };
  }

  /** Adds what the tail brought. */
  append(run: string, part: TailRows): void {
    const known = this.#attempts.get(run);
    this.#attempts.set(run, part.attempt);
    // A later attempt may hide what is here: the server knows.
    if (known !== undefined && part.attempt > known) return this.forget(run);
    this.#recent.set(run, [...(this.#recent.get(run) ?? []), part].slice(-RECENT_MAX));
    for (const { lens, runs } of this.#views.values()) {
      for (const [key, series] of runs.get(run) ?? []) {
        if (!(series instanceof Growing)) continue;
        series.add(part, lens);
        if (series.length > GROWTH_MAX * lens.samples) runs.get(run)?.delete(key);
      }
    }
    this.#announce();
  }

  /** Asks for a run's curves again when they are next wanted. */
  forget(run: string): void {
    for (const view of this.#views.values()) view.runs.delete(run);
    this.#announce();
  }

  #view(lens: Lens): View {
    const name = JSON.stringify(lens);
    const found = this.#views.get(name) ?? { lens, runs: new Map(), wanted: new Map(), asking: false };
    this.#views.delete(name);
    this.#views.set(name, found);
    if (this.#views.size > LENSES_MAX) this.#views.delete(this.#views.keys().next().value as string);
    return found;
  }

  #want(view: View, run: string, key: string): void {
    const series = view.runs.get(run) ?? new Map<string, Growing | Error | null>();
    view.runs.set(run, series.set(key, null));
    view.wanted.set(key, (view.wanted.get(key) ?? new Set()).add(run));
    if (view.asking) return;
    view.asking = true;
    setTimeout(() => void this.#ask(view), 0);
  }

  async #ask(view: View): Promise<void> {
    while (view.wanted.size > 0) {
      const keys = [...view.wanted.keys()];
      const runs = [...new Set([...view.wanted.values()].flatMap((names) => [...names]))];
      view.wanted.clear();
      await this.#load(view, keys, runs);
      this.#announce(0);
    }
    view.asking = false;
  }

  async #load({ lens, runs: series }: View, keys: readonly string[], runs: readonly string[]): Promise<void> {
    const set = (run: string, key: string, value: Growing | Error) => {
      const known = series.get(run) ?? new Map<string, Growing | Error | null>();
      series.set(run, known.set(key, value));
    };
    try {
      const { bytes, position } = await postBinary("series", [...asked(lens), ...this.#names(runs), ...keys.map((key) => ["key", key] as const)], MEDIA_TYPE);
      const curves = new Map(decodeCurves(bytes).map((curve) => [`${curve.run}\n${curve.key}`, curve]));
      for (const run of runs) {
        for (const key of keys) {
          const curve = curves.get(`${this.entity}/${this.project}/${run}\n${key}`) ?? nothing(run, key, lens);
          const growing = new Growing(curve, position);
          // What the tail brought while the answer was on its way.
          for (const part of this.#recent.get(run) ?? []) growing.add(part, lens);
          set(run, key, growing);
        }
      }
    } catch (error) {
      for (const run of runs) for (const key of keys) set(run, key, asError(error));
    }
  }

  #names(runs: readonly string[]): (readonly [string, string])[] {
    return runs.map((run) => ["run", `${this.entity}/${this.project}/${run}`] as const);
  }

  /** Tells the charts, at once for many parts of the tail. */
  #announce(after = ANNOUNCE_MS): void {
    if (this.#announced) return;
    this.#announced = true;
    setTimeout(() => {
      this.#announced = false;
      for (const listener of this.#listeners) listener();
    }, after);
  }
}

export function asked({ axis, from, to, samples, stream }: Lens): (readonly [string, string | number])[] {
  const metric = typeof axis === "object" ? axis.metric : null;
  const names = { auto: "metric", step: "step", relative: "relative", time: "time" } as const;
  return [
    ["x", typeof axis === "object" ? "metric" : names[axis]],
    ["samples", samples],
    ["bands", samples === SAMPLES_ALL ? 0 : 1],
    ["stream", stream],
    ...(metric === null ? [] : [["x_key", metric] as const]),
    ...(from === null ? [] : [["min", from] as const]),
    ...(to === null ? [] : [["max", to] as const]),
  ];
}

function nothing(run: string, key: string, { axis }: Lens): Curve {
  const none = new Float64Array();
  const names = { auto: "_step", step: "_step", relative: "_runtime", time: "_timestamp" } as const;
  return { run, key, axis: typeof axis === "object" ? axis.metric : names[axis], points: 0, x: none, mean: none, low: none, high: none };
}
