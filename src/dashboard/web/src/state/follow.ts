// Live data for a page: the tail of the runs that still run, into the store of series.

import { useEffect, useState } from "preact/hooks";
import { followRuns } from "../api/live.ts";
import type { RunChange } from "../api/types.ts";
import type { SeriesStore } from "./series.ts";

export const FOLLOWED_MAX = 50;

/** Follows runs, by id, from the log position that was read last; says whether the connection stands. */
export function useTail(
  entity: string,
  project: string,
  runs: readonly string[],
  after: number,
  store: SeriesStore,
  changed?: (run: string, change: RunChange) => void,
): boolean {
  const [connected, setConnected] = useState(true);
  const followed = runs.slice(0, FOLLOWED_MAX);
  useEffect(() => {
    if (followed.length === 0) return;
    let broken = false;
    const names = followed.map((run) => `${entity}/${project}/${run}`);
    return followRuns(names, after, {
      rows: (part) => store.append(followed[part.run] ?? "", part),
      run: (change) => changed?.(followed[change.run] ?? "", change),
      connected: (now) => {
        // After a break some rows may come twice: the series are read anew.
        if (now && broken) for (const run of followed) store.forget(run);
        broken = !now;
        setConnected(now);
      },
    });
  }, [JSON.stringify(followed), store]);
  return connected;
}
