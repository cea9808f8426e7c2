// Colours of runs. Each has a contrast of at least 3 with the light and with the dark paper, and neighbours differ in
// lightness, so that they stay apart for colour-blind readers; dashes tell apart what shares a colour.

export const COLOURS = [
  "#2f7ed8",
  "#d5690a",
  "#168f6c",
  "#c0418f",
  "#8562d4",
  "#7c8300",
  "#d0453f",
  "#0c8fae",
  "#a36a42",
  "#66788a",
] as const;

const DASHES: readonly number[][] = [[], [8, 4], [2, 3], [10, 4, 2, 4]];

export interface Stroke {
  colour: string;
  dash: number[];
}

export function strokeOf(place: number): Stroke {
  return {
    colour: COLOURS[place % COLOURS.length] ?? COLOURS[0],
    dash: DASHES[Math.floor(place / COLOURS.length) % DASHES.length] ?? [],
  };
}

/** The places of runs in the palette: each keeps the one it had, and a new one takes the first that no other shows. */
export function assigned(runs: readonly string[], before: ReadonlyMap<string, number>): Map<string, number> {
  const places = new Map(before);
  const shown = new Set(runs.map((run) => before.get(run)).filter((place) => place !== undefined));
  for (const run of runs) {
    if (places.has(run)) continue;
    let place = 0;
    while (shown.has(place)) place++;
    places.set(run, place);
    shown.add(place);
  }
  return places;
}
