// Cards over fields of all runs that match the filter: scatter, parallel coordinates, importance.

import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { getJson, getPositioned } from "../api/http.ts";
import type { TablePage } from "../api/types.ts";
import { Dialog, Failure, IconButton, Popover } from "../components/basics.tsx";
import { fieldTitle } from "../model/fields.ts";
import { plural } from "../model/format.ts";
import type { AxisData } from "../model/scale.ts";
import { go, pathOf } from "../router.ts";
import { useResource } from "../state/resource.ts";
import { Importance, type Parameter } from "./importance.tsx";
import { fieldsOf, PANEL_NAMES, type Panel } from "./panels.ts";
import { Parallel } from "./parallel.tsx";
import { Scatter, type PlottedRun } from "./scatter.tsx";

const RUNS_MAX = 1_000;
const HEIGHT = 300;

export interface PanelPlace {
  entity: string;
  project: string;
  where: string;
  deleted: boolean;
  selected: ReadonlySet<string>;
  /** Grows when runs have changed. */
  turn: number;
}

export interface PanelProperties extends PanelPlace {
  panel: Panel;
  names: readonly string[];
  /** Sets the panel, or takes it away. */
  change: (panel: Panel | null) => void;
}

export function PanelCard(properties: PanelProperties) {
  const { panel, change } = properties;
  const [full, setFull] = useState(false);
  const title = titleOf(panel);
  return (
    <section class={`card panel-card ${panel.kind}`} aria-label={title}>
      <header>
        <h3 title={title}>{title}</h3>
        <div class="tools">
          <Popover label="Fields" name={`Fields of ${title}`} class="small">
            {() => <Choices {...properties} />}
          </Popover>
          <IconButton icon="full" label={`Show ${title} large`} onClick={() => setFull(true)} />
          <IconButton icon="close" label={`Remove ${title}`} onClick={() => change(null)} />
        </div>
      </header>
      <Content {...properties} height={HEIGHT} />
      {full && (
        <Dialog title={title} close={() => setFull(false)} wide>
          <Content {...properties} height={Math.max(260, window.innerHeight - 180)} />
        </Dialog>
      )}
    </section>
  );
}

function titleOf(panel: Panel): string {
  switch (panel.kind) {
    case "scatter":
      return `${fieldTitle(panel.y)} over ${fieldTitle(panel.x)}`;
    case "parallel":
      return "Parallel coordinates";
    case "importance":
      return `What decides ${fieldTitle(panel.target)}`;
  }
}

function Content(properties: PanelProperties & { height: number }) {
  return properties.panel.kind === "importance" ? <ImportanceOf {...properties} target={properties.panel.target} /> : <Fields {...properties} />;
}

interface Answer {
  total: number;
  runs: PlottedRun[];
  columns: unknown[][];
}

/** The values of fields, column by column. */
function useFields({ entity, project, where, deleted, turn }: PanelPlace, fields: readonly string[]) {
  const parameters: [string, string | number][] = [
    ["entity", entity],
    ["project", project],
    ["filter", where],
    ["limit", RUNS_MAX],
    ...(deleted ? [["deleted", 1] as [string, number]] : []),
    ...fields.map((field): [string, string] => ["column", field]),
  ];
  return useResource(JSON.stringify([parameters, turn]), async (signal): Promise<Answer> => {
    const { answer } = await getPositioned<TablePage>("table", parameters, signal);
    return {
      total: answer.total,
      runs: answer.runs.map((run) => ({ id: run.run_id, name: run.name })),
      columns: fields.map((_, place) => answer.runs.map((run) => run.values[place] ?? null)),
    };
  });
}

function Fields(properties: PanelProperties & { height: number }) {
  const { panel, entity, project, selected, height, change } = properties;
  const fields = fieldsOf(panel);
  const { data, error, reload } = useFields(properties, fields);
  const axis = (field: string, logarithmic: boolean): AxisData => ({ label: fieldTitle(field), values: data?.columns[fields.indexOf(field)] ?? [], logarithmic });
  const built = useMemo(() => {
    if (panel.kind === "scatter") return [axis(panel.x, panel.logx), axis(panel.y, panel.logy), ...(panel.colour ? [axis(panel.colour, wide(data?.columns[fields.indexOf(panel.colour)] ?? []))] : [])];
    return panel.kind === "parallel" ? panel.fields.map((field) => axis(field, panel.logs.includes(field))) : [];
  }, [data, JSON.stringify(panel)]);
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <div class="canvas waiting"><span class="wait" role="status">loading…</span></div>;
  const open = (run: PlottedRun) => go(pathOf(entity, project, run.id));
  const more = data.total > data.runs.length && <p class="faint more">{plural(data.runs.length, "run")} of {data.total.toLocaleString("en-US")}; a filter narrows them down.</p>;
  const shared = { runs: data.runs, marked: selected, height, onOpen: open };
  if (panel.kind === "scatter" && built[0] && built[1]) return <><Scatter {...shared} x={built[0]} y={built[1]} colour={built[2] ?? null} />{more}</>;
  if (panel.kind !== "parallel") return null;
  const brush = (number: number, range: readonly [number, number] | null) => {
    const field = panel.fields[number] as string;
    const { [field]: _, ...others } = panel.brushes;
    change({ ...panel, brushes: range ? { ...others, [field]: range } : others });
  };
  return <><Parallel {...shared} axes={built} colourBy={panel.fields.indexOf(panel.colour)} brushes={panel.fields.map((field) => panel.brushes[field] ?? null)} onBrush={brush} />{more}</>;
}

/** Whether values span so much that most of them would have one colour. */
function wide(values: readonly unknown[]): boolean {
  const numbers = values.filter((value) => typeof value === "number" && value !== 0) as number[];
  return numbers.length > 1 && numbers.every((number) => number > 0) && Math.max(...numbers) / Math.min(...numbers) > 100;
}

interface ImportanceAnswer {
  method: string;
  runs: number;
  parameters: Parameter[];
}

function ImportanceOf({ entity, project, where, turn, target }: PanelPlace & { target: string }) {
  const parameters: [string, string][] = [["entity", entity], ["project", project], ["filter", where], ["target", target]];
  const { data, error, reload } = useResource(JSON.stringify([parameters, turn]), (signal) => getJson<ImportanceAnswer>("importance", parameters, signal));
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <div class="canvas waiting"><span class="wait" role="status">computing…</span></div>;
  return <Importance {...data} />;
}

function Choices({ panel, names, change }: PanelProperties) {
  switch (panel.kind) {
    case "scatter":
      return (
        <div class="choices">
          <FieldChoice label="x" field={panel.x} names={names} set={(x) => change({ ...panel, x })} />
          <FieldChoice label="y" field={panel.y} names={names} set={(y) => change({ ...panel, y })} />
          <FieldChoice label="Colour" field={panel.colour} names={names} none set={(colour) => change({ ...panel, colour })} />
          <Check on={panel.logx} set={(logx) => change({ ...panel, logx })}>Logarithmic x</Check>
          <Check on={panel.logy} set={(logy) => change({ ...panel, logy })}>Logarithmic y</Check>
        </div>
      );
    case "parallel":
      return (
        <div class="choices">
          {panel.fields.map((field) => (
            <p class="axis-choice" key={field}>
              <span>{field}</span>
              <Check on={panel.logs.includes(field)} set={(on) => change({ ...panel, logs: on ? [...panel.logs, field] : panel.logs.filter((other) => other !== field) })}>log</Check>
              <IconButton icon="close" label={`Remove the axis ${field}`} onClick={() => change({ ...panel, fields: panel.fields.filter((other) => other !== field) })} />
            </p>
          ))}
          <FieldChoice label="Add an axis" field="" names={names.filter((name) => !panel.fields.includes(name))} none set={(field) => field && change({ ...panel, fields: [...panel.fields, field] })} />
          <FieldChoice label="Colour" field={panel.colour} names={panel.fields} none set={(colour) => change({ ...panel, colour })} />
          {Object.keys(panel.brushes).length > 0 && <button type="button" onClick={() => change({ ...panel, brushes: {} })}>All ranges again</button>}
        </div>
      );
    case "importance":
      return (
        <div class="choices">
          <FieldChoice label="Result" field={panel.target} names={names.filter((name) => name.startsWith("summary"))} set={(target) => change({ ...panel, target })} />
        </div>
      );
  }
}

function FieldChoice({ label, field, names, none = false, set }: { label: string; field: string; names: readonly string[]; none?: boolean; set: (field: string) => void }) {
  const listed = names.includes(field) || field === "" ? names : [field, ...names];
  return (
    <label class="field-choice">
      <span>{label}</span>
      <select value={field} onChange={(event) => set(event.currentTarget.value)}>
        {none && <option value="">–</option>}
        {listed.slice(0, 1_000).map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Check({ on, set, children }: { on: boolean; set: (on: boolean) => void; children: ComponentChildren }) {
  return (
    <label class="choice">
      <input type="checkbox" checked={on} onChange={(event) => set(event.currentTarget.checked)} /> {children}
    </label>
  );
}

const ADDED = ["scatter", "parallel"] as const;

/** Opens with the kinds of panels that can be added. */
export function AddPanel({ add }: { add: (kind: Panel["kind"]) => void }) {
  return (
    <Popover label="+ Chart" name="Add a chart">
      {(close) => (
        <div class="choices">
          {ADDED.map((kind) => (
            <button key={kind} type="button" onClick={() => { close(); add(kind); }}>
              {PANEL_NAMES[kind]}
            </button>
          ))}
        </div>
      )}
    </Popover>
  );
}
