// The series that charts draw, by run and key: asked for once, in one request for all keys that are wanted at the same
// time, and then grown by what the tail brings.

import { decodeColumns, MEDIA_TYPE, numeric, type Columns } from "../api/columns.ts";
import { getBinary, runPath } from "../api/http.ts";
import type { TailRows } from "../api/types.ts";
import { asError } from "./resource.ts";

const REQUESTS_MAX = 4;
const KEYS_MAX = 100;
const BYTES_MAX = 160_000_000;
const POINT_BYTES = 24;
const RECENT_MAX = 200;

/** One series: loading while both are null. */
export interface Loaded {
  columns: Columns | null;
  error: Error | null;
}

class Growing {
  steps: Float64Array;
  times: Float64Array;
  values: Float64Array;
  length: number;
  /** The log position that the points include. */
  position: number;
  #columns: Columns | null = null;

  constructor(columns: Columns, position: number) {
    this.steps = columns.steps;
    this.times = columns.times;
    this.values = columns.values;
    this.length = columns.steps.length;
    this.position = position;
  }

  put(step: number, time: number, value: number): void {
    this.#columns = null;
    if (this.length > 0 && this.steps[this.length - 1] === step) this.length--;
    if (this.length === this.steps.length) this.#grow();
    this.steps[this.length] = step;
    this.times[this.length] = time;
    this.values[this.length] = value;
    this.length++;
  }

  /** Adds the rows that hold the key, unless the series was read later than they came. */
  add(key: string, part: TailRows): void {
    if (part.position <= this.position) return;
    for (const row of part.rows) {
      const value = numeric(row[key]);
      if (value !== null) this.put(Number(row._step), Number(row._timestamp), value);
    }
  }

  columns(): Columns {
    this.#columns ??= {
      steps: this.steps.subarray(0, this.length),
      times: this.times.subarray(0, this.length),
      values: this.values.subarray(0, this.length),
    };
    return this.#columns;
  }

  #grow(): void {
    const grown = (before: Float64Array) => {
      const after = new Float64Array(Math.max(64, before.length * 2));
      after.set(before);
      return after;
    };
    this.steps = grown(this.steps);
    this.times = grown(this.times);
    this.values = grown(this.values);
  }
}

/** The series of one project's runs. */
export class SeriesStore {
  readonly #entity: string;
  readonly #project: string;
  readonly #series = new Map<string, Map<string, Growing | Error | null>>();
  readonly #wanted = new Map<string, Set<string>>();
  readonly #recent = new Map<string, TailRows[]>();
  readonly #attempts = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #running = 0;
  #announced = false;
  version = 0;

  constructor(entity: string, project: string) {
    this.#entity = entity;
    this.#project = project;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A series, which is asked for when nobody has wanted it before. */
  get(run: string, key: string): Loaded {
    const found = this.#series.get(run)?.get(key);
    if (found === undefined) this.#want(run, key);
    if (found instanceof Error) return { columns: null, error: found };
    return { columns: found ? found.columns() : null, error: null };
  }

  /** Adds what the tail brought. */
  append(run: string, part: TailRows): void {
    const known = this.#attempts.get(run);
    this.#attempts.set(run, part.attempt);
    // A later attempt may hide what is here: the server knows.
    if (known !== undefined && part.attempt > known) return this.forget(run);
    const recent = this.#recent.get(run) ?? [];
    this.#recent.set(run, [...recent, part].slice(-RECENT_MAX));
    for (const [key, series] of this.#series.get(run) ?? []) {
      if (series instanceof Growing) series.add(key, part);
    }
    this.#announce();
  }

  /** Asks for a run's series again when they are next wanted. */
  forget(run: string): void {
    this.#series.delete(run);
    this.#announce();
  }

  #want(run: string, key: string): void {
    this.#of(run).set(key, null);
    if (this.#wanted.size === 0) setTimeout(() => this.#ask(), 0);
    const keys = this.#wanted.get(run) ?? new Set();
    this.#wanted.set(run, keys.add(key));
  }

  #of(run: string): Map<string, Growing | Error | null> {
    const found = this.#series.get(run) ?? new Map<string, Growing | Error | null>();
    this.#series.delete(run);
    this.#series.set(run, found);
    return found;
  }

  #ask(): void {
    while (this.#running < REQUESTS_MAX) {
      const next = this.#wanted.entries().next().value;
      if (next === undefined) return;
      const [run, keys] = next;
      const asked = [...keys].slice(0, KEYS_MAX);
      for (const key of asked) keys.delete(key);
      if (keys.size === 0) this.#wanted.delete(run);
      this.#running++;
      void this.#load(run, asked).finally(() => {
        this.#running--;
        this.#announce();
        this.#ask();
      });
    }
  }

  async #load(run: string, keys: readonly string[]): Promise<void> {
    try {
      const path = `${runPath(this.#entity, this.#project, run)}/series`;
      const parameters = keys.map((key): [string, string] => ["key", key]);
      const { bytes, position } = await getBinary(path, parameters, MEDIA_TYPE);
      const series = this.#of(run);
      for (const [key, columns] of decodeColumns(bytes)) {
        const growing = new Growing(columns, position);
        // What the tail brought while the answer was on its way.
        for (const part of this.#recent.get(run) ?? []) growing.add(key, part);
        series.set(key, growing);
      }
      this.#drop(run);
    } catch (error) {
      for (const key of keys) this.#of(run).set(key, asError(error));
    }
  }

  /** The runs used longest ago leave when there is too much. */
  #drop(kept: string): void {
    let bytes = 0;
    for (const run of [...this.#series.keys()].reverse()) {
      for (const series of this.#series.get(run)?.values() ?? []) {
        if (series instanceof Growing) bytes += series.steps.length * POINT_BYTES;
      }
      if (bytes > BYTES_MAX && run !== kept) this.#series.delete(run);
    }
  }

  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    setTimeout(() => {
      this.#announced = false;
      this.version++;
      for (const listener of this.#listeners) listener();
    }, 50);
  }
}
