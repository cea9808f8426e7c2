// Single keys as commands, except while somebody types or a window is open.

import { useEffect, useRef } from "preact/hooks";

export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return Boolean(target?.closest("input, textarea, select, [contenteditable]")) || event.metaKey || event.ctrlKey || event.altKey;
}

/** Calls the command of a pressed key. */
export function useKeys(commands: { [key: string]: () => void }): void {
  const latest = useRef(commands);
  latest.current = commands;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key === "Escape" && event.target instanceof HTMLInputElement) event.target.blur();
      if (isTyping(event) || document.querySelector("dialog[open]")) return;
      const command = latest.current[event.key];
      if (!command) return;
      if (event.key === "Enter" && (event.target as HTMLElement).closest("a, button")) return;
      event.preventDefault();
      command();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}
