// The figures of a report: live, or from the data that the report holds.

import { useMemo, useState } from "preact/hooks";
import type { Curve } from "../api/curves.ts";
import { ChartCard } from "../charts/card.tsx";
import { chartView } from "../charts/view.ts";
import { Failure, Link, StateMark } from "../components/basics.tsx";
import { fieldTitle } from "../model/fields.ts";
import { moment } from "../model/format.ts";
import type { Range } from "../model/prepare.ts";
import { Fields } from "../plots/panel.tsx";
import { fieldsOf } from "../plots/panels.ts";
import { pathOf } from "../router.ts";
import { useResource } from "../state/resource.ts";
import { SeriesStore, type CurveSource, type Loaded } from "../state/series.ts";
import { shownCell } from "../table/grid.tsx";
import { unpacked, type Figure, type PinnedTable } from "./model.ts";
import { readRuns, readTable, PANEL_ROWS_MAX, ROWS_MAX, type Place } from "./pin.ts";

export function FigureBlock({ figure, ...place }: Place & { figure: Figure }) {
  return (
    <figure>
      {figure.kind === "chart" && <ChartFigure {...place} figure={figure} />}
      {figure.kind === "runs" && <RunsFigure {...place} figure={figure} />}
      {figure.kind === "panel" && <PanelFigure {...place} figure={figure} />}
      <figcaption class="faint">{figure.pinned ? `as of position ${figure.pinned.position.toLocaleString("en-US")} of the log` : "live"}</figcaption>
    </figure>
  );
}

/** Curves that a report holds. */
class HeldCurves implements CurveSource {
  readonly entity: string;
  readonly project: string;
  readonly #curves: ReadonlyMap<string, Curve>;

  constructor({ entity, project }: Place, curves: readonly Curve[]) {
    this.entity = entity;
    this.project = project;
    this.#curves = new Map(curves.map((curve) => [`${curve.run}\n${curve.key}`, curve]));
  }

  subscribe(): () => void {
    return () => undefined;
  }

  get(run: string, key: string): Loaded {
    const none = new Float64Array();
    const found = this.#curves.get(`${this.entity}/${this.project}/${run}\n${key}`);
    return { curve: found ?? { run, key, axis: "_step", points: 0, x: none, mean: none, low: none, high: none }, error: null };
  }
}

function ChartFigure({ entity, project, figure }: Place & { figure: Figure & { kind: "chart" } }) {
  const [range, setRange] = useState<Range | null | undefined>(undefined);
  const source = useMemo(() => {
    if (!figure.pinned) return new SeriesStore(entity, project);
    return new HeldCurves({ entity, project }, figure.pinned.curves.map(unpacked));
  }, [entity, project, figure]);
  const view = chartView(new URLSearchParams(figure.query));
  return (
    <>
      <ChartCard name={figure.key} runs={figure.lines} store={source} view={range === undefined ? view : { ...view, range }} stream={figure.stream} onZoom={setRange} />
      <p class="legend">
        {figure.lines.map((line) => (
          <span key={line.id} class="entry">
            <span class="swatch" style={{ background: line.stroke.colour }} />
            {line.members.length > 0 ? line.name : <Link to={pathOf(entity, project, line.id)}>{line.name}</Link>}
          </span>
        ))}
      </p>
    </>
  );
}

function RunsFigure({ entity, project, figure }: Place & { figure: Figure & { kind: "runs" } }) {
  const { columns, query, pinned } = figure;
  const { data, error, reload } = useResource(pinned ? null : JSON.stringify([entity, project, query, columns]), (signal) => readRuns({ entity, project }, query, columns, ROWS_MAX, signal));
  const table: PinnedTable | null = pinned?.table ?? data?.table ?? null;
  if (error && !table) return <Failure error={error} retry={reload} />;
  if (!table) return <p class="loading" role="status">Loading runs…</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Runs of the report">
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">Name</th>
            {columns.map((column) => <th key={column} scope="col">{fieldTitle(column)}</th>)}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <tr key={row.run_id}>
              <th scope="row"><StateMark state={row.state} /> <Link to={pathOf(entity, project, row.run_id)}>{row.name}</Link></th>
              {columns.map((column, place) => (
                <td key={column} class={typeof row.values[place] === "number" ? "number" : ""}>{shownInReport(column, row.values[place])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {table.total > table.rows.length && <p class="faint">the first {table.rows.length} of {table.total.toLocaleString("en-US")}</p>}
    </div>
  );
}

/** Times in full: how long ago something was changes with the reader's clock. */
function shownInReport(column: string, value: unknown): string {
  return (column === "created_at" || column === "updated_at") && typeof value === "number" ? moment(value) : shownCell(column, value);
}

function PanelFigure({ entity, project, figure }: Place & { figure: Figure & { kind: "panel" } }) {
  const fields = fieldsOf(figure.panel);
  const { data, error, reload } = useResource(figure.pinned ? null : JSON.stringify([entity, project, figure.where, fields]), (signal) =>
    readTable({ entity, project }, figure.where, "", fields, PANEL_ROWS_MAX, signal),
  );
  const table = figure.pinned?.table ?? data?.table ?? null;
  if (error && !table) return <Failure error={error} retry={reload} />;
  if (!table) return <p class="loading" role="status">Loading runs…</p>;
  return <Fields panel={figure.panel} table={table} selected={NONE} height={300} {...{ entity, project }} change={() => undefined} />;
}

const NONE: ReadonlySet<string> = new Set();
