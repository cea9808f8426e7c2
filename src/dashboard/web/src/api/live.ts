// Server-sent events. A browser reconnects by itself, and Last-Event-ID makes the server go on where it broke off.

import { parseJson } from "../model/json.ts";
import { address } from "./http.ts";
import type { RunChange, TailRows } from "./types.ts";

export interface TailHandlers {
  rows: (part: TailRows) => void;
  run: (change: RunChange & { run: number }) => void;
  connected: (connected: boolean) => void;
}

/**
 * Keeps a stream open while its page is in sight: a browser has six connections for a server, and hidden tabs would take
 * them from the one that is read.
 */
function whileVisible(open: () => EventSource): () => void {
  let source = document.hidden ? null : open();
  const changed = () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else source ??= open();
  };
  document.addEventListener("visibilitychange", changed);
  return () => {
    document.removeEventListener("visibilitychange", changed);
    source?.close();
  };
}

/** Follows the rows of some runs, each as "entity/project/run id"; returns how to stop. */
export function followRuns(runs: readonly string[], after: number, handlers: TailHandlers): () => void {
  let last = after;
  return whileVisible(() => {
    const parameters = runs.map((run): [string, string] => ["run", run]);
    const source = new EventSource(address("tail", [...parameters, ["after", last]]));
    source.addEventListener("rows", (event) => {
      last = Number(event.lastEventId);
      handlers.rows(parseJson(String(event.data)) as TailRows);
    });
    source.addEventListener("run", (event) => handlers.run(parseJson(String(event.data)) as RunChange & { run: number }));
    source.onopen = () => handlers.connected(true);
    source.onerror = () => handlers.connected(false);
    return source;
  });
}

/** Says whenever the views have moved on; returns how to stop. */
export function followChanges(moved: () => void, connected: (connected: boolean) => void): () => void {
  return whileVisible(() => {
    const source = new EventSource(address("changes"));
    source.addEventListener("moved", moved);
    source.onopen = () => connected(true);
    source.onerror = () => connected(false);
    return source;
  });
}
