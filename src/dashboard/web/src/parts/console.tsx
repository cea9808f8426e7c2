// What a run's processes wrote to their terminals, growing while it runs.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { getJson, runPath } from "../api/http.ts";
import type { Run } from "../api/types.ts";
import { Icon } from "../components/icons.tsx";
import { Loading } from "../components/basics.tsx";
import { plural } from "../model/format.ts";
import { useResource } from "../state/resource.ts";
import { setQuery } from "../router.ts";
import { PartFailure } from "./unavailable.tsx";

const LINES = 2_000;
const REFRESH_MS = 1_500;

interface Line {
  writer: string;
  attempt: number;
  line: number;
  stderr: boolean;
  time: number;
  text: string;
  omitted?: number;
}

interface Answer {
  total: number;
  start: number;
  lines: Line[];
}

/** Escape sequences of terminals; what they colour is shown plainly. */
const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])/g;

export function plainLine(text: string): string {
  return text.replace(ESCAPES, "");
}

export function Console({ run, query }: { run: Run; query: URLSearchParams }) {
  const contains = query.get("text") ?? "";
  const stream = query.get("out") ?? "";
  const [turn, setTurn] = useState(0);
  const parameters: [string, string | number][] = [
    ["last", LINES],
    ...(contains ? [["contains", contains] as [string, string]] : []),
    ...(stream ? [["stderr", stream === "stderr" ? 1 : 0] as [string, number]] : []),
  ];
  const { data, error, reload } = useResource(JSON.stringify(["console", run.run_id, parameters, turn]), (signal) =>
    getJson<Answer>(`${runPath(run.entity, run.project, run.run_id)}/console`, parameters, signal),
  );
  const running = run.state === "running";
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => document.hidden || setTurn((before) => before + 1), REFRESH_MS);
    return () => clearInterval(timer);
  }, [running]);
  const frame = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (frame.current && atEnd.current) frame.current.scrollTop = frame.current.scrollHeight;
  }, [data]);
  const looked = () => {
    const element = frame.current;
    if (element) atEnd.current = element.scrollTop + element.clientHeight > element.scrollHeight - 8;
  };
  if (error && !data) return <PartFailure error={error} retry={reload} what="console output" />;
  if (!data) return <Loading what="console output" />;
  const filtered = contains !== "" || stream !== "";
  return (
    <div class="console">
      <div class="controls" role="toolbar" aria-label="Console">
        <label class="search">
          <Icon name="search" />
          <input type="search" data-keys="charts" placeholder="Search lines" aria-label="Search lines" value={contains} onInput={(event) => setQuery({ text: event.currentTarget.value }, true)} />
        </label>
        <select aria-label="Stream" value={stream} onChange={(event) => setQuery({ out: event.currentTarget.value })}>
          <option value="">stdout and stderr</option>
          <option value="stdout">stdout</option>
          <option value="stderr">stderr</option>
        </select>
        <span class="faint" role="status">
          {plural(data.total, "line")}
          {data.start > 0 && `, the last ${data.lines.length.toLocaleString("en-US")} shown`}
        </span>
      </div>
      {data.lines.length === 0 && <p class="notice">{filtered ? "No line matches." : running ? "Nothing was written yet." : "This run wrote nothing, or its console was not captured."}</p>}
      {data.lines.length > 0 && (
        <div class="terminal" ref={frame} onScroll={looked} tabIndex={0} role="log" aria-live="off" aria-label="Console output">
          {data.lines.map((line) => (
            <div key={`${line.writer} ${line.line}`} class={line.stderr ? "stderr" : ""} title={new Date(line.time * 1000).toLocaleString()}>
              {line.omitted ? <span class="faint">{plural(line.omitted, "line")} left out{"\n"}</span> : null}
              {plainLine(line.text)}
            </div>
          ))}
        </div>
      )}
    </div>
  );
}
