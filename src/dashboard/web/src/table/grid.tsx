// The runs table itself: only the cells in sight exist, whatever the number of rows and columns.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Link, StateMark } from "../components/basics.tsx";
import { ago, duration, moment, shortNumber, shownValue } from "../model/format.ts";
import { fieldTitle } from "../model/fields.ts";
import { pathOf } from "../router.ts";
import type { RunRow } from "../api/types.ts";
import type { RowSource } from "./rows.ts";
import { arranged, NAME, WIDTH, type TableView } from "./view.ts";
import { HeadCell } from "./head.tsx";

export const ROW_HEIGHT = 32;
const NAME_WIDTH = 230;
const SELECT_WIDTH = 36;
const OVERSCAN = 8;
const OVERSCAN_PIXELS = 200;

export interface GridProperties {
  source: RowSource;
  view: TableView;
  columns: readonly string[];
  selected: ReadonlySet<string>;
  colours: ReadonlyMap<string, string>;
  baseline: RunRow | null;
  focused: number;
  onFocus: (place: number) => void;
  onSelect: (row: RunRow, selected: boolean) => void;
}

interface Sight {
  top: number;
  left: number;
  width: number;
  height: number;
}

interface Placed {
  field: string;
  left: number;
  width: number;
  pinned: boolean;
}

/** Where each column stands; the name is always the first one. */
export function placedColumns(columns: readonly string[], view: TableView, narrow: boolean): Placed[] {
  let left = SELECT_WIDTH;
  const fields = [NAME, ...arranged(columns.filter((field) => field !== NAME), view.pinned)];
  return fields.map((field) => {
    const width = view.widths.get(field) ?? (field === NAME ? (narrow ? 150 : NAME_WIDTH) : WIDTH);
    const placed = { field, left, width, pinned: !narrow && (field === NAME || view.pinned.has(field)) };
    left += width;
    return placed;
  });
}

export function Grid(properties: GridProperties) {
  const { source, view, columns, selected, colours, baseline, focused, onFocus, onSelect } = properties;
  const frame = useRef<HTMLDivElement>(null);
  const [sight, setSight] = useState<Sight>({ top: 0, left: 0, width: 1200, height: 800 });
  const look = () => {
    const element = frame.current;
    if (element) setSight({ top: element.scrollTop, left: element.scrollLeft, width: element.clientWidth, height: element.clientHeight });
  };
  useLayoutEffect(() => {
    look();
    const observer = new ResizeObserver(look);
    observer.observe(frame.current as HTMLDivElement);
    return () => observer.disconnect();
  }, []);
  const total = source.total ?? 0;
  const first = Math.max(0, Math.floor(sight.top / ROW_HEIGHT) - OVERSCAN);
  const last = Math.min(total, Math.ceil((sight.top + sight.height) / ROW_HEIGHT) + OVERSCAN);
  useEffect(() => source.look(first, last), [first, last]);
  useEffect(() => {
    const element = frame.current;
    if (!element || focused < 0) return;
    const top = focused * ROW_HEIGHT;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + 2 * ROW_HEIGHT > element.scrollTop + element.clientHeight) element.scrollTop = top + 2 * ROW_HEIGHT - element.clientHeight;
  }, [focused]);
  const narrow = sight.width < 560;
  const placed = useMemo(() => placedColumns(columns, view, narrow), [columns, view, narrow]);
  const width = placed.reduce((sum, column) => sum + column.width, SELECT_WIDTH);
  const near = placed.filter(
    ({ left, width: own, pinned }) => pinned || (left + own > sight.left - OVERSCAN_PIXELS && left < sight.left + sight.width + OVERSCAN_PIXELS),
  );
  const inSight = useMemo(() => near, [placed, near.map(({ field }) => field).join("\n")]);
  const places = Array.from({ length: Math.max(0, last - first) }, (_, offset) => first + offset);
  return (
    <div class="grid" ref={frame} onScroll={look} role="table" aria-label="Runs" aria-rowcount={total + 1} aria-colcount={placed.length + 1} aria-busy={source.loading} data-answered={source.answered} tabIndex={0}>
      <div class="rows" role="rowgroup" style={{ width: `${Math.max(width, sight.width - 2)}px`, height: `${(total + 1) * ROW_HEIGHT}px` }}>
        <div class="row head" role="row" aria-rowindex={1}>
          <div class="cell pinned check" role="columnheader" style={{ left: "0px", width: `${SELECT_WIDTH}px` }}>
            <span class="unseen">Selected</span>
          </div>
          {inSight.map((column) => (
            <HeadCell key={column.field} {...column} view={view} columns={columns} />
          ))}
        </div>
        {places.map((place) => (
          <Row key={place} place={place} row={source.row(place)} fields={source.columns} columns={inSight} {...{ selected, colours, baseline, onFocus, onSelect }} focused={focused === place} />
        ))}
      </div>
    </div>
  );
}

interface RowProperties extends Pick<GridProperties, "selected" | "colours" | "baseline" | "onFocus" | "onSelect"> {
  place: number;
  row: RunRow | undefined;
  /** What the row's values belong to. */
  fields: readonly string[];
  columns: readonly Placed[];
  focused: boolean;
}

/** A row is made again only when something of it has changed: scrolling makes only those that come into sight. */
function Row({ place, row, fields, columns, selected, colours, baseline, focused, onFocus, onSelect }: RowProperties) {
  const chosen = row !== undefined && selected.has(row.run_id);
  const colour = (chosen && colours.get(row.run_id)) || "";
  return useMemo(
    () => (row ? <Known {...{ place, row, fields, columns, chosen, colour, baseline, focused, onFocus, onSelect }} /> : <Waiting place={place} />),
    [place, row, fields, columns, chosen, colour, baseline, focused, onFocus, onSelect],
  );
}

function topOf(place: number): { transform: string } {
  return { transform: `translateY(${(place + 1) * ROW_HEIGHT}px)` };
}

function Waiting({ place }: { place: number }) {
  return (
    <div class="row waiting" role="row" aria-rowindex={place + 2} style={topOf(place)}>
      <div class="cell pinned" role="cell" style={{ left: "0px" }}>
        …
      </div>
    </div>
  );
}

function Known(properties: Omit<RowProperties, "row" | "selected" | "colours"> & { row: RunRow; chosen: boolean; colour: string }) {
  const { place, row, fields, columns, chosen, colour, baseline, focused, onFocus, onSelect } = properties;
  const name = `row${focused ? " focused" : ""}${chosen ? " chosen" : ""}`;
  return (
    <div class={name} role="row" aria-rowindex={place + 2} style={topOf(place)} onClick={() => onFocus(place)} data-run={row.run_id}>
      <div class="cell pinned check" role="cell" style={{ left: "0px", width: `${SELECT_WIDTH}px` }}>
        <input type="checkbox" aria-label={`Show ${row.name}`} checked={chosen} style={chosen ? { accentColor: colour } : {}} onChange={(event) => onSelect(row, event.currentTarget.checked)} />
      </div>
      {columns.map((column) => (
        <Cell key={column.field} {...{ row, column, fields, baseline }} />
      ))}
    </div>
  );
}

function Cell({ row, column, fields, baseline }: Pick<RowProperties, "fields" | "baseline"> & { row: RunRow; column: Placed }) {
  const { field, left, width, pinned } = column;
  const place = { left: `${left}px`, width: `${width}px` };
  if (field === NAME) {
    return (
      <div class={`cell name${pinned ? " pinned" : ""}`} role="rowheader" style={place}>
        <StateMark state={row.state} />
        <Link to={pathOf(row.entity, row.project, row.run_id)} title={row.name}>
          {row.name}
        </Link>
      </div>
    );
  }
  const index = fields.indexOf(field);
  const value = index < 0 ? undefined : row.values[index];
  const base = baseline && index >= 0 && baseline.run_id !== row.run_id ? baseline.values[index] : undefined;
  return (
    <div class={`cell${typeof value === "number" ? " number" : ""}${pinned ? " pinned" : ""}`} role="cell" style={place} title={titleOf(field, value)}>
      {shownCell(field, value)}
      {typeof base === "number" && typeof value === "number" && <Difference value={value} base={base} />}
    </div>
  );
}

/** A cell's text. */
export function shownCell(field: string, value: unknown): string {
  if (value === null || value === undefined) return "";
  if (field === "created_at" || field === "updated_at") return ago(Number(value), Date.now() / 1000);
  if (field === "duration_s") return duration(Number(value));
  if (field === "git.commit") return String(value).slice(0, 8);
  return shownValue(value);
}

function titleOf(field: string, value: unknown): string {
  if (value === null || value === undefined) return "";
  if (field === "created_at" || field === "updated_at") return moment(Number(value));
  return `${fieldTitle(field)}: ${typeof value === "number" ? String(value) : shownValue(value)}`.slice(0, 500);
}

function Difference({ value, base }: { value: number; base: number }) {
  const percent = ((value - base) / Math.abs(base)) * 100;
  if (!Number.isFinite(percent)) return null;
  return <span class="difference">{`${percent > 0 ? "+" : ""}${shortNumber(Number(percent.toPrecision(3)))}%`}</span>;
}
