// Charts as files.

import { csv, saved } from "../model/csv.ts";
import type { CardProperties } from "./card.tsx";

/** Every point of the shown runs, not what is left after thinning. */
export function exportCsv(name: string, { runs, store }: CardProperties): void {
  const rows: unknown[][] = [["run_id", "name", "step", "time", name]];
  for (const run of runs) {
    const { columns } = store.get(run.id, name);
    for (let place = 0; place < (columns?.steps.length ?? 0); place++) {
      rows.push([run.id, run.name, columns?.steps[place], columns?.times[place], columns?.values[place]]);
    }
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
