// The head of a column: sorts by a click, moves by dragging, and has a menu for everything else.

import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../components/icons.tsx";
import { clickedOrder, fieldTitle, orderText, splitField } from "../model/fields.ts";
import { setQuery } from "../router.ts";
import { moved, NAME, WIDTH_MAX, WIDTH_MIN, widthTexts, type TableView } from "./view.ts";

export interface HeadProperties {
  field: string;
  left: number;
  width: number;
  pinned: boolean;
  view: TableView;
  columns: readonly string[];
}

export function HeadCell(properties: HeadProperties) {
  const { field, left, width, pinned, view, columns } = properties;
  const twice = columns.filter((other) => fieldTitle(other) === fieldTitle(field)).length > 1;
  const place = view.terms.findIndex((term) => term.field === field);
  const term = view.terms[place];
  const direction = term ? (term.descending ? "descending" : "ascending") : "none";
  const sort = (event: MouseEvent) => setQuery({ order: orderText(clickedOrder(view.terms, field, event.shiftKey)) });
  const drop = (event: DragEvent) => {
    event.preventDefault();
    const dragged = event.dataTransfer?.getData("text/plain");
    if (dragged && dragged !== field && columns.includes(dragged)) setQuery({ col: moved(columns, dragged, field === NAME ? (columns[0] ?? null) : field) });
  };
  return (
    <div
      class={`cell${pinned ? " pinned" : ""}${field === NAME ? " name" : ""}`}
      role="columnheader"
      aria-sort={direction}
      style={{ left: `${left}px`, width: `${width}px` }}
      draggable={field !== NAME}
      onDragStart={(event) => event.dataTransfer?.setData("text/plain", field)}
      onDragOver={(event) => event.preventDefault()}
      onDrop={drop}
    >
      <button type="button" class="bare sort" title={`${field}: click to sort, Shift-click to sort further`} onClick={sort}>
        <span class="title">{twice ? field : fieldTitle(field)}</span>
        {term && (
          <span class="arrow" aria-hidden="true">
            {term.descending ? "↓" : "↑"}
            {view.terms.length > 1 ? place + 1 : ""}
          </span>
        )}
      </button>
      <ColumnMenu {...properties} />
      <Grip field={field} width={width} view={view} />
    </div>
  );
}

function ColumnMenu({ field, view, columns, pinned }: HeadProperties) {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    menu.current?.querySelector("button")?.focus();
    const away = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !menu.current?.parentElement?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("mousedown", away);
    document.addEventListener("keydown", away);
    return () => {
      document.removeEventListener("mousedown", away);
      document.removeEventListener("keydown", away);
    };
  }, [open]);
  const place = columns.indexOf(field);
  const shifted = (by: number) => {
    const next = [...columns];
    next.splice(place, 1);
    next.splice(place + by, 0, field);
    return next;
  };
  const act = (changes: Parameters<typeof setQuery>[0]) => () => {
    setOpen(false);
    setQuery(changes);
  };
  const others = [...view.pinned].filter((other) => other !== field);
  return (
    <div class="menu">
      <button type="button" class="bare" aria-label={`Column ${fieldTitle(field)}`} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="down" />
      </button>
      {open && (
        <div class="panel right" ref={menu} role="group" aria-label={`Column ${fieldTitle(field)}`}>
          <p class="faint">{field}</p>
          <button type="button" onClick={act({ order: orderText([{ field, descending: false }]) })}>Sort ascending</button>
          <button type="button" onClick={act({ order: orderText([{ field, descending: true }]) })}>Sort descending</button>
          {field !== NAME && (
            <>
              <button type="button" onClick={act({ cpin: pinned ? others : [...view.pinned, field] })}>{pinned ? "Unpin" : "Pin to the left"}</button>
              {place > 0 && <button type="button" onClick={act({ col: shifted(-1) })}>Move left</button>}
              {place < columns.length - 1 && <button type="button" onClick={act({ col: shifted(1) })}>Move right</button>}
              <button type="button" onClick={act({ col: columns.filter((other) => other !== field) })}>Hide</button>
              {!view.by.includes(field) && splitField(field).section !== "summary" && (
                <button type="button" onClick={act({ by: [...view.by, field], group: null })}>Group by</button>
              )}
            </>
          )}
        </div>
      )}
    </div>
  );
}

/** The right edge of a head, by which its column is made wider. */
function Grip({ field, width, view }: { field: string; width: number; view: TableView }) {
  const start = (event: PointerEvent) => {
    event.preventDefault();
    event.stopPropagation();
    const grip = event.currentTarget as HTMLElement;
    grip.setPointerCapture(event.pointerId);
    const from = event.clientX;
    const move = (later: PointerEvent) => {
      const pixels = Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, width + later.clientX - from));
      setQuery({ w: widthTexts(new Map([...view.widths, [field, pixels]])) }, true);
    };
    grip.addEventListener("pointermove", move);
    grip.addEventListener("pointerup", () => grip.removeEventListener("pointermove", move), { once: true });
  };
  return <span class="grip" draggable onDragStart={(event) => { event.preventDefault(); event.stopPropagation(); }} onPointerDown={start} aria-hidden="true" />;
}
