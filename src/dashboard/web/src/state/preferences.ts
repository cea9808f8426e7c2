// What the reader chose for this browser, apart from what an address says.

import { useEffect, useState } from "preact/hooks";

const PREFIX = "runwell.";

export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // A browser without storage forgets.
  }
}

export type Theme = "system" | "light" | "dark";

export function theme(): Theme {
  const stored = remembered("theme");
  return stored === "dark" || stored === "light" ? stored : "system";
}

/** Shows a theme at once, here and in what is opened later. */
export function setTheme(next: Theme): void {
  remember("theme", next === "system" ? null : next);
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  window.dispatchEvent(new Event("runwell:theme"));
}

/** A number that grows whenever the colours of the page change. */
export function usePaint(): number {
  const [paint, setPaint] = useState(0);
  useEffect(() => {
    const changed = () => setPaint((before) => before + 1);
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    window.addEventListener("runwell:theme", changed);
    system.addEventListener("change", changed);
    return () => {
      window.removeEventListener("runwell:theme", changed);
      system.removeEventListener("change", changed);
    };
  }, []);
  return paint;
}
