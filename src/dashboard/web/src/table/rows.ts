// The rows of a table of any length: only those in sight are asked for, in blocks, and what is shown stays until the
// answer to a new question is there.

import { useEffect, useLayoutEffect, useMemo, useReducer } from "preact/hooks";
import { getPositioned, type Parameters } from "../api/http.ts";
import type { RunRow, TablePage } from "../api/types.ts";
import { asError } from "../state/resource.ts";

const BLOCK = 100;
const BLOCKS_MAX = 60;

export interface Question {
  entity: string;
  project: string;
  where: string;
  order: string;
  columns: readonly string[];
  deleted: boolean;
}

function parametersOf(question: Question, offset: number, limit: number): Parameters {
  return [
    ["entity", question.entity],
    ["project", question.project],
    ["filter", question.where],
    ["order", question.order],
    ["offset", offset],
    ["limit", limit],
    ...(question.deleted ? [["deleted", 1] as const] : []),
    ...question.columns.map((column) => ["column", column] as const),
  ];
}

/** Answers to one question at a time, by block. */
export class RowSource {
  total: number | null = null;
  error: Error | null = null;
  loading = false;
  #blocks = new Map<number, RunRow[]>();
  /** Filter and order of the rows that are shown. */
  answered = "";
  #columns: readonly string[] = [];
  #question: Question | null = null;
  #asking = new Map<number, AbortController>();
  #sight: [number, number] = [0, 40];
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The row at a place, and the columns that its values belong to. */
  row(place: number): RunRow | undefined {
    return this.#blocks.get(Math.floor(place / BLOCK))?.[place % BLOCK];
  }

  get columns(): readonly string[] {
    return this.#columns;
  }

  ask(question: Question): void {
    this.#question = question;
    this.stop();
    void this.#load(this.#wantedBlocks(), true);
  }

  /** Which rows are in sight. */
  look(first: number, last: number): void {
    this.#sight = [first, last];
    const missing = this.#wantedBlocks().filter((block) => !this.#blocks.has(block) && !this.#asking.has(block));
    if (missing.length > 0 && this.#columns === this.#question?.columns) void this.#load(missing, false);
  }

  /** Reads what is in sight again. */
  refresh(): void {
    if (this.#asking.size === 0 && this.#question !== null) void this.#load(this.#wantedBlocks(), true);
  }

  stop(): void {
    for (const controller of this.#asking.values()) controller.abort();
    this.#asking.clear();
  }

  #wantedBlocks(): number[] {
    const first = Math.max(0, Math.floor(this.#sight[0] / BLOCK));
    const last = Math.floor(Math.max(this.#sight[1], 0) / BLOCK);
    return Array.from({ length: last - first + 1 }, (_, place) => first + place);
  }

  async #load(blocks: number[], anew: boolean): Promise<void> {
    const question = this.#question;
    if (question === null || blocks.length === 0) return;
    const controller = new AbortController();
    for (const block of blocks) this.#asking.set(block, controller);
    this.loading = true;
    this.#changed();
    try {
      const first = (blocks[0] as number) * BLOCK;
      const parameters = parametersOf(question, first, blocks.length * BLOCK);
      const { answer } = await getPositioned<TablePage>("table", parameters, controller.signal);
      if (anew) this.#blocks = new Map();
      for (const [place, block] of blocks.entries()) {
        this.#blocks.set(block, answer.runs.slice(place * BLOCK, (place + 1) * BLOCK));
      }
      while (this.#blocks.size > BLOCKS_MAX) this.#blocks.delete(this.#blocks.keys().next().value as number);
      this.#columns = question.columns;
      this.answered = `${question.where}|${question.order}`;
      this.total = answer.total;
      this.error = null;
    } catch (error) {
      if (controller.signal.aborted) return;
      this.error = asError(error);
    }
    for (const block of blocks) if (this.#asking.get(block) === controller) this.#asking.delete(block);
    this.loading = this.#asking.size > 0;
    this.#changed();
    this.look(...this.#sight);
  }
}

/** A source for the question; null asks nothing yet. */
export function useRows(question: Question | null): RowSource {
  const [, changed] = useReducer((before: number) => before + 1, 0);
  const source = useMemo(() => new RowSource(() => changed(undefined)), []);
  useLayoutEffect(() => {
    if (question !== null) source.ask(question);
  }, [JSON.stringify(question)]);
  useEffect(() => () => source.stop(), []);
  return source;
}
