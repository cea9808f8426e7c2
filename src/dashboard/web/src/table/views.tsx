// Saved views of a project: a name for an address. Each has an address of its own, ?saved=ID, which leads to what it holds.

import { useEffect, useState } from "preact/hooks";
import { deleteSaved, listSaved, newId, putSaved, readSaved, type Saved, type SavedHead } from "../api/saved.ts";
import { IconButton, Link, Loading, Popover } from "../components/basics.tsx";
import { ago } from "../model/format.ts";
import { go, pathOf } from "../router.ts";
import { notify } from "../state/notices.ts";
import { asError, useResource } from "../state/resource.ts";

interface Place {
  entity: string;
  project: string;
}

export interface ViewContent {
  query: string;
}

/** What an address says besides which saved view it began with. */
function queryOf(query: URLSearchParams): string {
  const rest = new URLSearchParams(query);
  rest.delete("saved");
  return rest.toString();
}

/** Leads an address that names only a saved view to what that holds. */
export function useSavedView({ entity, project }: Place, query: URLSearchParams): { view: Saved<ViewContent> | null; changed: boolean; error: Error | null; reload: () => void } {
  const id = query.get("saved");
  const { data, error, reload } = useResource(id === null ? null : JSON.stringify([entity, project, id]), (signal) =>
    readSaved<ViewContent>(entity, project, "views", id ?? "", signal),
  );
  const view = id !== null && data?.answer.id === id ? data.answer : null;
  const bare = id !== null && queryOf(query) === "";
  const held = view && typeof view.content?.query === "string" ? view.content.query : "";
  useEffect(() => {
    if (bare && held !== "") go(`${pathOf(entity, project)}?${held}&saved=${id}`, true);
  }, [bare, held]);
  return { view, changed: view !== null && !bare && queryOf(query) !== held, error: id === null ? null : error, reload };
}

export function ViewsMenu({ entity, project, query }: Place & { query: URLSearchParams }) {
  const { view, changed, error, reload } = useSavedView({ entity, project }, query);
  const save = async (id: string, name: string) => {
    try {
      await putSaved<ViewContent>(entity, project, "views", id, name, { query: queryOf(query) });
      go(`${pathOf(entity, project)}?${queryOf(query)}&saved=${id}`, true);
      reload();
      notify({ text: `Saved the view ${name}.` });
    } catch (problem) {
      notify({ text: asError(problem).message });
    }
  };
  const label = view && !view.deleted ? `${view.name}${changed ? " *" : ""}` : "Views";
  return (
    <>
      <Popover name={`Saved views: ${label}`} label={label}>
        {(close) => <Choices {...{ entity, project, view, save, close }} />}
      </Popover>
      {view && changed && !view.deleted && (
        <button type="button" title={`Save the changes in ${view.name}`} onClick={() => void save(view.id, view.name)}>
          Save
        </button>
      )}
      {error && <span class="state failed">this saved view cannot be shown: {error.message}</span>}
    </>
  );
}

function Choices({ entity, project, view, save, close }: Place & { view: SavedHead | null; save: (id: string, name: string) => Promise<void>; close: () => void }) {
  const { data, error, reload } = useResource(JSON.stringify(["views", entity, project]), (signal) => listSaved(entity, project, "views", signal));
  const [name, setName] = useState("");
  const remove = async (head: SavedHead) => {
    const { answer } = await readSaved<ViewContent>(entity, project, "views", head.id);
    await deleteSaved(entity, project, "views", head.id);
    reload();
    const restore = async () => {
      await putSaved(entity, project, "views", head.id, head.name, answer.content);
      notify({ text: `Restored the view ${head.name}.` });
      reload();
    };
    notify({ text: `Deleted the view ${head.name}.`, undo: () => void restore() });
  };
  return (
    <div class="choices">
      <form class="builder" onSubmit={(event) => { event.preventDefault(); close(); if (name.trim()) void save(newId(), name.trim()); }}>
        <input type="text" placeholder="name" aria-label="Name of the view" maxLength={500} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <button type="submit">Save this view</button>
      </form>
      {error && <p class="failure">{error.message}</p>}
      {!data && !error && <Loading what="views" />}
      {data?.length === 0 && <p class="faint">None is saved yet. A view is everything that you see here: filter, order, columns, charts.</p>}
      {data?.map((head) => (
        <p class="axis-choice" key={head.id}>
          <Link to={`${pathOf(entity, project)}?saved=${head.id}`} class={head.id === view?.id ? "here" : ""}>{head.name}</Link>
          <span class="faint">{ago(head.updated_at, Date.now() / 1000)}</span>
          <IconButton icon="trash" label={`Delete the view ${head.name}`} onClick={() => void remove(head).catch((problem: unknown) => notify({ text: asError(problem).message }))} />
        </p>
      ))}
    </div>
  );
}
