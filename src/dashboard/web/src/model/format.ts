// Numbers and times as people read them.

import { shownJson } from "./json.ts";

/** Made once: toLocaleString makes a formatter for each call. */
const WHOLE = new Intl.NumberFormat("en-US");

/** A number in few characters: four or five significant digits. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return WHOLE.format(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(3).replace("e+", "e");
  return String(Number(value.toPrecision(5)));
}

/** A cell of a table. */
export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return shortNumber(value);
  if (Array.isArray(value)) return value.map(shownValue).join(", ");
  return shownJson(value);
}

/** How long something took. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago a moment was, both in unix seconds. */
export function ago(moment: number, now: number): string {
  const seconds = now - moment;
  if (seconds < 45) return "just now";
  const steps: [number, string][] = [
    [60, "min"],
    [24, "h"],
    [30, "d"],
    [12, "mo"],
    [Infinity, "y"],
  ];
  let amount = seconds / 60;
  for (const [size, unit] of steps) {
    if (amount < size) return `${Math.max(1, Math.floor(amount))} ${unit} ago`;
    amount /= size;
  }
  return "";
}

/** A moment in full, in the reader's time zone. */
export function moment(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

/** A size in the unit that suits it. */
export function bytes(count: number): string {
  let size = count;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (size < 1000) return `${unit === "B" ? size : size.toPrecision(3)} ${unit}`;
    size /= 1000;
  }
  return `${size.toPrecision(3)} TB`;
}
