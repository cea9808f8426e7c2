// Every project, the one that changed last first.

import { useEffect } from "preact/hooks";
import { getJson } from "../api/http.ts";
import { followChanges } from "../api/live.ts";
import type { Project } from "../api/types.ts";
import { Failure, FirstRun, Link, Loading } from "../components/basics.tsx";
import { ago, moment, plural } from "../model/format.ts";
import { pathOf } from "../router.ts";
import { useResource } from "../state/resource.ts";

const DAYS = 30;

export function ProjectsPage() {
  const { data, error, loading, reload } = useResource("projects", (signal) =>
    getJson<{ projects: Project[] }>("projects", [], signal),
  );
  useEffect(() => followChanges(reload, () => undefined), []);
  if (error && !data) return <Failure error={error} retry={reload} />;
  if (!data) return loading ? <Loading what="projects" /> : null;
  if (data.projects.length === 0) return <FirstRun />;
  const now = Date.now() / 1000;
  return (
    <div class="page">
      <h1>Projects</h1>
      <div class="tiles">
        {data.projects.map((project) => (
          <article class="tile" key={pathOf(project.entity, project.project)}>
            <h2>
              <Link to={pathOf(project.entity, project.project)}>
                <span class="faint">{project.entity}/</span>
                {project.project}
              </Link>
            </h2>
            <p class="facts">
              <strong>{plural(project.runs, "run")}</strong>
              {project.running > 0 && <span class="state running"> {project.running} running</span>}
              {project.failed > 0 && <span class="state failed"> {project.failed} failed</span>}
            </p>
            <Activity activity={project.activity} today={Math.floor(now / 86_400)} />
            <p class="faint">
              <span title={moment(project.updated_at)}>{ago(project.updated_at, now)}</span>
              {project.users.length > 0 && <span> · {project.users.slice(0, 4).join(", ")}</span>}
            </p>
          </article>
        ))}
      </div>
    </div>
  );
}

/** Runs made on each of the last days. */
function Activity({ activity, today }: { activity: Project["activity"]; today: number }) {
  const byDay = new Map(activity);
  const days = Array.from({ length: DAYS }, (_, place) => byDay.get(today - DAYS + 1 + place) ?? 0);
  const most = Math.max(1, ...days);
  return (
    <svg class="activity" viewBox={`0 0 ${DAYS * 4} 24`} role="img" aria-label={`Runs made in the last ${DAYS} days: ${days.reduce((a, b) => a + b, 0)}`} preserveAspectRatio="none">
      {days.map((runs, place) => {
        const height = runs === 0 ? 1 : 3 + (21 * runs) / most;
        return <rect key={place} x={place * 4} y={24 - height} width="3" height={height} class={runs ? "some" : "none"} />;
      })}
    </svg>
  );
}
