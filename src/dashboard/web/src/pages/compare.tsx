// Two to twenty runs side by side: what differs in their configuration, results and surroundings.

import type { Run, Tree } from "../api/types.ts";
import { getJson, runPath } from "../api/http.ts";
import { Failure, Link, Loading, StateMark } from "../components/basics.tsx";
import { shownJson } from "../model/json.ts";
import { shownValue } from "../model/format.ts";
import { sideBySide } from "../model/tree.ts";
import { pathOf, setQuery } from "../router.ts";
import { useResource } from "../state/resource.ts";

const RUNS_MAX = 20;
const CHARACTERS_MAX = 200;
const LINES_MAX = 1_000;

export function ComparePage({ entity, project, query }: { entity: string; project: string; query: URLSearchParams }) {
  const ids = [...new Set(query.getAll("run"))].slice(0, RUNS_MAX);
  const { data, error, reload } = useResource(JSON.stringify([entity, project, ids]), (signal) =>
    Promise.all(ids.map((id) => getJson<Run>(runPath(entity, project, id), [], signal))),
  );
  const all = query.get("all") === "1";
  if (ids.length === 0) {
    return (
      <p class="notice">
        Choose runs in the table of <Link to={pathOf(entity, project)}>{project}</Link>, then Compare.
      </p>
    );
  }
  if (error) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading what="runs" />;
  const sections: [string, Tree[]][] = [
    ["Config", data.map((run) => run.config)],
    ["Summary", data.map((run) => run.summary)],
    ["Environment", data.map(surroundings)],
  ];
  return (
    <div class="page compare">
      <header class="title">
        <h1>Compare {data.length} runs</h1>
        <label class="choice">
          <input type="checkbox" checked={!all} onChange={(event) => setQuery({ all: !event.currentTarget.checked })} /> Differences only
        </label>
      </header>
      <div class="scroll" tabIndex={0} role="region" aria-label="Comparison">
        <table class="comparison">
          <thead>
            <tr>
              <td />
              {data.map((run) => (
                <th key={run.run_id} scope="col">
                  <StateMark state={run.state} /> <Link to={pathOf(entity, project, run.run_id)}>{run.name}</Link>
                </th>
              ))}
            </tr>
          </thead>
          {sections.map(([title, trees]) => (
            <Section key={title} title={title} trees={trees} all={all} />
          ))}
        </table>
      </div>
    </div>
  );
}

function Section({ title, trees, all }: { title: string; trees: Tree[]; all: boolean }) {
  const lines = sideBySide(trees);
  const shown = lines.filter(({ differs }) => all || differs).slice(0, LINES_MAX);
  return (
    <tbody>
      <tr class="section">
        <th scope="rowgroup" colSpan={trees.length + 1}>
          {title} <span class="faint">{lines.filter(({ differs }) => differs).length} of {lines.length} differ</span>
        </th>
      </tr>
      {shown.map(({ name, values, differs }) => (
        <tr key={name} class={differs ? "differs" : ""}>
          <th scope="row">{name}</th>
          {values.map((value, place) => (
            <td key={place} class={typeof value === "number" ? "number" : ""} title={value === undefined ? "" : shownJson(value).slice(0, CHARACTERS_MAX)}>
              {value === undefined ? <span class="faint">–</span> : shownValue(value).slice(0, CHARACTERS_MAX)}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function surroundings(run: Run): Tree {
  return {
    command: run.command.join(" "),
    host: run.host,
    user: run.user,
    python: run.python_version,
    tags: run.tags.join(", "),
    git: run.git ? { ...run.git } : {},
  };
}
