// The groups of the runs that match: which runs each has, and which of them the charts show.

import { useMemo } from "preact/hooks";
import { getPositioned } from "../api/http.ts";
import type { TablePage } from "../api/types.ts";
import { shownJson } from "../model/json.ts";
import { shownValue } from "../model/format.ts";
import { useResource } from "./resource.ts";

const RUNS_MAX = 1_000;
const SHOWN_AT_FIRST = 8;

export interface RunGroup {
  key: string;
  name: string;
  runs: string[];
}

/** What tells groups apart: values and their types. */
export function groupKey(values: readonly unknown[]): string {
  return JSON.stringify(values.map((value) => [value === null ? "null" : typeof value, shownJson(value)]));
}

export interface Groups {
  groups: RunGroup[];
  /** Keys of those that the charts show. */
  shown: ReadonlySet<string>;
  /** There are more runs than are looked at. */
  cut: boolean;
}

/** Groups by size, the largest first; `chosen` are the keys that the address names, null while it names none. */
export function useGroups(place: { entity: string; project: string; where: string }, by: readonly string[], chosen: readonly string[] | null, turn: number): Groups {
  const parameters: [string, string | number][] = [
    ["entity", place.entity],
    ["project", place.project],
    ["filter", place.where],
    ["limit", RUNS_MAX],
    ...by.map((field): [string, string] => ["column", field]),
  ];
  const { data } = useResource(by.length > 0 ? JSON.stringify([parameters, turn]) : null, (signal) => getPositioned<TablePage>("table", parameters, signal));
  return useMemo(() => {
    if (by.length === 0 || !data) return { groups: [], shown: new Set(), cut: false };
    const groups = new Map<string, RunGroup>();
    for (const run of data.answer.runs) {
      const key = groupKey(run.values);
      const group = groups.get(key) ?? { key, name: run.values.map((value) => (value === null ? "none" : shownValue(value))).join(" · "), runs: [] };
      group.runs.push(run.run_id);
      groups.set(key, group);
    }
    const sorted = [...groups.values()].sort((a, b) => b.runs.length - a.runs.length || a.key.localeCompare(b.key));
    return {
      groups: sorted,
      shown: new Set(chosen ?? sorted.slice(0, SHOWN_AT_FIRST).map(({ key }) => key)),
      cut: data.answer.total > data.answer.runs.length,
    };
  }, [data, by.length, JSON.stringify(chosen)]);
}
