// Names and values, with a search.

import { useState } from "preact/hooks";
import type { Tree } from "../api/types.ts";
import { matcher } from "../charts/view.ts";
import { leaves } from "../model/tree.ts";
import { shownJson } from "../model/json.ts";

const LINES_MAX = 500;
const CHARACTERS_MAX = 2_000;

export function TreeTable({ tree, nothing }: { tree: Tree; nothing: string }) {
  const [text, setText] = useState("");
  const all = leaves(tree);
  if (all.length === 0) return <p class="notice">{nothing}</p>;
  const matches = matcher(text);
  const found = all.filter(([name]) => matches(name));
  return (
    <div class="tree">
      {all.length > 10 && <input type="search" data-keys="charts" placeholder="Search names (regex)" aria-label="Search names" value={text} onInput={(event) => setText(event.currentTarget.value)} />}
      <div class="scroll" tabIndex={0} role="region" aria-label="Names and values">
        <table class="plain facts">
          <tbody>
            {found.slice(0, LINES_MAX).map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{shownJson(value).slice(0, CHARACTERS_MAX)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {found.length > LINES_MAX && <p class="faint">{found.length - LINES_MAX} more: search for them.</p>}
    </div>
  );
}
