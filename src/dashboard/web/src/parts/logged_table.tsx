// A table that a run logged: pages of it, sorted and searched by the server.

import { useState } from "preact/hooks";
import { getJson } from "../api/http.ts";
import { Loading } from "../components/basics.tsx";
import { shownValue } from "../model/format.ts";
import { shownJson } from "../model/json.ts";
import { useResource } from "../state/resource.ts";
import { imagesOf, Picture } from "./picture.tsx";
import { PartFailure } from "./unavailable.tsx";

const ROWS = 50;
const CHARACTERS_MAX = 300;

interface Page {
  columns: string[];
  total: number;
  matching: number;
  rows: unknown[][];
  places: number[];
}

export function LoggedTable({ sha256, name }: { sha256: string; name: string }) {
  const [order, setOrder] = useState("");
  const [search, setSearch] = useState("");
  const [offset, setOffset] = useState(0);
  const parameters: [string, string | number][] = [["offset", offset], ["limit", ROWS], ["order", order], ["search", search]];
  const { data, error, reload } = useResource(JSON.stringify(["table", sha256, parameters]), (signal) => getJson<Page>(`tables/${sha256}`, parameters, signal));
  if (error && !data) return <PartFailure error={error} retry={reload} what="logged tables" />;
  if (!data) return <Loading what="the table" />;
  const sorted = (column: string) => (order === column ? "ascending" : order === `-${column}` ? "descending" : "none");
  const sort = (column: string) => {
    setOffset(0);
    setOrder(order === `-${column}` ? column : order === column ? "" : `-${column}`);
  };
  return (
    <>
      <p class="actions">
        <input type="search" placeholder="Search cells" aria-label={`Search in ${name}`} value={search} onInput={(event) => { setOffset(0); setSearch(event.currentTarget.value); }} />
        <span class="faint" role="status">
          {data.matching.toLocaleString("en-US")} of {data.total.toLocaleString("en-US")} rows
        </span>
        <button type="button" disabled={offset === 0} onClick={() => setOffset(Math.max(0, offset - ROWS))}>Earlier</button>
        <button type="button" disabled={offset + ROWS >= data.matching} onClick={() => setOffset(offset + ROWS)}>Later</button>
      </p>
      <div class="scroll logged" tabIndex={0} role="region" aria-label={`Rows of ${name}`}>
        <table class="plain">
          <thead>
            <tr>
              {data.columns.map((column) => (
                <th key={column} scope="col" aria-sort={sorted(column)}>
                  <button type="button" class="bare sort" onClick={() => sort(column)}>
                    {column}
                    {sorted(column) !== "none" && <span class="arrow">{sorted(column) === "descending" ? " ↓" : " ↑"}</span>}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.rows.map((row, place) => (
              <tr key={data.places[place]}>
                {row.map((cell, column) => (
                  <td key={column} class={typeof cell === "number" ? "number" : ""}><Cell cell={cell} /></td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Cell({ cell }: { cell: unknown }) {
  const images = imagesOf(cell);
  if (images.length > 0) return <>{images.map((image) => <Picture key={image.sha256} {...image} small />)}</>;
  return <span title={shownJson(cell).slice(0, CHARACTERS_MAX)}>{shownValue(cell).slice(0, CHARACTERS_MAX)}</span>;
}
