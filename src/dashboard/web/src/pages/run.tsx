// One run: what it is, its charts, its configuration and results.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError, getPositioned, runPath } from "../api/http.ts";
import type { Run, RunChange } from "../api/types.ts";
import { ChartBoard } from "../charts/board.tsx";
import type { ChartRun } from "../charts/card.tsx";
import { chartView, smoothText } from "../charts/view.ts";
import { EditableName } from "../components/editing.tsx";
import { Failure, IconButton, Link, Loading, StateMark } from "../components/basics.tsx";
import { Overview } from "../components/overview.tsx";
import { TreeTable } from "../components/tree.tsx";
import { ago, duration } from "../model/format.ts";
import { strokeOf } from "../model/palette.ts";
import { pathOf, setQuery } from "../router.ts";
import { RunArtifacts } from "../parts/artifacts.tsx";
import { Console } from "../parts/console.tsx";
import { Media } from "../parts/media.tsx";
import { picks } from "./runs.tsx";
import { deleteRuns, restoreRuns } from "../table/bulk.tsx";
import { useTail } from "../state/follow.ts";
import { useKeys } from "../state/keyboard.ts";
import { useResource } from "../state/resource.ts";
import { SeriesStore } from "../state/series.ts";

const TABS = [
  ["charts", "Charts"],
  ["overview", "Overview"],
  ["config", "Config"],
  ["summary", "Summary"],
  ["system", "System"],
  ["console", "Console"],
  ["media", "Media"],
  ["artifacts", "Artifacts"],
] as const;

const SYSTEM_REFRESH_MS = 10_000;

type Tab = (typeof TABS)[number][0];

interface Properties {
  entity: string;
  project: string;
  runId: string;
  query: URLSearchParams;
}

export function RunPage(properties: Properties) {
  const { entity, project, runId } = properties;
  const run = useResource(`run ${pathOf(entity, project, runId)}`, (signal) =>
    getPositioned<Run>(runPath(entity, project, runId), [], signal),
  );
  if (run.error instanceof ApiError && run.error.status === 404) return <Missing {...properties} />;
  if (run.error && !run.data) return <Failure error={run.error} retry={run.reload} />;
  if (!run.data) return <Loading what="the run" />;
  return <Shown {...properties} read={run.data.answer} position={run.data.position} reload={run.reload} />;
}

function Missing({ entity, project, runId }: Properties) {
  return (
    <div class="empty">
      <h1>There is no such run here (yet)</h1>
      <p>
        Nothing of <code>{`${entity}/${project}/${runId}`}</code> has arrived. If it was logged on another machine, <code>runwell sync</code> sends it.
      </p>
      <p>
        <Link to={pathOf(entity, project)}>All runs of {project}</Link>
      </p>
    </div>
  );
}

function Shown(properties: Properties & { read: Run; position: number; reload: () => void }) {
  const { entity, project, runId, query, read, position, reload } = properties;
  const [change, setChange] = useState<RunChange | null>(null);
  const run: Run = { ...read, ...change };
  const tab = TABS.find(([name]) => name === query.get("tab"))?.[0] ?? "charts";
  const store = useMemo(() => new SeriesStore(entity, project), [entity, project]);
  const connected = useTail(entity, project, [runId], position, store, (_, next) => setChange(next));
  const keys = useResource(`keys ${run.last_step === null} ${Math.floor(Math.log2((run.last_step ?? 0) + 2))}`, (signal) =>
    getPositioned<{ keys: string[] }>("keys", [["entity", entity], ["project", project], ["run", runId]], signal),
  );
  useEffect(() => {
    if (change && change.state !== read.state) reload();
  }, [change?.state]);
  const view = chartView(query);
  useKeys({
    "/": () => document.querySelector<HTMLInputElement>("[data-keys=charts]")?.focus(),
    l: () => setQuery({ logy: !view.logY }),
    s: () => setQuery({ smooth: view.smoothing === "none" ? smoothText("ema", 0.6) : null }),
  });
  const charted: ChartRun[] = useMemo(
    () => [{ id: runId, name: run.name, stroke: strokeOf(0), members: [] }],
    [runId, run.name],
  );
  return (
    <div class="page run">
      <header class="title">
        <EditableName run={run} changed={reload} />
        <StateMark state={run.state} named />
        {run.deleted ? (
          <>
            <span class="state failed">deleted</span>
            <button type="button" onClick={() => void restoreRuns({ entity, project }, [runId]).then(reload)}>Restore</button>
          </>
        ) : (
          <IconButton icon="trash" label="Delete this run" onClick={() => void deleteRuns({ entity, project }, [runId]).then(reload)} />
        )}
        <span class="faint">
          {ago(run.created_at, Date.now() / 1000)} · {duration(run.duration_s)}
          {run.last_step !== null && ` · step ${run.last_step.toLocaleString("en-US")}`}
        </span>
        {!connected && <span class="state failed">no connection, trying again</span>}
      </header>
      <Tabs tab={tab} />
      <Panel tab={tab} run={run} query={query} changed={reload} system={<SystemCharts {...{ entity, project, runId, query }} runs={charted} running={run.state === "running"} />}>
        {keys.data ? (
          <ChartBoard keys={keys.data.answer.keys} runs={charted} store={store} view={view} tools={picks({ entity, project }, charted)} />
        ) : keys.error ? (
          <Failure error={keys.error} retry={keys.reload} />
        ) : (
          <Loading what="charts" />
        )}
      </Panel>
    </div>
  );
}

function Tabs({ tab }: { tab: Tab }) {
  return (
    <nav class="tabs" aria-label="Parts of the run">
      {TABS.map(([name, label]) => (
        <button key={name} type="button" aria-current={tab === name ? "page" : undefined} onClick={() => setQuery({ tab: name === "charts" ? null : name })}>
          {label}
        </button>
      ))}
    </nav>
  );
}

function Panel({ tab, run, query, changed, system, children }: { tab: Tab; run: Run; query: URLSearchParams; changed: () => void; system: ComponentChildren; children: ComponentChildren }) {
  switch (tab) {
    case "charts":
      return <>{children}</>;
    case "overview":
      return <Overview run={run} changed={changed} />;
    case "config":
      return <TreeTable tree={run.config} nothing="No configuration was set. runwell.init(config={…}) sets one." />;
    case "summary":
      return <TreeTable tree={run.summary} nothing="Nothing was logged yet." />;
    case "system":
      return <>{system}</>;
    case "console":
      return <Console run={run} query={query} />;
    case "media":
      return <Media run={run} query={query} />;
    case "artifacts":
      return <RunArtifacts run={run} />;
  }
}

/** What the machine and the process did while the run ran, along the time. */
function SystemCharts({ entity, project, runId, query, runs, running }: Properties & { runs: readonly ChartRun[]; running: boolean }) {
  const [turn, setTurn] = useState(0);
  const store = useMemo(() => new SeriesStore(entity, project), [entity, project, turn]);
  const keys = useResource(`system ${turn}`, (signal) =>
    getPositioned<{ keys: string[] }>("keys", [["entity", entity], ["project", project], ["run", runId], ["stream", "system"]], signal),
  );
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setTurn((before) => before + 1), SYSTEM_REFRESH_MS);
    return () => clearInterval(timer);
  }, [running]);
  if (keys.error && !keys.data) return <Failure error={keys.error} retry={keys.reload} />;
  if (!keys.data) return <Loading what="system metrics" />;
  if (keys.data.answer.keys.length === 0) return <p class="notice">No system metrics of this run have arrived.</p>;
  const view = chartView(query);
  return <ChartBoard keys={keys.data.answer.keys} runs={runs} store={store} view={view.axis === "auto" ? { ...view, axis: "relative" } : view} stream="system" />;
}
