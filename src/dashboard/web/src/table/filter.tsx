// The filter of the runs: the language of the API with completion, and a builder that writes it.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Popover } from "../components/basics.tsx";
import { Icon } from "../components/icons.tsx";
import { both, completion, OPERATORS, term } from "../model/filter.ts";
import { setQuery } from "../router.ts";

const PAUSE_MS = 300;

export function FilterBox({ filter, fields, problem }: { filter: string; fields: readonly string[]; problem: string | null }) {
  const [text, setText] = useState(filter);
  const [active, setActive] = useState(-1);
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => setText(filter), [filter]);
  const { start, options } = open ? completion(text, box.current?.selectionStart ?? text.length, fields) : { start: 0, options: [] };
  const apply = (next: string) => setQuery({ filter: next.trim() });
  const take = (option: string) => {
    const cursor = box.current?.selectionStart ?? text.length;
    const next = `${text.slice(0, start)}${option} ${text.slice(cursor).trimStart()}`;
    setText(next);
    setActive(-1);
    requestAnimationFrame(() => box.current?.setSelectionRange(start + option.length + 1, start + option.length + 1));
  };
  const pressed = (event: KeyboardEvent) => {
    const count = options.length;
    if (event.key === "ArrowDown" && count > 0) setActive((active + 1) % count);
    else if (event.key === "ArrowUp" && count > 0) setActive((active - 1 + count) % count);
    else if ((event.key === "Enter" || event.key === "Tab") && active >= 0 && options[active]) take(options[active]);
    else if (event.key === "Enter") {
      setOpen(false);
      apply(text);
      return;
    } else if (event.key === "Escape" && open) {
      event.stopPropagation();
      setOpen(false);
      return;
    } else return;
    event.preventDefault();
  };
  return (
    <div class="filter">
      <label class="search">
        <Icon name="filter" />
        <input
          ref={box}
          type="text"
          role="combobox"
          spellcheck={false}
          autocomplete="off"
          aria-label="Filter"
          aria-expanded={open && options.length > 0}
          aria-controls={id}
          aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
          aria-invalid={problem !== null}
          placeholder='Filter: state == "finished" and config.lr < 0.01'
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setOpen(true);
            setActive(-1);
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => {
            setOpen(false);
            if (text.trim() !== filter) apply(text);
          }}
          onKeyDown={pressed}
        />
      </label>
      <ul class="options" id={id} role="listbox" aria-label="Completions" hidden={options.length === 0}>
        {options.map((option, place) => (
          <li key={option} id={`${id}-${place}`} role="option" aria-selected={place === active} onMouseDown={(event) => { event.preventDefault(); take(option); }}>
            {option}
          </li>
        ))}
      </ul>
      <Builder filter={filter} fields={fields} />
      {problem !== null && (
        <pre class="problem" role="alert">
          {problem}
        </pre>
      )}
    </div>
  );
}

function Builder({ filter, fields }: { filter: string; fields: readonly string[] }) {
  const [field, setField] = useState("");
  const [operator, setOperator] = useState<string>("==");
  const [value, setValue] = useState("");
  const list = useId();
  return (
    <Popover label="+" name="Add a condition">
      {(close) => (
        <form
          class="builder"
          onSubmit={(event) => {
            event.preventDefault();
            setQuery({ filter: both(filter, term(field, operator, value)) });
            setValue("");
            close();
          }}
        >
          <input list={list} required placeholder="field" aria-label="Field" value={field} onInput={(event) => setField(event.currentTarget.value)} />
          <datalist id={list}>
            {fields.slice(0, 2000).map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <select aria-label="Operator" value={operator} onChange={(event) => setOperator(event.currentTarget.value)}>
            {OPERATORS.map((name) => (
              <option key={name} value={name}>
                {name === "in" ? "contains" : name}
              </option>
            ))}
          </select>
          <input placeholder="value" aria-label="Value" value={value} onInput={(event) => setValue(event.currentTarget.value)} />
          <button type="submit">Add</button>
        </form>
      )}
    </Popover>
  );
}

/** A search box whose text reaches the address when the typing pauses. */
export function SearchBox({ value }: { value: string }) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => setText(value), [value]);
  const typed = (next: string) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setQuery({ q: next }, true), PAUSE_MS);
  };
  return (
    <label class="search">
      <Icon name="search" />
      <input type="search" data-keys="search" placeholder="Search runs (regex)" aria-label="Search runs" value={text} onInput={(event) => typed(event.currentTarget.value)} />
    </label>
  );
}
