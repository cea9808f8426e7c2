// What stands above the runs table.

import { address } from "../api/http.ts";
import type { FieldInfo, RunRow } from "../api/types.ts";
import { Link, Popover } from "../components/basics.tsx";
import { fieldTitle } from "../model/fields.ts";
import { comparePath } from "../pages/runs.tsx";
import { PickReport } from "../report/pick.tsx";
import { setQuery } from "../router.ts";
import { BulkActions } from "./bulk.tsx";
import { ColumnPicker } from "./columns.tsx";
import { FilterBox, SearchBox } from "./filter.tsx";
import type { RowSource } from "./rows.ts";
import type { TableView } from "./view.ts";
import { ViewsMenu } from "./views.tsx";

interface ToolbarProperties {
  entity: string;
  project: string;
  view: TableView;
  fields: readonly FieldInfo[];
  names: readonly string[];
  columns: readonly string[];
  source: RowSource;
  selected: readonly string[];
  problem: string | null;
  query: URLSearchParams;
}

export function Toolbar(properties: ToolbarProperties) {
  const { entity, project, view, fields, names, columns, selected, problem, query } = properties;
  return (
    <div class="toolbar" role="toolbar" aria-label="Runs">
      <SearchBox value={view.search} />
      <FilterBox filter={view.filter} fields={names} problem={problem} />
      <ColumnPicker columns={columns} fields={fields} />
      <GroupPicker view={view} names={names} />
      <ViewsMenu {...{ entity, project, query }} />
      <PickReport {...{ entity, project }} what="this table" small={false} figure={() => ({ kind: "runs", query: query.toString(), columns: [...columns] })} />
      {selected.length > 1 && (
        <Link class="button" to={comparePath(entity, project, selected)}>
          Compare {Math.min(selected.length, 20)}
        </Link>
      )}
      {view.selected !== null && selected.length > 0 && <BulkActions {...{ entity, project, selected }} deleted={view.deleted} />}
      <Popover name="More" label="More">
        {(close) => <More {...properties} close={close} />}
      </Popover>
      <ModeSwitch mode={view.mode} />
    </div>
  );
}

function GroupPicker({ view, names }: { view: TableView; names: readonly string[] }) {
  return (
    <>
      {view.by.map((field) => (
        <button key={field} type="button" class="chip" aria-label={`Do not group by ${field}`} onClick={() => setQuery({ by: view.by.filter((other) => other !== field), group: null })}>
          by {fieldTitle(field)} ×
        </button>
      ))}
      <select class="group" aria-label="Group by" value="" onChange={(event) => setQuery({ by: [...view.by, event.currentTarget.value], group: null })}>
        <option value="">Group by…</option>
        {names
          .filter((name) => !view.by.includes(name) && !name.startsWith("summary") && name !== "name")
          .slice(0, 500)
          .map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
      </select>
    </>
  );
}

function More({ view, selected, source, close, ...rest }: ToolbarProperties & { close: () => void }) {
  const { entity, project, columns } = rest;
  const act = (action: () => void) => () => {
    action();
    close();
  };
  const baseline = selected.length === 1 ? selected[0] : null;
  return (
    <div class="choices">
      <button type="button" onClick={act(() => setQuery({ run: [""] }))}>Select none</button>
      <button type="button" onClick={act(() => setQuery({ run: null }))}>Select the first ones again</button>
      <button type="button" onClick={act(() => setQuery({ run: inSight(source).map((row) => row.run_id) }))}>Select the runs in sight</button>
      {view.baseline === null ? (
        <button type="button" disabled={!baseline} onClick={act(() => setQuery({ base: baseline ?? null }))} title="Select exactly one run">
          Compare numbers with the selected run
        </button>
      ) : (
        <button type="button" onClick={act(() => setQuery({ base: null }))}>No comparison of numbers</button>
      )}
      <a class="button" download href={exported(entity, project, view, columns, "csv")}>Save the table as CSV</a>
      <a class="button" download href={exported(entity, project, view, columns, "parquet")}>Save the table as Parquet</a>
      <button type="button" onClick={act(() => setQuery({ deleted: !view.deleted, run: null }))}>{view.deleted ? "Leave the deleted runs" : "Show deleted runs"}</button>
    </div>
  );
}

const SIGHT = 50;

function inSight(source: RowSource): RunRow[] {
  return Array.from({ length: SIGHT }, (_, place) => source.row(place)).filter((row) => row !== undefined);
}

const MODES = [
  ["table", "Table"],
  ["both", "Both"],
  ["charts", "Charts"],
] as const;

function ModeSwitch({ mode }: { mode: TableView["mode"] }) {
  return (
    <div class="switch modes" role="group" aria-label="What is shown">
      {MODES.map(([name, label]) => (
        <button key={name} type="button" aria-pressed={mode === name} onClick={() => setQuery({ view: name === "both" ? null : name })}>
          {label}
        </button>
      ))}
    </div>
  );
}

/** A file of every run that matches, with the columns as they are shown; the server writes it. */
function exported(entity: string, project: string, view: TableView, columns: readonly string[], format: string): string {
  return address("export/runs", [["format", format], ["entity", entity], ["project", project], ["filter", view.where], ["order", view.order], ...(view.deleted ? [["deleted", 1] as const] : []), ...columns.map((column) => ["column", column] as const)]);
}
