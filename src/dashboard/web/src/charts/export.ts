// Charts as files.

import { getJson, runPath } from "../api/http.ts";
import { csv, saved } from "../model/csv.ts";
import type { CardProperties } from "./card.tsx";

interface Whole {
  series: { [key: string]: { steps: number[]; times: number[]; values: unknown[] } };
}

/** Every point of the shown runs, not what is left after thinning. */
export async function exportCsv(name: string, { runs, store }: CardProperties): Promise<void> {
  const rows: unknown[][] = [["run_id", "name", "step", "time", name]];
  const ids = runs.flatMap(({ id, name: shown, members }) => (members.length > 0 ? members : [id]).map((own) => [own, shown] as const));
  for (const [id, shown] of ids) {
    const { series } = await getJson<Whole>(`${runPath(store.entity, store.project, id)}/series`, [["key", name]]);
    const { steps, times, values } = series[name] ?? { steps: [], times: [], values: [] };
    for (const [place, step] of steps.entries()) rows.push([id, shown, step, times[place], values[place]]);
  }
  saved(`${name}.csv`, new Blob([csv(rows)], { type: "text/csv" }));
}

/** The large chart as it is on the screen, on the page's own paper. */
export function exportPng(name: string): void {
  const shown = document.querySelector<HTMLCanvasElement>("dialog canvas");
  if (!shown) return;
  const picture = document.createElement("canvas");
  picture.width = shown.width;
  picture.height = shown.height;
  const context = picture.getContext("2d");
  if (!context) return;
  context.fillStyle = getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, picture.width, picture.height);
  context.drawImage(shown, 0, 0);
  picture.toBlob((file) => file && saved(`${name}.png`, file));
}
