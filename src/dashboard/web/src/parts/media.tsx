// What a run logged besides numbers: images with a slider over their steps, histograms, tables and files.

import { useState } from "preact/hooks";
import { getJson } from "../api/http.ts";
import type { Run } from "../api/types.ts";
import { matcher } from "../charts/view.ts";
import { Loading } from "../components/basics.tsx";
import { Icon } from "../components/icons.tsx";
import { useResource } from "../state/resource.ts";
import { setQuery } from "../router.ts";
import { HeatMap, type HistogramColumns } from "./heatmap.tsx";
import { LoggedTable } from "./logged_table.tsx";
import { imagesOf, LoggedFile, Picture } from "./picture.tsx";
import { PartFailure } from "./unavailable.tsx";

const SAMPLES = 500;
const SHOWN_MAX = 100;

interface Entry {
  run: string;
  key: string;
  type: string;
  step: number;
}

interface Values {
  key: string;
  steps: number[];
  values: unknown[];
}

export function Media({ run, query }: { run: Run; query: URLSearchParams }) {
  const name = `${run.entity}/${run.project}/${run.run_id}`;
  const { data, error, reload } = useResource(JSON.stringify(["media", name, run.last_step]), (signal) => getJson<{ media: Entry[] }>("media", [["run", name]], signal));
  const search = query.get("keys") ?? "";
  if (error && !data) return <PartFailure error={error} retry={reload} what="media" />;
  if (!data) return <Loading what="media" />;
  if (data.media.length === 0) return <p class="notice">No images, tables, histograms or files were logged. run.log({"{"}"examples": runwell.Image(…){"}"}) logs some.</p>;
  const found = data.media.filter((entry) => matcher(search)(entry.key));
  return (
    <div class="board">
      <div class="controls" role="toolbar" aria-label="Media">
        <label class="search">
          <Icon name="search" />
          <input type="search" data-keys="charts" placeholder="Search media (regex)" aria-label="Search media" value={search} onInput={(event) => setQuery({ keys: event.currentTarget.value }, true)} />
        </label>
      </div>
      <h2 class="unseen">Media</h2>
      {found.length === 0 && <p class="notice">Nothing matches {search}.</p>}
      <div class="cards media">
        {found.slice(0, SHOWN_MAX).map((entry) => (
          <section class={`card ${entry.type === "table-file" ? "whole" : ""}`} key={entry.key} aria-label={entry.key}>
            <header>
              <h3 title={entry.key}>{entry.key}</h3>
              <span class="faint">{entry.type}</span>
            </header>
            <div class="inside">{entry.type === "histogram" ? <Histograms name={name} entry={entry} /> : <Stepped name={name} entry={entry} />}</div>
          </section>
        ))}
      </div>
      {found.length > SHOWN_MAX && <p class="faint">{found.length - SHOWN_MAX} more: narrow them down with the search above.</p>}
    </div>
  );
}

function Histograms({ name, entry }: { name: string; entry: Entry }) {
  const parameters: [string, string | number][] = [["run", name], ["key", entry.key], ["samples", SAMPLES]];
  const { data, error, reload } = useResource(JSON.stringify(["histograms", parameters, entry.step]), (signal) => getJson<{ histograms: HistogramColumns[] }>("histograms", parameters, signal));
  if (error && !data) return <PartFailure error={error} retry={reload} what="histograms" />;
  const found = data?.histograms[0];
  return found ? <HeatMap {...found} name={entry.key} /> : <Loading what="histograms" />;
}

/** The value at one step; the slider chooses among those at which there is one. */
function Stepped({ name, entry }: { name: string; entry: Entry }) {
  const parameters: [string, string | number][] = [["run", name], ["key", entry.key], ["samples", SAMPLES]];
  const { data, error, reload } = useResource(JSON.stringify(["values", parameters, entry.step]), (signal) => getJson<{ values: Values[] }>("media/values", parameters, signal));
  const [chosen, setChosen] = useState<number | null>(null);
  if (error && !data) return <PartFailure error={error} retry={reload} what="media" />;
  const found = data?.values[0];
  if (!found) return <Loading what={entry.key} />;
  const last = found.steps.length - 1;
  const place = Math.min(chosen ?? last, last);
  return (
    <>
      <Value value={found.values[place]} name={entry.key} />
      {last > 0 && (
        <label class="amount steps">
          <span class="unseen">Step of {entry.key}</span>
          <input type="range" min="0" max={last} step="1" value={place} aria-valuetext={`step ${found.steps[place]}`} onInput={(event) => setChosen(Number(event.currentTarget.value))} />
          <output>step {found.steps[place]?.toLocaleString("en-US")}</output>
        </label>
      )}
    </>
  );
}

function Value({ value, name }: { value: unknown; name: string }) {
  const images = imagesOf(value);
  if (images.length > 0) return <div class="pictures">{images.map((image, place) => <Picture key={`${place} ${image.sha256}`} {...image} />)}</div>;
  const { _type: type, sha256 } = (value ?? {}) as { _type?: unknown; sha256?: unknown };
  if (type === "table-file" && typeof sha256 === "string") return <LoggedTable key={sha256} sha256={sha256} name={name} />;
  return <LoggedFile value={value} name={name} />;
}
