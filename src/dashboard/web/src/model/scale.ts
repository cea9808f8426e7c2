// Where a value of any field stands along an axis: numbers linearly or by their logarithm, anything else as categories.

import { shortNumber, shownValue } from "./format.ts";

export interface AxisData {
  label: string;
  /** One for each run; null and what does not fit the scale has no place. */
  values: readonly unknown[];
  logarithmic?: boolean;
}

export interface Scale {
  kind: "linear" | "log" | "category";
  /** Ends of the axis in coordinates: numbers as they are, categories by their place in the list. */
  from: number;
  to: number;
  categories: readonly string[];
  /** The coordinate of a value; null when it has none. */
  coordinate: (value: unknown) => number | null;
  /** Where a coordinate lies between the ends, 0 to 1. */
  share: (coordinate: number) => number;
  /** The coordinate at a share. */
  at: (share: number) => number;
  text: (coordinate: number) => string;
}

const CATEGORIES_MAX = 40;
export const OTHERS = "(others)";

/** The scale that suits the values of a field. */
export function scaleOf({ values, logarithmic = false }: AxisData): Scale {
  const present = values.filter((value) => value !== null && value !== undefined && !isOdd(value));
  const numeric = present.every((value) => typeof value === "number" || typeof value === "bigint");
  return numeric ? numberScale(present.map(Number), logarithmic) : categoryScale(present.map(shownValue));
}

function isOdd(value: unknown): boolean {
  return typeof value === "number" && !Number.isFinite(value);
}

function numberScale(numbers: readonly number[], wanted: boolean): Scale {
  const positive = numbers.filter((number) => number > 0);
  const logarithmic = wanted && positive.length > 0;
  const shown = logarithmic ? positive : numbers;
  let from = shown.reduce((least, number) => Math.min(least, number), Infinity);
  let to = shown.reduce((most, number) => Math.max(most, number), -Infinity);
  if (from > to) [from, to] = [0, 1];
  if (from === to) [from, to] = logarithmic ? [from / 2, to * 2] : [from - (Math.abs(from) / 2 || 0.5), to + (Math.abs(to) / 2 || 0.5)];
  const [bent, back] = logarithmic ? [Math.log, Math.exp] : [same, same];
  const [start, end] = [bent(from), bent(to)];
  return {
    kind: logarithmic ? "log" : "linear",
    from,
    to,
    categories: [],
    coordinate: (value) => {
      if (typeof value !== "number" && typeof value !== "bigint") return null;
      const number = Number(value);
      return Number.isFinite(number) && (!logarithmic || number > 0) ? number : null;
    },
    share: (coordinate) => (bent(coordinate) - start) / (end - start),
    at: (share) => back(start + share * (end - start)),
    text: shortNumber,
  };
}

function same(number: number): number {
  return number;
}

function categoryScale(texts: readonly string[]): Scale {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const frequent = [...counts].sort((a, b) => b[1] - a[1]).slice(0, CATEGORIES_MAX).map(([text]) => text);
  const sorted = frequent.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const categories = counts.size > frequent.length ? [...sorted, OTHERS] : sorted;
  const places = new Map(categories.map((text, place) => [text, place]));
  const last = Math.max(1, categories.length - 1);
  return {
    kind: "category",
    from: 0,
    to: last,
    categories,
    coordinate: (value) => (value === null || value === undefined || isOdd(value) ? null : (places.get(shownValue(value)) ?? places.get(OTHERS) ?? null)),
    share: (coordinate) => (categories.length < 2 ? 0.5 : coordinate / last),
    at: (share) => share * last,
    text: (coordinate) => (Number.isInteger(coordinate) ? (categories[coordinate] ?? "") : ""),
  };
}

/** Coordinates worth a mark, about `count` of them. */
export function marks(scale: Scale, count: number): number[] {
  if (scale.kind === "category") {
    const stride = Math.max(1, Math.ceil(scale.categories.length / count));
    return scale.categories.map((_, place) => place).filter((place) => place % stride === 0);
  }
  return scale.kind === "log" ? decades(scale, count) : even(scale, count);
}

function even({ from, to }: Ends, count: number): number[] {
  const rough = (to - from) / count;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5, 10].find((digit) => digit * unit >= rough) ?? 10);
  const first = Math.ceil(from / step);
  const found = [];
  for (let turn = first; turn * step <= to && found.length <= 2 * count; turn++) found.push(Number((turn * step).toPrecision(12)));
  return found;
}

interface Ends {
  from: number;
  to: number;
}

/** Powers of ten; between few of them also their double and fivefold; within one, even distances. */
export function decades({ from, to }: Ends, count: number): number[] {
  const [low, high] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))];
  const whole = high - low;
  const digits = whole * 3 <= count ? [1, 2, 5] : [1];
  const stride = Math.max(1, Math.ceil(whole / count));
  const found = [];
  for (let power = low; power <= high; power += stride) for (const digit of digits) found.push(Number(`${digit}e${power}`));
  const inside = found.filter((mark) => mark >= from && mark <= to);
  return inside.length < 2 ? even({ from, to }, count) : inside;
}
