// A sweep: how far it is, what was best, which parameters matter, its trials, and who works on it.

import { useEffect, useState } from "preact/hooks";
import { changeSweep, readSweep, readSweeps, type Sweep, type SweepState, type SweepStory, type Trial } from "../api/sweeps.ts";
import { Failure, Link, Loading } from "../components/basics.tsx";
import { duration, plural, shortNumber, shownValue } from "../model/format.ts";
import { bestSoFar, flatParameters, parallelAxes, valued } from "../model/trials.ts";
import { Importance } from "../plots/importance.tsx";
import { Parallel, type Brush } from "../plots/parallel.tsx";
import { Scatter } from "../plots/scatter.tsx";
import { go, pathOf } from "../router.ts";
import { notify } from "../state/notices.ts";
import { asError, useResource } from "../state/resource.ts";

const REFRESH_MS = 3_000;
const PLOT_HEIGHT = 260;
const TRIALS_SHOWN = 500;
const OVER: readonly SweepState[] = ["finished", "stopped", "cancelled", "deleted"];

export function SweepPage({ entity, project, id }: { entity: string; project: string; id: string }) {
  const { data, error, reload } = useResource(pathOf(entity, project, id), (signal) => readSweep(entity, project, id, signal));
  const live = data !== null && (!OVER.includes(data.sweep.state) || (data.sweep.trials.running ?? 0) > 0);
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(reload, REFRESH_MS);
    return () => clearInterval(timer);
  }, [live]);
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="the sweep" />;
  return (
    <div class="page sweep">
      <Head sweep={data.sweep} reload={reload} />
      <Charts story={data} />
      <Trials trials={data.trials} entity={entity} project={project} />
      <Agents sweep={data.sweep} />
    </div>
  );
}

function Head({ sweep, reload }: { sweep: Sweep; reload: () => void }) {
  const { state, trials, metric, best } = sweep;
  const { total, ...counts } = trials;
  const change = (wanted: SweepState) => () =>
    changeSweep(sweep, wanted).then(
      () => reload(),
      (error: unknown) => notify({ text: asError(error).message }),
    );
  return (
    <header class="title">
      <h1>{sweep.name}</h1>
      <p role="status">
        {state}, {sweep.method}: {total}
        {sweep.expected === null ? "" : ` of ${sweep.expected}`} {plural(total, "trial").replace(/^\S+\s/, "")}
        {total > 0 && ` (${Object.entries(counts).map(([name, count]) => `${count} ${name}`).join(", ")})`}
      </p>
      {metric && (
        <p>
          {metric.goal} <code>{metric.name}</code>:{" "}
          {best ? <b>{shownValue(best.value)} in trial {best.trial}</b> : total > 0 ? `no trial has it in its summary yet` : "no trial yet"}
        </p>
      )}
      <p>
        {state === "running" && <button type="button" onClick={change("paused")}>Pause</button>}
        {state === "paused" && <button type="button" onClick={change("running")}>Resume</button>}
        {!OVER.includes(state) && <button type="button" title="Running trials end; no more are given" onClick={change("stopped")}>Stop</button>}
        {!OVER.includes(state) && <button type="button" title="Running trials are stopped too" onClick={change("cancelled")}>Cancel</button>}
      </p>
    </header>
  );
}

function Charts({ story: { sweep, trials, importance } }: { story: SweepStory }) {
  const [brushes, setBrushes] = useState<(Brush | null)[]>([]);
  const { metric } = sweep;
  const ended = valued(trials);
  if (!metric || ended.length < 2) return null;
  const runs = ended.map(({ trial, runs: [run] }) => ({ id: run ?? String(trial), name: `trial ${trial}` }));
  const open = (run: { id: string }) => go(pathOf(sweep.entity, sweep.project, run.id));
  const minutes = ended.map(({ ended_at: end }) => ((end ?? 0) - sweep.created_at) / 60);
  const axes = parallelAxes(ended, metric.name);
  return (
    <>
      <section aria-label="Best so far">
        <h2>Best so far</h2>
        <Scatter runs={runs} x={{ label: "minutes", values: minutes }} y={{ label: `best ${metric.name} so far`, values: bestSoFar(ended, metric.goal) }} colour={null} height={PLOT_HEIGHT} onOpen={open} />
      </section>
      <section aria-label="Values">
        <h2>Values</h2>
        <Scatter runs={runs} x={{ label: "trial", values: ended.map(({ trial }) => trial) }} y={{ label: metric.name, values: ended.map(({ value }) => value) }} colour={null} height={PLOT_HEIGHT} onOpen={open} />
      </section>
      <section aria-label="Parameters">
        <h2>Parameters</h2>
        <Parallel
          runs={runs}
          axes={axes}
          colourBy={axes.length - 1}
          brushes={axes.map((_, place) => brushes[place] ?? null)}
          height={PLOT_HEIGHT}
          onBrush={(axis, brush) => setBrushes(axes.map((_, place) => (place === axis ? brush : (brushes[place] ?? null))))}
          onOpen={open}
        />
      </section>
      <section aria-label="Importance">
        <h2>Importance</h2>
        <Importance parameters={importance.parameters.map(({ parameter, ...told }) => ({ field: parameter, ...told }))} method={importance.method} runs={importance.trials} />
      </section>
    </>
  );
}

function Trials({ trials, entity, project }: { trials: Trial[]; entity: string; project: string }) {
  const names = [...new Set(trials.flatMap(({ parameters }) => [...flatParameters(parameters).keys()]))];
  const latest = [...trials].reverse().slice(0, TRIALS_SHOWN);
  return (
    <section aria-label="Trials">
      <h2>Trials</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of trials">
        <table class="plain">
          <thead>
            <tr>
              {["Trial", "State", "Value", ...names, "Took", "Attempt", "Reason"].map((title) => (
                <th key={title} scope="col">{title}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {latest.map((trial) => (
              <TrialLine key={trial.trial} trial={trial} names={names} entity={entity} project={project} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function TrialLine({ trial, names, entity, project }: { trial: Trial; names: string[]; entity: string; project: string }) {
  const parameters = flatParameters(trial.parameters);
  const [run] = trial.runs;
  return (
    <tr>
      <th scope="row">{run ? <Link to={pathOf(entity, project, run)}>{trial.trial}</Link> : trial.trial}</th>
      <td>{trial.state}</td>
      <td class="number">{trial.value === null ? "" : shownValue(trial.value)}</td>
      {names.map((name) => {
        const value = parameters.get(name);
        return <td key={name} class="number">{typeof value === "number" ? shortNumber(value) : shownValue(value)}</td>;
      })}
      <td>{trial.ended_at === null ? "" : duration(trial.ended_at - trial.started_at)}</td>
      <td class="number">{trial.attempt}</td>
      <td>{trial.reason}</td>
    </tr>
  );
}

function Agents({ sweep }: { sweep: Sweep }) {
  return (
    <section aria-label="Agents">
      <h2>Agents</h2>
      {sweep.agents === null && <p class="notice">The controller of sweeps does not answer; trials go on, and none are given.</p>}
      <ul>
        {(sweep.agents ?? []).map(({ agent, running = [], silent_s: silent }) => (
          <li key={agent}>
            <code>{agent}</code>: {running.length > 0 ? `runs trial ${running.map(({ trial }) => trial).join(", ")}` : "waits"}, heard of {Math.round(silent)} s ago
          </li>
        ))}
      </ul>
      <p>
        One more: <code>runwell agent {sweep.entity}/{sweep.project}/{sweep.sweep_id}</code>
      </p>
    </section>
  );
}

export function SweepsPage({ entity, project }: { entity: string; project: string }) {
  const { data, error, reload } = useResource(`sweeps ${pathOf(entity, project)}`, (signal) => readSweeps(entity, project, signal));
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="sweeps" />;
  return (
    <div class="page">
      <h1>Sweeps of {project}</h1>
      {data.sweeps.length === 0 && <p class="notice">There is none yet: <code>runwell sweep FILE.yaml</code> creates one.</p>}
      <ul>
        {data.sweeps.map((sweep) => (
          <li key={sweep.sweep_id}>
            <Link to={pathOf(entity, project, "sweeps", sweep.sweep_id)}>{sweep.name}</Link>: {sweep.state}, {sweep.method}, {plural(sweep.trials.total, "trial")}
          </li>
        ))}
      </ul>
    </div>
  );
}
