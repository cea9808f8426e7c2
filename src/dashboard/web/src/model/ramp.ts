// Colours for values: a ramp whose lightness falls evenly, so that it also reads in grey and for colour-blind readers.

import { COLOURS } from "./palette.ts";
import type { Scale } from "./scale.ts";

/** Both ends keep a contrast of 3 with the light and with the dark paper. */
const STOPS: readonly (readonly [number, number, number])[] = [
  [124, 92, 214],
  [47, 126, 216],
  [12, 143, 150],
  [90, 142, 40],
  [193, 122, 10],
];

/** The colour at a share between 0 and 1. */
export function ramp(share: number): string {
  const place = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
  const below = Math.min(STOPS.length - 2, Math.floor(place));
  const [low, high] = [STOPS[below] ?? [0, 0, 0], STOPS[below + 1] ?? [0, 0, 0]];
  const mixed = low.map((part, channel) => Math.round(part + (place - below) * ((high[channel] ?? 0) - part)));
  return `rgb(${mixed.join(" ")})`;
}

/** The colour of a value; a value without a place is grey. */
export function colourOf(scale: Scale | null, value: unknown): string {
  if (scale === null) return COLOURS[0];
  const coordinate = scale.coordinate(value);
  if (coordinate === null) return "#8a94a0";
  if (scale.kind === "category") return COLOURS[coordinate % COLOURS.length] ?? COLOURS[0];
  return ramp(scale.share(coordinate));
}
