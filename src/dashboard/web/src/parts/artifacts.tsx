// The artifacts that a run logged and used, with their files.

import { useState } from "preact/hooks";
import { getJson, runPath } from "../api/http.ts";
import type { Run } from "../api/types.ts";
import { Link, Loading } from "../components/basics.tsx";
import { ago, bytes, plural } from "../model/format.ts";
import { pathOf } from "../router.ts";
import { useResource } from "../state/resource.ts";
import { blobAddress } from "./picture.tsx";
import { PartFailure } from "./unavailable.tsx";

export interface Version {
  entity: string;
  project: string;
  name: string;
  /** None while the collector has not decided. */
  version?: string;
  type: string;
  aliases?: string[];
  file_count?: number;
  bytes?: number;
  created_at?: number;
  state?: "pending" | "committed" | "refused";
  reason?: string;
  run?: { entity: string; project: string; run_id: string } | null;
}

export function RunArtifacts({ run }: { run: Run }) {
  const { data, error, reload } = useResource(JSON.stringify(["artifacts", run.run_id, run.records.stored]), (signal) =>
    getJson<{ logged: Version[]; used: Version[] }>(`${runPath(run.entity, run.project, run.run_id)}/artifacts`, [], signal),
  );
  if (error && !data) return <PartFailure error={error} retry={reload} what="artifacts" />;
  if (!data) return <Loading what="artifacts" />;
  if (data.logged.length + data.used.length === 0) return <p class="notice">This run logged no artifact and used none. run.log_artifact(path, name="model", type="model") logs one.</p>;
  return (
    <div class="overview">
      <Lineage run={run} used={data.used} logged={data.logged} />
      {data.used.length > 0 && <Versions title="Used" versions={data.used} />}
      {data.logged.length > 0 && <Versions title="Logged" versions={data.logged} />}
    </div>
  );
}

function Versions({ title, versions }: { title: string; versions: readonly Version[] }) {
  return (
    <>
      <h2>{title}</h2>
      {versions.map((version, place) => (
        <VersionFiles key={`${version.name} ${version.version ?? place}`} version={version} />
      ))}
    </>
  );
}

interface FilesAnswer {
  total: number;
  bytes: number;
  files: { path: string; sha256: string; bytes: number; reference?: string }[];
}

const FILES = 200;

function VersionFiles({ version }: { version: Version }) {
  const [open, setOpen] = useState(false);
  const path = `artifacts/${[version.entity, version.project, version.name, version.version ?? ""].map(encodeURIComponent).join("/")}/files`;
  const { data, error, reload } = useResource(open ? JSON.stringify(["files", path]) : null, (signal) => getJson<FilesAnswer>(path, [["limit", FILES]], signal));
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <strong>{version.name}</strong> {version.version ?? version.state} <span class="faint">{version.type}</span>{" "}
        {version.aliases?.map((alias) => <span class="tag" key={alias}>{alias}</span>)}
        <span class="faint">
          {version.file_count !== undefined && `${plural(version.file_count, "file")}, ${bytes(version.bytes ?? 0)}`}
          {version.created_at !== undefined && ` · ${ago(version.created_at, Date.now() / 1000)}`}
        </span>
        {version.reason && <span class="state failed"> {version.reason}</span>}
      </summary>
      {error && <PartFailure error={error} retry={reload} what="files of artifacts" />}
      {open && !data && !error && <Loading what="files" />}
      {data && (
        <table class="plain facts">
          <tbody>
            {data.files.map((file) => (
              <tr key={file.path}>
                <th scope="row">{file.sha256 && !file.reference ? <a href={blobAddress(file.sha256, "application/octet-stream", file.path.slice(file.path.lastIndexOf("/") + 1))} download>{file.path}</a> : file.path}</th>
                <td class="number">{bytes(file.bytes)}</td>
                <td class="faint">{file.reference}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {data && data.total > data.files.length && <p class="faint">the first {data.files.length} of {data.total.toLocaleString("en-US")}</p>}
    </details>
  );
}

/** What went in, the run, and what came out. */
function Lineage({ run, used, logged }: { run: Run; used: readonly Version[]; logged: readonly Version[] }) {
  return (
    <div class="lineage" role="group" aria-label="Lineage">
      <ul>
        {used.map((version) => (
          <li key={`${version.name} ${version.version}`}>
            {version.name} {version.version}
            {version.run && <span class="faint"> from <Link to={pathOf(version.run.entity, version.run.project, version.run.run_id)}>{version.run.run_id}</Link></span>}
          </li>
        ))}
        {used.length === 0 && <li class="faint">nothing used</li>}
      </ul>
      <span aria-hidden="true">→</span>
      <strong>{run.name}</strong>
      <span aria-hidden="true">→</span>
      <ul>
        {logged.map((version, place) => <li key={`${version.name} ${place}`}>{version.name} {version.version ?? version.state}</li>)}
        {logged.length === 0 && <li class="faint">nothing logged</li>}
      </ul>
    </div>
  );
}
