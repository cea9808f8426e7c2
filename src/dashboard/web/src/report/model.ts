// What a report holds: Markdown and figures. A figure says where its data comes from, or, once pinned, holds the data
// itself as it was at a position of the log: then nothing that is logged, changed or deleted later alters it.

import type { Curve } from "../api/curves.ts";
import type { RunRow } from "../api/types.ts";
import type { ChartRun } from "../charts/card.tsx";
import { panelOf, type Panel } from "../plots/panels.ts";

export interface PinnedCurve {
  run: string;
  key: string;
  axis: string;
  points: number;
  /** Little-endian doubles in base64. */
  x: string;
  mean: string;
  low: string | null;
  high: string | null;
}

export interface PinnedTable {
  total: number;
  rows: RunRow[];
}

export type Figure =
  | { kind: "chart"; key: string; stream: "default" | "system"; lines: ChartRun[]; query: string; pinned?: { position: number; curves: PinnedCurve[] } }
  | { kind: "runs"; query: string; columns: string[]; pinned?: { position: number; table: PinnedTable } }
  | { kind: "panel"; panel: Panel; where: string; pinned?: { position: number; table: PinnedTable } };

export type Block = { kind: "text"; text: string } | Figure;

export interface ReportContent {
  blocks: Block[];
}

export const BLOCKS_MAX = 200;

/** The blocks of what was saved, by whomever; what is none is left out. */
export function blocksOf(content: unknown): Block[] {
  const blocks = (content as { blocks?: unknown } | null)?.blocks;
  return Array.isArray(blocks) ? blocks.slice(0, BLOCKS_MAX).flatMap((block) => blockOf(block) ?? []) : [];
}

type Loose = { [name: string]: unknown };

function blockOf(value: unknown): Block | null {
  if (typeof value !== "object" || value === null) return null;
  const found = value as Loose;
  const text = (name: string) => (typeof found[name] === "string" ? (found[name] as string) : "");
  const pinned = typeof found.pinned === "object" && found.pinned !== null ? (found.pinned as Loose) : null;
  switch (found.kind) {
    case "text":
      return { kind: "text", text: text("text") };
    case "chart": {
      const lines = list(found.lines).flatMap((line) => lineOf(line) ?? []);
      const figure = { kind: "chart", key: text("key"), stream: found.stream === "system" ? "system" : "default", lines, query: text("query") } as const;
      return pinned ? { ...figure, pinned: { position: Number(pinned.position) || 0, curves: list(pinned.curves) as PinnedCurve[] } } : figure;
    }
    case "runs": {
      const figure = { kind: "runs", query: text("query"), columns: list(found.columns).filter((column) => typeof column === "string") } as const;
      return pinned ? { ...figure, pinned: pinnedTable(pinned) } : { ...figure };
    }
    case "panel": {
      const panel = panelOf(JSON.stringify(found.panel ?? null));
      if (!panel) return null;
      const figure = { kind: "panel", panel, where: text("where") } as const;
      return pinned ? { ...figure, pinned: pinnedTable(pinned) } : figure;
    }
    default:
      return null;
  }
}

function pinnedTable(pinned: Loose): { position: number; table: PinnedTable } {
  const table = (pinned.table ?? {}) as Loose;
  const rows = list(table.rows).filter((row) => typeof row === "object" && row !== null && Array.isArray((row as Loose).values)) as RunRow[];
  return { position: Number(pinned.position) || 0, table: { total: Number(table.total) || rows.length, rows } };
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function lineOf(value: unknown): ChartRun | null {
  const { id, name, stroke, members } = (value ?? {}) as Loose;
  const { colour, dash } = (stroke ?? {}) as Loose;
  if (typeof id !== "string" || typeof name !== "string" || !/^#[0-9a-f]{6}$/i.test(String(colour))) return null;
  const dashes = list(dash).filter((length) => typeof length === "number") as number[];
  return { id, name, stroke: { colour: String(colour), dash: dashes }, members: list(members).filter((member) => typeof member === "string") };
}


export function isPinned(blocks: readonly Block[]): boolean {
  const figures = blocks.filter((block) => block.kind !== "text") as Figure[];
  return figures.length > 0 && figures.every((figure) => figure.pinned !== undefined);
}

/** The same figures, live again. */
export function unpinned(blocks: readonly Block[]): Block[] {
  return blocks.map((block) => {
    if (block.kind === "text") return block;
    const { pinned: _, ...live } = block;
    return live;
  });
}

export function packed(curve: Curve): PinnedCurve {
  const { run, key, axis, points, x, mean, low, high } = curve;
  const same = low === mean && high === mean;
  return { run, key, axis, points, x: toBase64(x), mean: toBase64(mean), low: same ? null : toBase64(low), high: same ? null : toBase64(high) };
}

export function unpacked(curve: PinnedCurve): Curve {
  const mean = fromBase64(curve.mean);
  return { ...curve, x: fromBase64(curve.x), mean, low: curve.low === null ? mean : fromBase64(curve.low), high: curve.high === null ? mean : fromBase64(curve.high) };
}

function toBase64(numbers: Float64Array): string {
  const bytes = new Uint8Array(numbers.slice().buffer);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function fromBase64(text: string): Float64Array {
  const letters = atob(text);
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  return new Float64Array(bytes.buffer, 0, Math.floor(bytes.length / 8));
}
