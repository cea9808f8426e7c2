// What every page uses: links that stay in the page, states, popovers, and what is shown when there is nothing to show.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { RunState } from "../api/types.ts";
import { go } from "../router.ts";
import { Icon, type IconName } from "./icons.tsx";

/** A link below the root that does not load the page again. */
export function Link({ to, class: name, children, title }: { to: string; class?: string; children: ComponentChildren; title?: string }) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to || "./"} class={name} title={title} onClick={follow}>
      {children}
    </a>
  );
}

export function StateMark({ state, named = false }: { state: RunState; named?: boolean }) {
  return (
    <span class={`state ${state}`} title={state}>
      <span class="dot" aria-hidden="true" />
      <span class={named ? "" : "unseen"}>{state}</span>
    </span>
  );
}

export function IconButton(properties: {
  icon: IconName;
  label: string;
  onClick: () => void;
  pressed?: boolean;
  class?: string;
}) {
  const { icon, label, onClick, pressed, class: name } = properties;
  return (
    <button type="button" class={`bare ${name ?? ""}`} title={label} aria-label={label} aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}

/** A button that opens a panel below itself; Escape and a click elsewhere close it. */
export function Popover(properties: {
  label: ComponentChildren;
  name: string;
  class?: string;
  children: (close: () => void) => ComponentChildren;
}) {
  const { label, name, class: extra, children } = properties;
  const [open, setOpen] = useState(false);
  const [align, setAlign] = useState("left");
  const place = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const clicked = (event: MouseEvent) => {
      if (!place.current?.contains(event.target as Node)) setOpen(false);
    };
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      place.current?.querySelector("button")?.focus();
    };
    document.addEventListener("mousedown", clicked);
    document.addEventListener("keydown", pressed);
    return () => {
      document.removeEventListener("mousedown", clicked);
      document.removeEventListener("keydown", pressed);
    };
  }, [open]);
  return (
    <div class={`popover ${extra ?? ""}`} ref={place}>
      <button type="button" aria-expanded={open} aria-controls={id} aria-label={name} onClick={() => { setAlign(roomierSide(place.current)); setOpen(!open); }}>
        {label}
      </button>
      {open && (
        <div class={`panel ${align}`} id={id} role="group" aria-label={name}>
          {children(() => setOpen(false))}
        </div>
      )}
    </div>
  );
}

/** Towards which side of its part of the page a panel has more room. */
function roomierSide(element: HTMLElement | null): "left" | "right" {
  const around = element?.closest(".left, .right, main")?.getBoundingClientRect();
  const own = element?.getBoundingClientRect();
  return own && around && own.left + own.right > around.left + around.right ? "right" : "left";
}

/** A window above the page. */
export function Dialog({ title, close, children, wide = false }: { title: string; close: () => void; children: ComponentChildren; wide?: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class={wide ? "wide" : ""} aria-label={title} onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <div class="sheet">
        <header>
          <h2>{title}</h2>
          <IconButton icon="close" label="Close" onClick={close} />
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** An error, with what to do next. */
export function Failure({ error, retry }: { error: Error; retry?: () => void }) {
  return (
    <div class="notice failure" role="alert">
      <pre>{error.message}</pre>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      Loading {what}…
    </p>
  );
}

const PROGRAM = `import runwell

with runwell.init(project="first", config={"lr": 0.01}) as run:
    for step in range(1_000):
        run.log({"loss": 1 / (step + 1)})`;

/** The five lines that fill an empty page. */
export function FirstRun({ project }: { project?: string }) {
  const base = new URL(document.baseURI);
  const address = `${base.origin}${base.pathname}`.replace(/\/$/, "");
  return (
    <div class="empty">
      <h1>No runs here yet</h1>
      <p>These five lines make the first one. It appears on this page while it runs.</p>
      <pre class="program">
        <code>{PROGRAM.replace('"first"', JSON.stringify(project ?? "first"))}</code>
      </pre>
      <p>
        On another machine, say first where this server is: <code>export RUNWELL_BASE_URL={address}</code>
      </p>
    </div>
  );
}
