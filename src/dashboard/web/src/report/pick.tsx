// Putting what one sees into a report: an existing one, or a new one.

import { useState } from "preact/hooks";
import { listSaved, newId, putSaved, readSaved } from "../api/saved.ts";
import { Link, Loading, Popover } from "../components/basics.tsx";
import { Icon } from "../components/icons.tsx";
import { go, pathOf } from "../router.ts";
import { notify } from "../state/notices.ts";
import { asError, useResource } from "../state/resource.ts";
import { blocksOf, type Figure, type ReportContent } from "./model.ts";
import type { Place } from "./pin.ts";

export function reportPath({ entity, project }: Place, id?: string): string {
  return pathOf(entity, project, "-", "reports", ...(id === undefined ? [] : [id]));
}

/** Appends a figure to a report, and says so with a way to take it back. */
async function append(place: Place, id: string, figure: Figure): Promise<void> {
  const { answer } = await readSaved<ReportContent>(place.entity, place.project, "reports", id);
  const blocks = blocksOf(answer.content);
  const put = (next: ReportContent["blocks"]) => putSaved<ReportContent>(place.entity, place.project, "reports", id, answer.name, { blocks: next });
  await put([...blocks, figure]);
  notify({ text: `Added to ${answer.name}.`, undo: () => void put(blocks).catch((error: unknown) => notify({ text: asError(error).message })) });
}

export function PickReport({ what, figure, small = true, ...place }: Place & { what: string; figure: () => Figure; small?: boolean }) {
  return (
    <Popover name={small ? `Add ${what} to a report` : `Reports: add ${what} to a report`} label={small ? <Icon name="note" /> : "Reports"} class={small ? "icon-only" : ""}>
      {(close) => <Choices {...place} what={what} figure={figure} close={close} />}
    </Popover>
  );
}

function Choices({ entity, project, what, figure, close }: Place & { what: string; figure: () => Figure; close: () => void }) {
  const place = { entity, project };
  const { data, error } = useResource(JSON.stringify(["reports", entity, project]), (signal) => listSaved(entity, project, "reports", signal));
  const [name, setName] = useState("");
  const attempt = (action: Promise<unknown>) => {
    close();
    action.catch((problem: unknown) => notify({ text: asError(problem).message }));
  };
  const create = async () => {
    const id = newId();
    await putSaved<ReportContent>(entity, project, "reports", id, name.trim(), { blocks: [figure()] });
    go(reportPath(place, id));
  };
  return (
    <div class="choices">
      <form class="builder" onSubmit={(event) => { event.preventDefault(); if (name.trim()) attempt(create()); }}>
        <input type="text" placeholder="title" aria-label="Title of a new report" maxLength={500} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <button type="submit">New report with {what}</button>
      </form>
      {error && <p class="failure">{error.message}</p>}
      {!data && !error && <Loading what="reports" />}
      {data?.map((head) => (
        <button key={head.id} type="button" onClick={() => attempt(append(place, head.id, figure()))}>
          Add to {head.name}
        </button>
      ))}
      <p>
        <Link to={reportPath(place)}>All reports</Link>
      </p>
    </div>
  );
}
