// Where the reader is. The address is the only state that a view has: reloading or sending it shows the same.

import { useEffect, useState } from "preact/hooks";

export type Place =
  | { page: "projects" }
  | { page: "runs" | "compare"; entity: string; project: string }
  | { page: "reports"; entity: string; project: string }
  | { page: "report"; entity: string; project: string; id: string }
  | { page: "sweeps"; entity: string; project: string }
  | { page: "sweep"; entity: string; project: string; id: string }
  | { page: "run"; entity: string; project: string; runId: string }
  | { page: "nowhere" };

/** The place of a path below the root, percent-encoded and without a slash at its start. */
export function placeOf(path: string): Place {
  const names = path.split("/").map(decoded);
  if (path === "") return { page: "projects" };
  const [entity, project, runId, part, id] = names;
  if (!entity || !project) return { page: "nowhere" };
  if (names.length === 2) return { page: "runs", entity, project };
  if (names.length === 3 && runId) return { page: "run", entity, project, runId };
  if (names.length === 4 && runId === "-" && part === "compare") return { page: "compare", entity, project };
  if (names.length === 4 && runId === "sweeps" && part) return { page: "sweep", entity, project, id: part };
  if (names.length === 4 && runId === "-" && part === "sweeps") return { page: "sweeps", entity, project };
  if (names.length === 4 && runId === "-" && part === "reports") return { page: "reports", entity, project };
  if (names.length === 5 && runId === "-" && part === "reports" && id) return { page: "report", entity, project, id };
  return { page: "nowhere" };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The path of names below the root. */
export function pathOf(...names: string[]): string {
  return names.map(encodeURIComponent).join("/");
}

export interface Location {
  path: string;
  query: URLSearchParams;
}

const listeners = new Set<() => void>();
const root = typeof document === "undefined" ? new URL("http://localhost/") : new URL(document.baseURI);

function current(): Location {
  const path = window.location.pathname.slice(root.pathname.length);
  return { path, query: new URLSearchParams(window.location.search) };
}

/** Goes to an address below the root. */
export function go(target: string, replace = false): void {
  const url = new URL(target, root);
  if (url.href === window.location.href) return;
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  for (const listener of listeners) listener();
}

export type Change = string | number | boolean | readonly string[] | null;

/** A query with some parameters set; null, false and empty ones are left out. */
export function changedQuery(query: URLSearchParams, changes: { [name: string]: Change }): URLSearchParams {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    if (Array.isArray(value)) for (const item of value as readonly string[]) next.append(name, item);
    else if (value !== null && value !== false && value !== "") next.set(name, value === true ? "1" : String(value));
  }
  return next;
}

/** Sets parameters of the present address. With `replace` the back button passes over the change. */
export function setQuery(changes: { [name: string]: Change }, replace = false): void {
  const { path, query } = current();
  const text = changedQuery(query, changes).toString();
  go(text ? `${path}?${text}` : path || "./", replace);
}

/** The present address; the component is drawn again when it changes. */
export function useLocation(): Location {
  const [location, setLocation] = useState(current);
  useEffect(() => {
    const listener = () => setLocation(current());
    listeners.add(listener);
    window.addEventListener("popstate", listener);
    listener();
    return () => {
      listeners.delete(listener);
      window.removeEventListener("popstate", listener);
    };
  }, []);
  return location;
}
