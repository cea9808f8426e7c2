// One point for each run: any field against any other, coloured by a third.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { compact, LOG_AXIS } from "../charts/plot.ts";
import { shownValue } from "../model/format.ts";
import { colourOf } from "../model/ramp.ts";
import { marks, scaleOf, type AxisData, type Scale } from "../model/scale.ts";
import { usePaint } from "../state/preferences.ts";
import { Legend } from "./legend.tsx";
import { styleOf } from "./style.ts";

export interface PlottedRun {
  id: string;
  name: string;
}

export interface ScatterProperties {
  runs: readonly PlottedRun[];
  x: AxisData;
  y: AxisData;
  colour: AxisData | null;
  /** Runs that are drawn larger, such as the selected ones. */
  marked?: ReadonlySet<string>;
  height: number;
  onOpen: (run: PlottedRun) => void;
}

interface Point {
  run: PlottedRun;
  place: number;
  x: number;
  y: number;
  colour: string;
}

const NEAR_PIXELS = 14;
const RADIUS = 3.5;

/** The points that have a place on both axes, in the order of x. */
export function pointsOf({ runs, x, y, colour }: Pick<ScatterProperties, "runs" | "x" | "y" | "colour">, across: Scale, up: Scale): Point[] {
  const colours = colour ? scaleOf(colour) : null;
  const points = runs.flatMap((run, place): Point[] => {
    const [left, top] = [across.coordinate(x.values[place]), up.coordinate(y.values[place])];
    if (left === null || top === null) return [];
    return [{ run, place, x: left, y: top, colour: colourOf(colours, colour?.values[place]) }];
  });
  return points.sort((a, b) => a.x - b.x);
}

export function Scatter(properties: ScatterProperties) {
  const { runs, x, y, colour, height } = properties;
  const element = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState<{ point: Point; left: number; top: number } | null>(null);
  const across = useMemo(() => scaleOf(x), [x]);
  const up = useMemo(() => scaleOf(y), [y]);
  const points = useMemo(() => pointsOf({ runs, x, y, colour }, across, up), [runs, x, y, colour]);
  const latest = useRef({ points, marked: properties.marked, onOpen: properties.onOpen });
  latest.current = { points, marked: properties.marked, onOpen: properties.onOpen };
  const paint = usePaint();
  const plot = useRef<uPlot | null>(null);
  useLayoutEffect(() => {
    const place = element.current as HTMLDivElement;
    const made = new uPlot(options(place, across, up, height, () => latest.current), [points.map((point) => point.x), points.map((point) => point.y)], place);
    plot.current = made;
    const observer = new ResizeObserver(() => place.clientWidth > 0 && made.setSize({ width: place.clientWidth, height }));
    observer.observe(place);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [points, across, up, height, paint]);
  useEffect(() => plot.current?.redraw(), [properties.marked]);
  const moved = (event: PointerEvent) => {
    const made = plot.current;
    if (!made) return;
    const box = made.over.getBoundingClientRect();
    const found = nearest(made, points, event.clientX - box.left, event.clientY - box.top);
    const outer = (element.current as HTMLDivElement).getBoundingClientRect();
    setNear(found && { point: found, left: made.valToPos(found.x, "x") + box.left - outer.left, top: made.valToPos(found.y, "y") + box.top - outer.top });
  };
  const left = near && near.left > (element.current?.clientWidth ?? 0) / 2;
  return (
    <div class="scatter">
    <div class="chart" ref={element} role="img" aria-label={`${y.label} over ${x.label} of ${points.length} runs`} onPointerMove={moved} onPointerLeave={() => setNear(null)} onClick={() => near && latest.current.onOpen(near.point.run)} style={near ? { cursor: "pointer" } : {}}>
      {near && (
        <div class="tooltip" style={{ top: `${Math.max(0, near.top - 30)}px`, ...(left ? { right: `${(element.current?.clientWidth ?? 0) - near.left + 12}px` } : { left: `${near.left + 12}px` }) }}>
          <div>{near.point.run.name}</div>
          {[x, y, ...(colour ? [colour] : [])].map((axis) => (
            <div class="reading" key={axis.label}>
              <span class="name">{axis.label}</span>
              <span class="value">{shownValue(axis.values[near.point.place])}</span>
            </div>
          ))}
        </div>
      )}
      {points.length === 0 && <span class="wait">no run has a value of both</span>}
    </div>
      {colour && <Legend axis={colour} />}
    </div>
  );
}

function nearest(plot: uPlot, points: readonly Point[], left: number, top: number): Point | null {
  let found: Point | null = null;
  let least = NEAR_PIXELS ** 2;
  for (const point of points) {
    const distance = (plot.valToPos(point.x, "x") - left) ** 2 + (plot.valToPos(point.y, "y") - top) ** 2;
    if (distance < least) [found, least] = [point, distance];
  }
  return found;
}

function options(element: HTMLElement, across: Scale, up: Scale, height: number, latest: () => { points: readonly Point[]; marked: ReadonlySet<string> | undefined }): uPlot.Options {
  const style = styleOf(element);
  const axis = (scale: Scale, size: number, count: number): uPlot.Axis => ({
    stroke: style.faint,
    font: style.font,
    grid: { stroke: style.grid, width: 1 },
    ticks: { stroke: style.grid, width: 1, size: 4 },
    size,
    gap: 4,
    ...(scale.kind === "log" ? LOG_AXIS : {}),
    ...(scale.kind === "category" ? { splits: () => marks(scale, count), values: (_: uPlot, found: number[]) => found.map((place) => clipped(scale.text(place))) } : { values: (_: uPlot, found: (number | null)[]) => found.map((value) => (value === null ? "" : compact(value))) }),
  });
  return {
    width: element.clientWidth || 300,
    height,
    padding: [8, 14, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    series: [{}, { paths: () => null, points: { show: false } }],
    scales: { x: scaleOptions(across), y: scaleOptions(up) },
    axes: [axis(across, 30, 8), axis(up, up.kind === "category" ? 84 : 56, 10)],
    hooks: { draw: [(plot) => drawPoints(plot, latest())] },
  };
}

function clipped(text: string): string {
  return text.length > 12 ? `${text.slice(0, 11)}…` : text;
}

function scaleOptions(scale: Scale): uPlot.Scale {
  const [low, high] = [-0.04, 1.04];
  return { time: false, distr: scale.kind === "log" ? 3 : 1, range: () => (scale.kind === "category" ? [-0.5, Math.max(0, scale.categories.length - 1) + 0.5] : [scale.at(low), scale.at(high)]) };
}

function drawPoints(plot: uPlot, { points, marked }: { points: readonly Point[]; marked: ReadonlySet<string> | undefined }): void {
  const { ctx } = plot;
  ctx.save();
  for (const point of points) {
    const large = marked?.has(point.run.id) ?? false;
    ctx.globalAlpha = large || !marked || marked.size === 0 ? 0.9 : 0.55;
    ctx.fillStyle = point.colour;
    ctx.beginPath();
    ctx.arc(plot.valToPos(point.x, "x", true), plot.valToPos(point.y, "y", true), (large ? 1.5 : 1) * RADIUS * devicePixelRatio, 0, 2 * Math.PI);
    ctx.fill();
  }
  ctx.restore();
}
