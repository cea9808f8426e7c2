// Reading the data of live figures at one moment, to keep it in the report.

import { decodeCurves, MEDIA_TYPE } from "../api/curves.ts";
import { getPositioned, postBinary } from "../api/http.ts";
import type { TablePage } from "../api/types.ts";
import { chartView } from "../charts/view.ts";
import { fieldsOf } from "../plots/panels.ts";
import { asked } from "../state/series.ts";
import { tableView } from "../table/view.ts";
import { packed, type Block, type Figure, type PinnedTable } from "./model.ts";

const SAMPLES = 500;
export const ROWS_MAX = 20;
export const PANEL_ROWS_MAX = 1_000;

export interface Place {
  entity: string;
  project: string;
}

/** The blocks, each figure with its data as it is now. Throws ApiError. */
export async function pinned(place: Place, blocks: readonly Block[]): Promise<Block[]> {
  return Promise.all(blocks.map((block) => (block.kind === "text" ? block : pinnedFigure(place, block))));
}

async function pinnedFigure(place: Place, figure: Figure): Promise<Figure> {
  switch (figure.kind) {
    case "chart": {
      const { position, curves } = await readCurves(place, figure);
      return { ...figure, pinned: { position, curves: curves.map(packed) } };
    }
    case "runs": {
      const { position, table } = await readRuns(place, figure.query, figure.columns, ROWS_MAX);
      return { ...figure, pinned: { position, table } };
    }
    case "panel": {
      const { position, table } = await readTable(place, figure.where, "", fieldsOf(figure.panel), PANEL_ROWS_MAX);
      return { ...figure, pinned: { position, table } };
    }
  }
}

async function readCurves({ entity, project }: Place, figure: Figure & { kind: "chart" }) {
  const view = chartView(new URLSearchParams(figure.query));
  const ids = figure.lines.flatMap((line) => (line.members.length > 0 ? line.members : [line.id]));
  const runs = [...new Set(ids)].map((id) => ["run", `${entity}/${project}/${id}`] as const);
  const lens = { axis: view.axis, from: null, to: null, samples: SAMPLES, stream: figure.stream };
  const { bytes, position } = await postBinary("series", [...asked(lens), ...runs, ["key", figure.key]], MEDIA_TYPE);
  return { position, curves: decodeCurves(bytes) };
}

export async function readRuns(place: Place, query: string, columns: readonly string[], limit: number, signal?: AbortSignal) {
  const view = tableView(new URLSearchParams(query), []);
  return readTable(place, view.where, view.order, columns, limit, signal);
}

export async function readTable({ entity, project }: Place, where: string, order: string, columns: readonly string[], limit: number, signal?: AbortSignal): Promise<{ position: number; table: PinnedTable }> {
  const parameters: [string, string | number][] = [["entity", entity], ["project", project], ["filter", where], ["order", order], ["limit", limit], ...columns.map((column): [string, string] => ["column", column])];
  const { answer, position } = await getPositioned<TablePage>("table", parameters, signal);
  return { position, table: { total: answer.total, rows: answer.runs } };
}
