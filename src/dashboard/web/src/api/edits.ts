// What a person changes; every edit is an event, so every edit can be taken back by another.

import { runPath, send } from "./http.ts";
import type { Run } from "./types.ts";

export type RunEdit = Partial<Pick<Run, "name" | "notes" | "group" | "tags">>;

export function editRun(entity: string, project: string, runId: string, edit: RunEdit): Promise<Run> {
  return send<Run>("PATCH", runPath(entity, project, runId), edit);
}

export function deleteRun(entity: string, project: string, runId: string): Promise<Run> {
  return send<Run>("DELETE", runPath(entity, project, runId));
}

export function restoreRun(entity: string, project: string, runId: string): Promise<Run> {
  return send<Run>("POST", `${runPath(entity, project, runId)}/restore`);
}
