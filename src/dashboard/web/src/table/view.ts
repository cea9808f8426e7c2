// How the runs table is looked at, as the address says it.

import type { FieldInfo } from "../api/types.ts";
import { both, search } from "../model/filter.ts";
import { defaultColumns, orderTerms, type SortTerm } from "../model/fields.ts";

export interface TableView {
  filter: string;
  search: string;
  /** Filter and search as the server takes them. */
  where: string;
  order: string;
  terms: SortTerm[];
  columns: string[];
  pinned: ReadonlySet<string>;
  widths: ReadonlyMap<string, number>;
  by: string[];
  /** Keys of the groups that the charts show; null while the reader has not chosen. */
  groups: string[] | null;
  baseline: string | null;
  /** Selected runs; null while the reader has not chosen: then the first ones are shown. */
  selected: string[] | null;
  deleted: boolean;
  mode: "both" | "table" | "charts";
}

export const WIDTH = 110;
export const WIDTH_MIN = 48;
export const WIDTH_MAX = 800;
export const NAME = "name";

export function tableView(query: URLSearchParams, fields: readonly FieldInfo[]): TableView {
  const filter = query.get("filter") ?? "";
  const text = query.get("q") ?? "";
  const order = query.get("order") ?? "";
  const mode = query.get("view");
  const columns = query.getAll("col");
  const selected = query.getAll("run");
  const groups = query.getAll("group");
  return {
    filter,
    search: text,
    where: both(filter, search(text)),
    order,
    terms: orderTerms(order),
    columns: columns.length > 0 ? columns : defaultColumns(fields),
    pinned: new Set(query.getAll("cpin")),
    widths: new Map(query.getAll("w").map(width)),
    by: query.getAll("by"),
    groups: groups.length > 0 ? groups.filter((key) => key !== "") : null,
    baseline: query.get("base"),
    selected: selected.length > 0 ? selected.filter((run) => run !== "") : null,
    deleted: query.get("deleted") === "1",
    mode: mode === "table" || mode === "charts" ? mode : "both",
  };
}

function width(text: string): [string, number] {
  const colon = text.lastIndexOf(":");
  const number = Number(text.slice(colon + 1));
  return [text.slice(0, colon), Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, number || WIDTH))];
}

export function widthTexts(widths: ReadonlyMap<string, number>): string[] {
  return [...widths].map(([field, pixels]) => `${field}:${Math.round(pixels)}`);
}

/** Pinned columns first, each part in its own order. */
export function arranged(columns: readonly string[], pinned: ReadonlySet<string>): string[] {
  return [...columns.filter((field) => pinned.has(field)), ...columns.filter((field) => !pinned.has(field))];
}

/** The columns after one was moved before another (or to the end). */
export function moved(columns: readonly string[], field: string, before: string | null): string[] {
  const others = columns.filter((column) => column !== field);
  const place = before === null ? others.length : others.indexOf(before);
  return [...others.slice(0, place < 0 ? others.length : place), field, ...others.slice(place < 0 ? others.length : place)];
}
