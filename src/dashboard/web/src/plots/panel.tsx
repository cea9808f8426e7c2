// Cards over fields of all runs that match the filter: scatter, parallel coordinates, importance.

import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { getJson, getPositioned } from "../api/http.ts";
import type { RunRow, TablePage } from "../api/types.ts";
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
  /** Further buttons. */
  tools?: ComponentChildren;
}

export function PanelCard(properties: PanelProperties) {
  const { panel, change, tools } = properties;
  const [full, setFull] = useState(false);
  const title = titleOf(panel);
  return (
    <section class={`card panel-card ${panel.kind}`} aria-label={title}>
      <header>
        <h3 title={title}>{title}</h3>
        <div class="tools">
          {tools}
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
  return properties.panel.kind === "importance" ? <ImportanceOf {...properties} target={properties.panel.target} /> : <LiveFields {...properties} />;
}

/** The runs that match, with the values of the panel's fields. */
function LiveFields(properties: PanelProperties & { height: number }) {
  const { entity, project, where, deleted, turn, panel } = properties;
  const parameters: [string, string | number][] = [
    ["entity", entity],
    ["project", project],
    ["filter", where],
    ["limit", RUNS_MAX],
    ...(deleted ? [["deleted", 1] as [string, number]] : []),
    ...fieldsOf(panel).map((field): [string, string] => ["column", field]),
  ];
  const { data, error, reload } = useResource(JSON.stringify([parameters, turn]), async (signal) => {
    const { answer } = await getPositioned<TablePage>("table", parameters, signal);
    return { fields: fieldsOf(panel), total: answer.total, rows: answer.runs };
  });
  if (error && !data) return <Failure error={error} retry={reload} />;
  // Until the answer to a new choice is there, what was shown has other fields.
  if (!data || JSON.stringify(data.fields) !== JSON.stringify(fieldsOf(panel))) return <div class="canvas waiting"><span class="wait" role="status">loading…</span></div>;
  return <Fields {...properties} table={data} />;
}

export interface FieldsProperties {
  entity: string;
  project: string;
  panel: Panel;
  /** Rows whose values are those of the panel's fields, in their order. */
  table: { total: number; rows: readonly RunRow[] };
  selected: ReadonlySet<string>;
  height: number;
  change: (panel: Panel) => void;
}

export function Fields({ entity, project, panel, table, selected, height, change }: FieldsProperties) {
  const { rows } = table;
  const fields = fieldsOf(panel);
  const built = useMemo(() => {
    const column = (field: string) => rows.map((row) => row.values[fields.indexOf(field)] ?? null);
    const axis = (field: string, logarithmic: boolean): AxisData => ({ label: fieldTitle(field), values: column(field), logarithmic });
    if (panel.kind === "scatter") return [axis(panel.x, panel.logx), axis(panel.y, panel.logy), ...(panel.colour ? [axis(panel.colour, wide(column(panel.colour)))] : [])];
    return panel.kind === "parallel" ? panel.fields.map((field) => axis(field, panel.logs.includes(field))) : [];
  }, [rows, JSON.stringify(panel)]);
  const runs = useMemo(() => rows.map((row): PlottedRun => ({ id: row.run_id, name: row.name })), [rows]);
  const open = (run: PlottedRun) => go(pathOf(entity, project, run.id));
  const more = table.total > rows.length && <p class="faint more">{plural(rows.length, "run")} of {table.total.toLocaleString("en-US")}; a filter narrows them down.</p>;
  const shared = { runs, marked: selected, height, onOpen: open };
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

/** Opens with the kinds of panels that can be added. */
export function AddPanel({ add }: { add: (kind: Panel["kind"]) => void }) {
  return (
    <Popover label="+ Chart" name="Add a chart">
      {(close) => (
        <div class="choices">
          {(Object.keys(PANEL_NAMES) as Panel["kind"][]).map((kind) => (
            <button key={kind} type="button" onClick={() => { close(); add(kind); }}>
              {PANEL_NAMES[kind]}
            </button>
          ))}
        </div>
      )}
    </Popover>
  );
}
