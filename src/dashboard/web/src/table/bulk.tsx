// What can be done to all selected runs at once; each change can be taken back.

import { useState } from "preact/hooks";
import { deleteRun, editRun, restoreRun } from "../api/edits.ts";
import type { RunRow, TablePage } from "../api/types.ts";
import { getJson } from "../api/http.ts";
import { Popover } from "../components/basics.tsx";
import { plural } from "../model/format.ts";
import { quoted } from "../model/fields.ts";
import { notify } from "../state/notices.ts";
import { asError } from "../state/resource.ts";
import { setQuery } from "../router.ts";

interface Names {
  entity: string;
  project: string;
}

/** Does something to each run, one after the other, and says what failed. */
async function each(ids: readonly string[], change: (id: string) => Promise<unknown>): Promise<boolean> {
  for (const [place, id] of ids.entries()) {
    try {
      await change(id);
    } catch (error) {
      notify({ text: `${place} of ${plural(ids.length, "run")} changed. ${asError(error).message}` });
      return false;
    }
  }
  return true;
}

export async function deleteRuns({ entity, project }: Names, ids: readonly string[]): Promise<void> {
  if (!(await each(ids, (id) => deleteRun(entity, project, id)))) return;
  notify({ text: `Deleted ${plural(ids.length, "run")}. Nothing is lost: More shows deleted runs.`, undo: () => void restoreRuns({ entity, project }, ids) });
}

export async function restoreRuns({ entity, project }: Names, ids: readonly string[]): Promise<void> {
  if (!(await each(ids, (id) => restoreRun(entity, project, id)))) return;
  notify({ text: `Restored ${plural(ids.length, "run")}.`, undo: () => void deleteRuns({ entity, project }, ids) });
}

async function tagRuns({ entity, project }: Names, ids: readonly string[], tag: string): Promise<void> {
  const parameters: [string, string | number][] = [["entity", entity], ["project", project], ["filter", `run_id in [${ids.map(quoted).join(", ")}]`], ["limit", 1000], ["column", "tags"]];
  const { runs } = await getJson<TablePage>("table", parameters);
  const before = new Map(runs.map((run: RunRow) => [run.run_id, (run.values[0] as string[] | null) ?? []]));
  const set = (tags: (id: string) => string[]) => each(ids, (id) => editRun(entity, project, id, { tags: tags(id) }));
  const old = (id: string) => before.get(id) ?? [];
  if (!(await set((id) => [...new Set([...old(id), tag])]))) return;
  notify({ text: `Tagged ${plural(ids.length, "run")}.`, undo: () => void set(old) });
}

export function BulkActions({ selected, deleted, ...names }: Names & { selected: readonly string[]; deleted: boolean }) {
  const [tag, setTag] = useState("");
  return (
    <Popover name="Change the selected runs" label={`Change ${selected.length}`}>
      {(close) => (
        <div class="choices">
          <form class="builder" onSubmit={(event) => { event.preventDefault(); close(); if (tag.trim()) void tagRuns(names, selected, tag.trim()); setTag(""); }}>
            <input type="text" placeholder="tag" aria-label="Tag" value={tag} onInput={(event) => setTag(event.currentTarget.value)} />
            <button type="submit">Add tag</button>
          </form>
          {deleted ? (
            <button type="button" onClick={() => { close(); void restoreRuns(names, selected); }}>Restore {plural(selected.length, "run")}</button>
          ) : (
            <button type="button" onClick={() => { close(); setQuery({ run: null }); void deleteRuns(names, selected); }}>Delete {plural(selected.length, "run")}</button>
          )}
        </div>
      )}
    </Popover>
  );
}
