// Choosing columns among thousands of fields.

import { useState } from "preact/hooks";
import type { FieldInfo } from "../api/types.ts";
import { Icon } from "../components/icons.tsx";
import { Popover } from "../components/basics.tsx";
import { matcher } from "../charts/view.ts";
import { fieldTitle, OTHER_FIELDS, PLAIN_FIELDS, splitField } from "../model/fields.ts";
import { setQuery } from "../router.ts";

const SHOWN = 200;

export function ColumnPicker({ columns, fields }: { columns: readonly string[]; fields: readonly FieldInfo[] }) {
  return (
    <Popover name="Columns" label={<><Icon name="columns" /> Columns</>}>
      {() => <Choices columns={columns} fields={fields} />}
    </Popover>
  );
}

function Choices({ columns, fields }: { columns: readonly string[]; fields: readonly FieldInfo[] }) {
  const [text, setText] = useState("");
  const matches = matcher(text);
  const all = [...PLAIN_FIELDS.filter((field) => field !== "name"), ...OTHER_FIELDS, ...fields.map(({ field }) => field)];
  const rest = all.filter((field) => !columns.includes(field) && matches(field));
  const set = (next: readonly string[]) => setQuery({ col: next });
  return (
    <div class="picker">
      <input type="search" placeholder="Search fields (regex)" aria-label="Search fields" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <div class="list">
        {columns.filter(matches).map((field) => (
          <label key={field} class="choice">
            <input type="checkbox" checked onChange={() => set(columns.filter((other) => other !== field))} />
            <Name field={field} />
          </label>
        ))}
        {columns.length > 0 && rest.length > 0 && <hr />}
        {rest.slice(0, SHOWN).map((field) => (
          <label key={field} class="choice">
            <input type="checkbox" checked={false} onChange={() => set([...columns, field])} />
            <Name field={field} />
          </label>
        ))}
        {rest.length > SHOWN && <p class="faint">{rest.length - SHOWN} more: search for them.</p>}
      </div>
      <p class="actions">
        <button type="button" onClick={() => setQuery({ col: null, cpin: null, w: null })}>
          As at the beginning
        </button>
      </p>
    </div>
  );
}

function Name({ field }: { field: string }) {
  const { section, key } = splitField(field);
  return key ? (
    <span>
      <span class="faint">{section}.</span>
      {key}
    </span>
  ) : (
    <span>{fieldTitle(field)}</span>
  );
}
