// One line at the bottom of the page: what just happened, and how to take it back.

export interface Notice {
  text: string;
  undo?: () => void;
}

type Listener = (notice: Notice) => void;
const listeners = new Set<Listener>();

export function notify(notice: Notice): void {
  for (const listener of listeners) listener(notice);
}

export function onNotice(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
