// What a run is and where it came from.

import type { ComponentChildren } from "preact";
import type { Run } from "../api/types.ts";
import { EditableNotes, EditableTags } from "./editing.tsx";
import { duration, moment } from "../model/format.ts";

export function Overview({ run, changed }: { run: Run; changed: () => void }) {
  const facts = factsOf(run, changed);
  return (
    <div class="overview">
      <table class="plain facts">
        <tbody>
          {facts.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h2>Writers</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Writers">
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Attempt</th>
              <th scope="col">State</th>
              <th scope="col">Host</th>
              <th scope="col">Process</th>
              <th scope="col" class="number">Records</th>
            </tr>
          </thead>
          <tbody>
            {run.writers.map((writer) => (
              <tr key={writer.writer} title={writer.writer}>
                <td>{writer.attempt}</td>
                <td>{writer.state}</td>
                <td>{writer.host}</td>
                <td>{writer.pid || ""}</td>
                <td class="number">{writer.stored.toLocaleString("en-US")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function factsOf(run: Run, changed: () => void): [string, ComponentChildren][] {
  const git = run.git;
  const facts: [string, ComponentChildren][] = [
    ["Run", `${run.entity}/${run.project}/${run.run_id}`],
    ["Records", <Completeness run={run} />],
    ["Tags", <EditableTags run={run} changed={changed} />],
    ["Notes", <EditableNotes run={run} changed={changed} />],
    ["Group", run.group],
    ["Job type", run.job_type],
    ["Created", moment(run.created_at)],
    ["Last heard of", moment(run.updated_at)],
    ["Duration", duration(run.duration_s)],
    ["Attempts", run.attempts > 1 && run.attempts],
    ["Exit code", run.exit_code],
    ["Command", run.command.length > 0 && <code>{run.command.map(shellQuoted).join(" ")}</code>],
    ["Python", run.python_version],
    ["Host", run.host],
    ["User", run.user],
    ["Git", git && <code>{`${git.commit.slice(0, 12)} ${git.branch}${git.dirty ? " (with changes)" : ""}`}</code>],
    ["Remote", git?.remote],
  ];
  return facts.filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false);
}

/** How much of what is known to exist has arrived, and what became of the rest. */
function Completeness({ run }: { run: Run }) {
  const { stored, expected, ...apart } = run.records;
  const others = Object.entries(apart).filter(([, count]) => count > 0);
  return (
    <>
      {stored.toLocaleString("en-US")} of {expected.toLocaleString("en-US")}
      {stored === expected && <span class="state finished"> complete</span>}
      {others.map(([name, count]) => (
        <span key={name} class="tag">
          {count.toLocaleString("en-US")} {name}
        </span>
      ))}
    </>
  );
}

function shellQuoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
