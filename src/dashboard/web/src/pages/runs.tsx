// The workspace of a project: the table of its runs, and beside it the charts of those that are selected.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getJson, getPositioned } from "../api/http.ts";
import { followChanges } from "../api/live.ts";
import type { FieldInfo, RunRow, TablePage } from "../api/types.ts";
import { ChartBoard } from "../charts/board.tsx";
import type { ChartRun } from "../charts/card.tsx";
import { chartView, smoothText, type ChartView } from "../charts/view.ts";
import { Failure, FirstRun, Loading } from "../components/basics.tsx";
import { PLAIN_FIELDS, quoted } from "../model/fields.ts";
import { plural } from "../model/format.ts";
import { assigned, strokeOf } from "../model/palette.ts";
import { PanelAdder, PanelShelf } from "../plots/shelf.tsx";
import type { Figure } from "../report/model.ts";
import { PickReport } from "../report/pick.tsx";
import { go, pathOf, setQuery } from "../router.ts";
import { useTail } from "../state/follow.ts";
import { useKeys } from "../state/keyboard.ts";
import { useGroups, type Groups as RunGroups } from "../state/groups.ts";
import { useResource } from "../state/resource.ts";
import { SeriesStore } from "../state/series.ts";
import { Grid } from "../table/grid.tsx";
import { Groups } from "../table/groups.tsx";
import { useRows, type RowSource } from "../table/rows.ts";
import { Toolbar } from "../table/toolbar.tsx";
import { tableView, type TableView } from "../table/view.ts";

const SHOWN_AT_FIRST = 8;
const REFRESH_MS = 1_000;
/** Which metrics there are is asked of that many runs. */
const KEYS_OF_RUNS_MAX = 200;

interface Names {
  entity: string;
  project: string;
}

export function RunsPage({ entity, project, query }: Names & { query: URLSearchParams }) {
  const place: [string, string][] = [["entity", entity], ["project", project]];
  const fields = useResource(`fields ${pathOf(entity, project)}`, (signal) => getJson<{ fields: FieldInfo[] }>("fields", place, signal));
  if (fields.error && !fields.data) return <Failure error={fields.error} retry={fields.reload} />;
  if (!fields.data) return <Loading what="runs" />;
  return <Workspace entity={entity} project={project} query={query} fields={fields.data.fields} reloadFields={fields.reload} />;
}

function Workspace(properties: Names & { query: URLSearchParams; fields: FieldInfo[]; reloadFields: () => void }) {
  const { entity, project, query, fields, reloadFields } = properties;
  const view = tableView(query, fields);
  const charts = chartView(query);
  const columns = useMemo(() => view.columns, [JSON.stringify(view.columns)]);
  const source = useRows({ entity, project, where: view.where, order: view.order, columns, deleted: view.deleted });
  const [focused, setFocused] = useState(-1);
  const live = useRefresh(source, reloadFields);
  const selected = useSelected({ entity, project }, view, columns, source, live.turn);
  const groups = useGroups({ entity, project, where: view.where }, view.by, view.groups, live.turn);
  const runs = useChartRuns(pathOf(entity, project), selected.rows, groups);
  const names = useMemo(() => [...PLAIN_FIELDS, ...fields.map(({ field }) => field)], [fields]);
  const select = (row: RunRow, on: boolean) =>
    setQuery({ run: on ? [...selected.ids, row.run_id] : selected.ids.length === 1 ? [""] : selected.ids.filter((id) => id !== row.run_id) });
  useWorkspaceKeys({ entity, project, source, focused, setFocused, select, selected: selected.ids, charts });
  const untouched = !view.where && !view.deleted;
  if (source.total === 0 && untouched && !source.loading) return <FirstRun project={project} />;
  const problem = source.error?.message ?? null;
  return (
    <div class={`workspace ${view.mode}`}>
      <section class="left" aria-label="Runs">
        <h1 class="unseen">
          {entity}/{project}
        </h1>
        <Toolbar view={view} fields={fields} names={names} columns={columns} source={source} selected={selected.ids} problem={problem} {...{ entity, project, query }} />
        <p class="count" role="status">
          {source.total === null ? "…" : plural(source.total, view.deleted ? "deleted run" : "run")}
          {view.by.length > 0 ? `, ${plural(groups.shown.size, "group")} shown in charts` : selected.ids.length > 0 && `, ${selected.ids.length} shown in charts`}
          {groups.cut && " (of each group only what is among the first 1,000 runs: a filter narrows them down)"}
          {!live.connected && <span class="state failed"> · no connection, trying again</span>}
        </p>
        {view.by.length > 0 ? (
          <Groups {...{ entity, project, view, columns }} shown={groups.shown} colours={runs.colours} turn={live.turn} />
        ) : (
          <Grid source={source} view={view} columns={columns} selected={selected.set} colours={runs.colours} baseline={selected.baseline} focused={focused} onFocus={setFocused} onSelect={select} />
        )}
        {source.total === 0 && !untouched && <p class="notice">No run matches. {view.where && <button type="button" onClick={() => setQuery({ filter: null, q: null })}>Show all runs</button>}</p>}
      </section>
      {view.mode !== "table" && (
        <section class="right" aria-label="Charts">
          {view.mode === "charts" && <Lines runs={runs.runs} />}
          <Charts entity={entity} project={project} rows={selected.rows} runs={runs.runs} view={charts} controls={<PanelAdder query={query} fields={fields} />}>
            <PanelShelf {...{ entity, project, query, names }} where={view.where} deleted={view.deleted} selected={selected.set} turn={live.turn} />
          </Charts>
        </section>
      )}
    </div>
  );
}

/** Reads again what is in sight when something was logged, at most once a second. */
function useRefresh(source: RowSource, reloadFields: () => void): { connected: boolean; turn: number } {
  const [connected, setConnected] = useState(true);
  const [turn, setTurn] = useState(0);
  const total = useRef<number | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const stop = followChanges(() => {
      timer ??= setTimeout(() => {
        timer = null;
        source.refresh();
        setTurn((before) => before + 1);
      }, REFRESH_MS);
    }, setConnected);
    return () => {
      stop();
      if (timer) clearTimeout(timer);
    };
  }, [source]);
  useEffect(() => {
    if (total.current !== null && source.total !== null && source.total !== total.current) reloadFields();
    total.current = source.total;
  }, [source.total]);
  return { connected, turn };
}

interface Selected {
  ids: string[];
  set: ReadonlySet<string>;
  rows: RunRow[];
  baseline: RunRow | null;
}

/** The selected runs, whether the table has them in sight or not; without a choice the first ones of the table. */
function useSelected({ entity, project }: Names, view: TableView, columns: readonly string[], source: RowSource, turn: number): Selected {
  const first = Array.from({ length: SHOWN_AT_FIRST }, (_, place) => source.row(place)).filter((row) => row !== undefined);
  const ids = view.selected ?? first.map((row) => row.run_id);
  const wanted = [...new Set([...ids, ...(view.baseline ? [view.baseline] : [])])];
  const filter = `run_id in [${wanted.map(quoted).join(", ")}]`;
  const needed = view.selected !== null || view.baseline !== null;
  const parameters: [string, string | number][] = [
    ["entity", entity],
    ["project", project],
    ["filter", filter],
    ["limit", 200],
    ...(view.deleted ? [["deleted", 1] as [string, number]] : []),
    ...columns.map((column): [string, string] => ["column", column]),
  ];
  const { data } = useResource(needed && wanted.length > 0 ? JSON.stringify([parameters, turn]) : null, (signal) =>
    getPositioned<TablePage>("table", parameters, signal),
  );
  const known = new Map((needed ? (data?.answer.runs ?? []) : first).map((row) => [row.run_id, row]));
  const rows = ids.map((id) => known.get(id)).filter((row) => row !== undefined);
  const shown = rows.map(({ run_id, name, state, created_at }) => [run_id, name, state, created_at]);
  return {
    ids,
    set: new Set(ids),
    rows: useMemo(() => rows, [JSON.stringify(shown)]),
    baseline: view.baseline === null ? null : (known.get(view.baseline) ?? null),
  };
}

/** For each chart a button that puts it into a report, as it is looked at. */
export function picks(place: Names, lines: readonly ChartRun[], stream: "default" | "system" = "default") {
  const figure = (key: string): Figure => ({ kind: "chart", key, stream, lines: [...lines], query: location.search.slice(1) });
  return (key: string) => <PickReport {...place} what={key} figure={() => figure(key)} />;
}

/** Colours stay with their runs while the project is open. */
const palettes = new Map<string, ReadonlyMap<string, number>>();

/** The lines of the charts: the selected runs, or the shown groups while the table groups them. */
function useChartRuns(project: string, rows: readonly RunRow[], { groups, shown }: RunGroups): { runs: ChartRun[]; colours: Map<string, string> } {
  return useMemo(() => {
    const ones = rows.map((row) => ({ id: row.run_id, name: row.name, members: [] as string[] }));
    const lines = groups.length === 0 ? ones : groups.filter(({ key }) => shown.has(key)).map(({ key, name, runs }) => ({ id: key, name: `${name} (${runs.length})`, members: runs }));
    const places = assigned(lines.map((line) => line.id), palettes.get(project) ?? new Map());
    palettes.set(project, places);
    const runs = lines.map((line): ChartRun => ({ ...line, stroke: strokeOf(places.get(line.id) ?? 0) }));
    return { runs, colours: new Map(runs.map((run) => [run.id, run.stroke.colour])) };
  }, [rows, project, groups, shown]);
}

const LINES_NAMED_MAX = 40;

/** What the colours mean, where no table beside the charts says so. */
function Lines({ runs }: { runs: readonly ChartRun[] }) {
  return (
    <p class="legend lines">
      {runs.slice(0, LINES_NAMED_MAX).map((run) => (
        <span key={run.id} class="entry">
          <span class="swatch" style={{ background: run.stroke.colour }} />
          {run.name}
        </span>
      ))}
      {runs.length > LINES_NAMED_MAX && <span class="faint">and {runs.length - LINES_NAMED_MAX} more</span>}
    </p>
  );
}

function Charts(properties: Names & { rows: readonly RunRow[]; runs: readonly ChartRun[]; view: ChartView; controls: ComponentChildren; children: ComponentChildren }) {
  const { entity, project, rows, runs, view, controls, children } = properties;
  const store = useMemo(() => new SeriesStore(entity, project), [entity, project]);
  const ids = runs.flatMap((run) => (run.members.length > 0 ? run.members : [run.id]));
  const parameters: [string, string][] = [["entity", entity], ["project", project], ...ids.slice(0, KEYS_OF_RUNS_MAX).map((id): [string, string] => ["run", id])];
  const { data, error, loading, reload } = useResource(runs.length > 0 ? JSON.stringify(parameters) : null, (signal) =>
    getPositioned<{ keys: string[] }>("keys", parameters, signal),
  );
  const grouped = runs.some((run) => run.members.length > 0);
  const running = grouped ? ids : rows.filter((row) => row.state === "running").map((row) => row.run_id);
  useTail(entity, project, data ? running : [], data?.position ?? 0, store);
  useEffect(() => reload(), [running.length]);
  if (runs.length === 0) return <>{children}<p class="notice">Select runs in the table to see their charts.</p></>;
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return loading ? <Loading what="charts" /> : null;
  return <ChartBoard keys={data.answer.keys} runs={runs} store={store} view={view} controls={controls} tools={picks({ entity, project }, runs)}>{children}</ChartBoard>;
}

function useWorkspaceKeys(properties: Names & {
  source: RowSource;
  focused: number;
  setFocused: (place: number) => void;
  select: (row: RunRow, on: boolean) => void;
  selected: readonly string[];
  charts: ChartView;
}): void {
  const { entity, project, source, focused, setFocused, select, selected, charts } = properties;
  const row = source.row(focused);
  useKeys({
    "/": () => document.querySelector<HTMLInputElement>("[data-keys=search]")?.focus(),
    j: () => setFocused(Math.min(focused + 1, (source.total ?? 1) - 1)),
    k: () => setFocused(Math.max(focused - 1, 0)),
    x: () => row && select(row, !selected.includes(row.run_id)),
    Enter: () => row && go(pathOf(entity, project, row.run_id)),
    c: () => selected.length > 1 && go(comparePath(entity, project, selected)),
    l: () => setQuery({ logy: !charts.logY }),
    s: () => setQuery({ smooth: charts.smoothing === "none" ? smoothText("ema", 0.6) : null }),
  });
}

export function comparePath(entity: string, project: string, runs: readonly string[]): string {
  return `${pathOf(entity, project, "-", "compare")}?${new URLSearchParams(runs.slice(0, 20).map((run): [string, string] => ["run", run]))}`;
}
