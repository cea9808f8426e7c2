// Sweeps: what they are, what becomes of their trials, and what a person changes.

import { getJson, send } from "./http.ts";
import type { Tree } from "./types.ts";

export type SweepState = "running" | "paused" | "finished" | "stopped" | "cancelled" | "deleted";

export interface Trial {
  trial: number;
  attempt: number;
  parameters: Tree;
  state: "running" | "finished" | "failed" | "stopped" | "lost" | "preempted";
  value: number | null;
  agent: string;
  reason: string;
  started_at: number;
  ended_at: number | null;
  runs: string[];
}

export interface SweepAgent {
  agent: string;
  host: string;
  jobs: number;
  running?: { trial: number; attempt: number }[];
  silent_s: number;
}

export interface Sweep {
  entity: string;
  project: string;
  sweep_id: string;
  name: string;
  state: SweepState;
  method: string;
  metric: { name: string; goal: "minimize" | "maximize" } | null;
  created_at: number;
  expected: number | null;
  trials: { total: number; [state: string]: number };
  best: Trial | null;
  agents: SweepAgent[] | null;
}

export interface Importance {
  method: string;
  trials: number;
  parameters: { parameter: string; importance: number; correlation: number | null }[];
}

export interface SweepStory {
  sweep: Sweep;
  trials: Trial[];
  importance: Importance;
}

export async function readSweep(entity: string, project: string, id: string, signal: AbortSignal): Promise<SweepStory> {
  const path = sweepPath(entity, project, id);
  const [sweep, { trials }, importance] = await Promise.all([
    getJson<Sweep>(path, [], signal),
    getJson<{ trials: Trial[] }>(`${path}/trials`, [], signal),
    getJson<Importance>(`${path}/importance`, [], signal),
  ]);
  return { sweep, trials, importance };
}

export function readSweeps(entity: string, project: string, signal: AbortSignal): Promise<{ sweeps: Sweep[] }> {
  return getJson("sweeps", [["entity", entity], ["project", project]], signal);
}

export function changeSweep({ entity, project, sweep_id: id }: Sweep, state: SweepState): Promise<{ state: SweepState }> {
  return send("PATCH", sweepPath(entity, project, id), { state });
}

export function sweepPath(entity: string, project: string, id: string): string {
  return `sweeps/${[entity, project, id].map(encodeURIComponent).join("/")}`;
}
