// Fields of a run that a person may change where they are shown.

import { useState } from "preact/hooks";
import { editRun, type RunEdit } from "../api/edits.ts";
import type { Run } from "../api/types.ts";
import { Markdown } from "./markdown.tsx";
import { notify } from "../state/notices.ts";
import { asError } from "../state/resource.ts";

/** Sends an edit and says when it failed; `before` takes it back. */
export async function changeRun(run: Run, edit: RunEdit, before: RunEdit, changed: () => void): Promise<void> {
  try {
    await editRun(run.entity, run.project, run.run_id, edit);
    notify({ text: `Changed ${Object.keys(edit).join(", ")} of ${run.name}.`, undo: () => void changeRun(run, before, edit, changed) });
  } catch (error) {
    notify({ text: asError(error).message });
  }
  changed();
}

export function EditableName({ run, changed }: { run: Run; changed: () => void }) {
  const [text, setText] = useState<string | null>(null);
  if (text === null) {
    return (
      <h1>
        {run.name}{" "}
        <button type="button" class="bare small" onClick={() => setText(run.name)}>
          Rename
        </button>
      </h1>
    );
  }
  const save = (event: Event) => {
    event.preventDefault();
    setText(null);
    if (text.trim() && text !== run.name) void changeRun(run, { name: text.trim() }, { name: run.name }, changed);
  };
  return (
    <form class="rename" onSubmit={save}>
      <h1 class="unseen">{run.name}</h1>
      <input type="text" aria-label="Name" value={text} maxLength={500} ref={(input) => input?.focus()} onInput={(event) => setText(event.currentTarget.value)} onKeyDown={(event) => event.key === "Escape" && setText(null)} />
      <button type="submit">Save</button>
    </form>
  );
}

export function EditableTags({ run, changed }: { run: Run; changed: () => void }) {
  const [text, setText] = useState("");
  const set = (tags: string[]) => void changeRun(run, { tags }, { tags: run.tags }, changed);
  const add = (event: Event) => {
    event.preventDefault();
    const tag = text.trim();
    setText("");
    if (tag && !run.tags.includes(tag)) set([...run.tags, tag]);
  };
  return (
    <form class="tags" onSubmit={add}>
      {run.tags.map((tag) => (
        <span class="tag" key={tag}>
          {tag}
          <button type="button" class="bare" aria-label={`Remove the tag ${tag}`} onClick={() => set(run.tags.filter((other) => other !== tag))}>
            ×
          </button>
        </span>
      ))}
      <input type="text" aria-label="Add a tag" placeholder="Add a tag" value={text} maxLength={500} onInput={(event) => setText(event.currentTarget.value)} />
    </form>
  );
}

export function EditableNotes({ run, changed }: { run: Run; changed: () => void }) {
  const [text, setText] = useState<string | null>(null);
  if (text === null) {
    return (
      <div class="notes">
        {run.notes && <Markdown text={run.notes} />}
        <button type="button" class="bare small" onClick={() => setText(run.notes)}>
          {run.notes ? "Edit the notes" : "Write notes"}
        </button>
      </div>
    );
  }
  const save = (event: Event) => {
    event.preventDefault();
    setText(null);
    if (text !== run.notes) void changeRun(run, { notes: text }, { notes: run.notes }, changed);
  };
  return (
    <form class="notes" onSubmit={save}>
      <textarea aria-label="Notes" placeholder="What was this run for? What came out? Markdown is understood." rows={Math.min(20, Math.max(4, text.split("\n").length + 1))} value={text} ref={(area) => area?.focus()} onInput={(event) => setText(event.currentTarget.value)} />
      <p class="actions">
        <button type="submit">Save</button>
        <button type="button" onClick={() => setText(null)}>Cancel</button>
      </p>
    </form>
  );
}
