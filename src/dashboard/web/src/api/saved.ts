// Saved views and reports: listed, read, saved and deleted.

import { getJson, getPositioned, send } from "./http.ts";

export type SavedKind = "views" | "reports";

export interface SavedHead {
  id: string;
  name: string;
  by: string;
  created_at: number;
  updated_at: number;
  deleted: boolean;
}

export interface Saved<Content> extends SavedHead {
  content: Content;
}

function savedPath(entity: string, project: string, kind: SavedKind, id?: string): string {
  return `saved/${[entity, project, kind, ...(id === undefined ? [] : [id])].map(encodeURIComponent).join("/")}`;
}

export async function listSaved(entity: string, project: string, kind: SavedKind, signal?: AbortSignal): Promise<SavedHead[]> {
  return (await getJson<{ saved: SavedHead[] }>(savedPath(entity, project, kind), [], signal)).saved;
}

/** One of them, with the log position that the answer includes. */
export function readSaved<Content>(entity: string, project: string, kind: SavedKind, id: string, signal?: AbortSignal): Promise<{ answer: Saved<Content>; position: number }> {
  return getPositioned<Saved<Content>>(savedPath(entity, project, kind, id), [], signal);
}

export function putSaved<Content>(entity: string, project: string, kind: SavedKind, id: string, name: string, content: Content): Promise<Saved<Content>> {
  return send<Saved<Content>>("PUT", savedPath(entity, project, kind, id), { name, content });
}

export function deleteSaved(entity: string, project: string, kind: SavedKind, id: string): Promise<Saved<unknown>> {
  return send<Saved<unknown>>("DELETE", savedPath(entity, project, kind, id));
}

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const ID_CHARACTERS = 8;

/** An id that nobody has yet, most likely. */
export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(ID_CHARACTERS))].map((byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
