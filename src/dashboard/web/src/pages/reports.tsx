// The reports of a project, and one of them: read, written, and pinned to a position of the log.

import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../api/http.ts";
import { deleteSaved, listSaved, newId, putSaved, readSaved, type Saved } from "../api/saved.ts";
import { Failure, IconButton, Link, Loading } from "../components/basics.tsx";
import { Markdown } from "../components/markdown.tsx";
import { ago, moment } from "../model/format.ts";
import { FigureBlock } from "../report/figures.tsx";
import { blocksOf, isPinned, unpinned, type Block, type ReportContent } from "../report/model.ts";
import { pinned, type Place } from "../report/pin.ts";
import { reportPath } from "../report/pick.tsx";
import { go } from "../router.ts";
import { notify } from "../state/notices.ts";
import { asError, useResource } from "../state/resource.ts";

const FIRST_TEXT = "What was tried, what came out?\n\nAdd charts and tables from the workspace: each has a button that puts it here.";

export function ReportsPage(place: Place) {
  const { entity, project } = place;
  const { data, error, reload } = useResource(JSON.stringify(["reports", entity, project]), (signal) => listSaved(entity, project, "reports", signal));
  const [name, setName] = useState("");
  const create = (event: Event) => {
    event.preventDefault();
    const id = newId();
    if (!name.trim()) return;
    putSaved<ReportContent>(entity, project, "reports", id, name.trim(), { blocks: [{ kind: "text", text: FIRST_TEXT }] }).then(
      () => go(`${reportPath(place, id)}?edit=1`),
      (problem: unknown) => notify({ text: asError(problem).message }),
    );
  };
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="reports" />;
  return (
    <div class="page">
      <h1>Reports</h1>
      <form class="actions new-report" onSubmit={create}>
        <input type="text" placeholder="Title of a new report" aria-label="Title of a new report" maxLength={500} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <button type="submit">Write a report</button>
      </form>
      {data.length === 0 && <p class="notice">There is none yet. A report is text with charts and tables; it has an address of its own, and can be pinned so that its figures never change.</p>}
      <div class="tiles">
        {data.map((head) => (
          <article class="tile" key={head.id}>
            <h2>
              <Link to={reportPath(place, head.id)}>{head.name}</Link>
            </h2>
            <p class="faint" title={moment(head.updated_at)}>{ago(head.updated_at, Date.now() / 1000)}</p>
          </article>
        ))}
      </div>
    </div>
  );
}

export function ReportPage({ id, query, ...place }: Place & { id: string; query: URLSearchParams }) {
  const { entity, project } = place;
  const { data, error, reload } = useResource(JSON.stringify([entity, project, id]), (signal) => readSaved<ReportContent>(entity, project, "reports", id, signal));
  if (error instanceof ApiError && error.status === 404) {
    return (
      <div class="empty">
        <h1>There is no such report</h1>
        <p><Link to={reportPath(place)}>All reports of {project}</Link></p>
      </div>
    );
  }
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="the report" />;
  return <Shown {...place} report={data.answer} editing={query.get("edit") === "1"} reload={reload} />;
}

function Shown({ report, editing, reload, ...place }: Place & { report: Saved<ReportContent>; editing: boolean; reload: () => void }) {
  const { entity, project } = place;
  const [blocks, setBlocks] = useState(() => blocksOf(report.content));
  const [name, setName] = useState(report.name);
  const [working, setWorking] = useState(false);
  useEffect(() => {
    setBlocks(blocksOf(report.content));
    setName(report.name);
  }, [report.updated_at, editing]);
  const store = async (next: readonly Block[], title = report.name): Promise<void> => {
    setWorking(true);
    try {
      await putSaved<ReportContent>(entity, project, "reports", report.id, title, { blocks: [...next] });
      go(reportPath(place, report.id), true);
    } catch (problem) {
      notify({ text: asError(problem).message });
    }
    setWorking(false);
    reload();
  };
  const pin = () => pinned(place, blocks).then((next) => store(next), (problem: unknown) => notify({ text: asError(problem).message }));
  const fixed = isPinned(blocks);
  const figures = blocks.some((block) => block.kind !== "text");
  const remove = async () => {
    await deleteSaved(entity, project, "reports", report.id);
    notify({ text: `Deleted ${report.name}.`, undo: () => void store(blocks) });
    reload();
  };
  return (
    <div class="page report">
      <header class="title">
        {editing ? <input type="text" class="wide" aria-label="Title" maxLength={500} value={name} onInput={(event) => setName(event.currentTarget.value)} /> : <h1>{report.name}</h1>}
        {report.deleted && <span class="state failed">deleted</span>}
        {fixed && <span class="tag">pinned</span>}
        <span class="actions">
          {editing ? (
            <>
              <button type="button" disabled={working} onClick={() => void store(blocks, name.trim() || report.name)}>Save</button>
              <button type="button" onClick={() => go(reportPath(place, report.id))}>Cancel</button>
            </>
          ) : (
            <>
              <button type="button" onClick={() => go(`${reportPath(place, report.id)}?edit=1`)}>Edit</button>
              {figures && !fixed && <button type="button" disabled={working} title="Keep the figures as they are now, whatever is logged later" onClick={() => void pin()}>Pin the figures</button>}
              {fixed && <button type="button" disabled={working} onClick={() => void store(unpinned(blocks))}>Make the figures live</button>}
              <IconButton icon="trash" label="Delete this report" onClick={() => void remove()} />
            </>
          )}
        </span>
        {editing && <h1 class="unseen">{report.name}</h1>}
      </header>
      {blocks.length === 0 && !editing && <p class="notice">This report is empty. Edit it, or add charts from the workspace.</p>}
      {blocks.map((block, number) => (
        <section class="block" key={number}>
          {editing && <BlockTools number={number} blocks={blocks} set={setBlocks} />}
          {block.kind !== "text" ? <FigureBlock {...place} figure={block} /> : editing ? <TextField block={block} set={(text) => setBlocks(blocks.map((other, its) => (its === number ? { kind: "text", text } : other)))} /> : <Markdown text={block.text} />}
        </section>
      ))}
      {editing && <button type="button" onClick={() => setBlocks([...blocks, { kind: "text", text: "" }])}>Add text</button>}
    </div>
  );
}

function TextField({ block, set }: { block: { text: string }; set: (text: string) => void }) {
  return <textarea aria-label="Text" class="wide" placeholder="Markdown" rows={Math.min(30, Math.max(4, block.text.split("\n").length + 1))} value={block.text} onInput={(event) => set(event.currentTarget.value)} />;
}

function BlockTools({ number, blocks, set }: { number: number; blocks: readonly Block[]; set: (blocks: Block[]) => void }) {
  const moved = (to: number) => {
    const rest = blocks.filter((_, other) => other !== number);
    set([...rest.slice(0, to), blocks[number] as Block, ...rest.slice(to)]);
  };
  return (
    <p class="block-tools">
      <button type="button" class="bare small" disabled={number === 0} onClick={() => moved(number - 1)}>Up</button>
      <button type="button" class="bare small" disabled={number === blocks.length - 1} onClick={() => moved(number + 1)}>Down</button>
      <button type="button" class="bare small" onClick={() => set([...blocks.slice(0, number), { kind: "text", text: "" }, ...blocks.slice(number)])}>Text before</button>
      <button type="button" class="bare small" onClick={() => set(blocks.filter((_, other) => other !== number))}>Remove</button>
    </p>
  );
}
