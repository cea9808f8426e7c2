// One type for each answer of the server; docs/formats.md says what they mean.

export type RunState = "running" | "finished" | "failed" | "crashed" | "preempted";

export interface Project {
  entity: string;
  project: string;
  runs: number;
  running: number;
  failed: number;
  created_at: number;
  updated_at: number;
  users: string[];
  activity: [day: number, runs: number][];
}

export interface RunRow {
  entity: string;
  project: string;
  run_id: string;
  name: string;
  state: RunState;
  created_at: number;
  updated_at: number;
  duration_s: number;
  values: unknown[];
}

export interface TablePage {
  total: number;
  runs: RunRow[];
}

export interface FieldInfo {
  field: string;
  runs: number;
  types: string[];
}

export interface Measures {
  count: number;
  mean: number;
  min: number;
  max: number;
  std: number;
}

export interface Group {
  values: unknown[];
  runs: number;
  columns: (Measures | null)[];
}

export interface Git {
  remote: string;
  commit: string;
  branch: string;
  dirty: boolean;
}

export interface RecordCounts {
  stored: number;
  expected: number;
  masked: number;
  refused: number;
  dropped: number;
  lost: number;
  unreadable: number;
  unindexed: number;
}

export interface Writer {
  writer: string;
  attempt: number;
  host: string;
  pid: number;
  stored: number;
  state: string;
}

export type Tree = { [key: string]: unknown };

export interface Run {
  entity: string;
  project: string;
  run_id: string;
  name: string;
  group: string;
  job_type: string;
  notes: string;
  tags: string[];
  state: RunState;
  exit_code: number | null;
  created_at: number;
  updated_at: number;
  duration_s: number;
  host: string;
  user: string;
  command: string[];
  program: string;
  python_version: string;
  git: Git | null;
  attempts: number;
  last_step: number | null;
  config: Tree;
  summary: Tree;
  deleted: boolean;
  records: RecordCounts;
  writers: Writer[];
}

/** What the tail sends of a run whenever it changes. */
export type RunChange = Pick<Run, "state" | "exit_code" | "updated_at" | "duration_s" | "last_step" | "records">;

export interface TailRows {
  run: number;
  /** Of the log, after these rows. */
  position: number;
  writer: string;
  attempt: number;
  rows: Tree[];
}

export interface ServerInformation {
  version: string;
  grpc_port: number | null;
  log_id: string | null;
}
