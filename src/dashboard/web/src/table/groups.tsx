// Runs with equal values of some fields as one line, with the mean and the spread of their numbers.

import { useState } from "preact/hooks";
import { getJson } from "../api/http.ts";
import type { Group, Measures } from "../api/types.ts";
import { Failure, Loading } from "../components/basics.tsx";
import { both } from "../model/filter.ts";
import { fieldTitle, quoted } from "../model/fields.ts";
import { duration, shortNumber, shownValue } from "../model/format.ts";
import { setQuery } from "../router.ts";
import { groupKey } from "../state/groups.ts";
import { useResource } from "../state/resource.ts";
import type { TableView } from "./view.ts";

const MEASURES = ["mean", "min", "max", "std"] as const;
type Measure = (typeof MEASURES)[number];

interface GroupsProperties {
  entity: string;
  project: string;
  view: TableView;
  columns: readonly string[];
  shown: ReadonlySet<string>;
  colours: ReadonlyMap<string, string>;
  turn: number;
}

interface Sorting {
  /** The place of a column, or -1 for the number of runs. */
  column: number;
  measure: Measure;
  descending: boolean;
}

export function Groups({ entity, project, view, columns, shown, colours, turn }: GroupsProperties) {
  const measured = columns.filter((field) => !view.by.includes(field) && !["tags", "created_at", "updated_at"].includes(field));
  const parameters: [string, string][] = [
    ["entity", entity],
    ["project", project],
    ["filter", view.where],
    ...view.by.map((field): [string, string] => ["by", field]),
    ...measured.map((field): [string, string] => ["column", field]),
  ];
  const [sorting, setSorting] = useState<Sorting>({ column: -1, measure: "mean", descending: true });
  const { data, error, reload } = useResource(JSON.stringify([parameters, turn]), (signal) => getJson<{ groups: Group[] }>("groups", parameters, signal));
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="groups" />;
  const numeric = measured.map((_, place) => data.groups.some((group) => group.columns[place]));
  const open = (group: Group) => {
    const terms = view.by.map((field, place) => `${field} == ${literal(group.values[place])}`);
    setQuery({ by: null, group: null, filter: terms.reduce(both, view.filter) });
  };
  const toggle = (key: string) => {
    const next = shown.has(key) ? [...shown].filter((other) => other !== key) : [...shown, key];
    setQuery({ group: next.length > 0 ? next : [""] });
  };
  const sort = (column: number, measure: Measure) =>
    setSorting({ column, measure, descending: sorting.column === column && sorting.measure === measure ? !sorting.descending : true });
  const head = (column: number, measure: Measure, text: string) => (
    <button type="button" class="bare sort" onClick={() => sort(column, measure)}>
      {text}
      {sorting.column === column && sorting.measure === measure && <span class="arrow">{sorting.descending ? " ↓" : " ↑"}</span>}
    </button>
  );
  const direction = (column: number) => (sorting.column !== column ? "none" : sorting.descending ? "descending" : "ascending");
  return (
    <div class="scroll grouped" tabIndex={0} role="region" aria-label="Groups of runs">
      <table class="groups">
        <thead>
          <tr>
            <th scope="col" rowSpan={2}><span class="unseen">In charts</span></th>
            {view.by.map((field) => <th key={field} scope="col" rowSpan={2}>{fieldTitle(field)}</th>)}
            <th scope="col" rowSpan={2} class="number" aria-sort={direction(-1)}>{head(-1, "mean", "Runs")}</th>
            {measured.map((field, place) => numeric[place] && <th key={field} scope="colgroup" colSpan={4} class="measured">{fieldTitle(field)}</th>)}
          </tr>
          <tr>
            {measured.map((field, place) => numeric[place] && MEASURES.map((measure) => (
              <th key={`${field} ${measure}`} scope="col" class={`number${measure === "mean" ? " measured" : ""}`} aria-sort={sorting.measure === measure ? direction(place) : "none"}>{head(place, measure, measure)}</th>
            )))}
          </tr>
        </thead>
        <tbody>
          {sorted(data.groups, sorting).map((group) => {
            const key = groupKey(group.values);
            return (
              <tr key={key}>
                <td>
                  <input type="checkbox" aria-label={`Show ${group.values.map(shownValue).join(", ")}`} checked={shown.has(key)} style={shown.has(key) ? { accentColor: colours.get(key) ?? "" } : {}} onChange={() => toggle(key)} />
                </td>
                {group.values.map((value, place) => (
                  <td key={place}>
                    <button type="button" class="bare link" onClick={() => open(group)} title="Show these runs">
                      {value === null ? "none" : shownValue(value)}
                    </button>
                  </td>
                ))}
                <td class="number">{group.runs.toLocaleString("en-US")}</td>
                {group.columns.map((found, place) => numeric[place] && MEASURES.map((measure) => (
                  <td key={`${place} ${measure}`} class={`number${measure === "mean" ? " measured" : " faint"}`} title={found ? `${found.count} values` : ""}>{found && shownMeasure(found, measure, measured[place] ?? "")}</td>
                )))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function literal(value: unknown): string {
  return typeof value === "string" ? quoted(value) : String(value).toLowerCase();
}

function shownMeasure(found: Measures, measure: Measure, field: string): string {
  return field === "duration_s" ? duration(found[measure]) : shortNumber(Number(Number(found[measure]).toPrecision(5)));
}

/** Groups without a value come last in both directions. */
function sorted(groups: readonly Group[], { column, measure, descending }: Sorting): Group[] {
  const value = (group: Group) => (column < 0 ? group.runs : group.columns[column]?.[measure]);
  return [...groups].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
    return descending ? right - left : left - right;
  });
}
