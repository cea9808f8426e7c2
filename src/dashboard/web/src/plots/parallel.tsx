// One line for each run across upright axes of any fields. Dragging along an axis keeps the runs that pass there.

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { colourOf } from "../model/ramp.ts";
import { marks, scaleOf, type AxisData, type Scale } from "../model/scale.ts";
import { usePaint } from "../state/preferences.ts";
import { Legend } from "./legend.tsx";
import type { PlottedRun } from "./scatter.tsx";
import { styleOf, type PlotStyle } from "./style.ts";

/** From and to on an axis, in its coordinates. */
export type Brush = readonly [from: number, to: number];

export interface ParallelProperties {
  runs: readonly PlottedRun[];
  axes: readonly AxisData[];
  /** The place among the axes by which lines are coloured. */
  colourBy: number;
  /** For each axis what it keeps; null keeps all. */
  brushes: readonly (Brush | null)[];
  marked?: ReadonlySet<string>;
  height: number;
  onBrush: (axis: number, brush: Brush | null) => void;
  onOpen: (run: PlottedRun) => void;
}

interface Line {
  run: PlottedRun;
  place: number;
  /** Shares of each axis, from below; null where the run has no value. */
  shares: (number | null)[];
  colour: string;
  kept: boolean;
}

const EDGE = { top: 30, bottom: 14, left: 56, right: 56 };
const NEAR_PIXELS = 6;
const MARKS = 6;
const CLICK_PIXELS = 4;
const TITLE_CHARACTERS = 18;

export function linesOf({ runs, axes, colourBy, brushes }: Pick<ParallelProperties, "runs" | "axes" | "colourBy" | "brushes">, scales: readonly Scale[]): Line[] {
  return runs.map((run, place) => {
    const coordinates = axes.map((axis, number) => scales[number]?.coordinate(axis.values[place]) ?? null);
    const kept = coordinates.every((coordinate, number) => {
      const brush = brushes[number];
      return !brush || (coordinate !== null && coordinate >= brush[0] && coordinate <= brush[1]);
    });
    const shares = coordinates.map((coordinate, number) => (coordinate === null ? null : (scales[number]?.share(coordinate) ?? null)));
    return { run, place, shares, kept, colour: colourOf(scales[colourBy] ?? null, axes[colourBy]?.values[place]) };
  });
}

export function Parallel(properties: ParallelProperties) {
  const { runs, axes, colourBy, brushes, height, marked, onBrush, onOpen } = properties;
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [near, setNear] = useState<Line | null>(null);
  const drag = useRef<{ axis: number; from: number } | null>(null);
  const scales = useMemo(() => axes.map(scaleOf), [axes]);
  const lines = useMemo(() => linesOf({ runs, axes, colourBy, brushes }, scales), [runs, axes, colourBy, JSON.stringify(brushes)]);
  const paint = usePaint();
  const layout: Layout = { width, height, count: axes.length };
  useLayoutEffect(() => {
    const element = frame.current as HTMLDivElement;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (canvas.current && width > 0) draw(canvas.current, layout, { scales, lines, axes, brushes }, near, marked, styleOf(canvas.current));
  }, [width, height, lines, scales, near, marked, paint, JSON.stringify(brushes)]);
  const place = (event: PointerEvent) => {
    const box = (canvas.current as HTMLCanvasElement).getBoundingClientRect();
    return { left: event.clientX - box.left, top: event.clientY - box.top };
  };
  const pressed = (event: PointerEvent) => {
    const { left, top } = place(event);
    const axis = axisNear(layout, left);
    if (axis === null) return;
    drag.current = { axis, from: top };
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
  };
  const moved = (event: PointerEvent) => {
    const { left, top } = place(event);
    if (!drag.current) setNear(nearestLine(layout, lines, left, top));
  };
  const released = (event: PointerEvent) => {
    const { top } = place(event);
    const begun = drag.current;
    drag.current = null;
    const scale = begun && scales[begun.axis];
    if (!begun || !scale) {
      if (near) onOpen(near.run);
      return;
    }
    if (Math.abs(top - begun.from) < CLICK_PIXELS) return onBrush(begun.axis, null);
    const ends = [begun.from, top].map((at) => scale.at(shareAt(layout, at))).sort((a, b) => a - b);
    onBrush(begun.axis, [ends[0] as number, ends[1] as number]);
  };
  const kept = lines.filter((line) => line.kept).length;
  const colour = axes[colourBy];
  return (
    <div class="parallel" ref={frame} role="img" aria-label={`${axes.map((axis) => axis.label).join(", ")} of ${runs.length} runs, ${kept} within the chosen ranges`}>
      <canvas ref={canvas} style={{ width: `${width}px`, height: `${height}px` }} onPointerDown={pressed} onPointerMove={moved} onPointerUp={released} onPointerLeave={() => setNear(null)} />
      {near && <div class="tooltip fixed">{near.run.name}</div>}
      {colour && <Legend axis={colour} />}
      {runs.length === 0 && <span class="wait">no runs</span>}
    </div>
  );
}

interface Layout {
  width: number;
  height: number;
  count: number;
}

function axisLeft({ width, count }: Layout, axis: number): number {
  return count < 2 ? width / 2 : EDGE.left + (axis * (width - EDGE.left - EDGE.right)) / (count - 1);
}

function topOf({ height }: Layout, share: number): number {
  return height - EDGE.bottom - share * (height - EDGE.top - EDGE.bottom);
}

function shareAt({ height }: Layout, top: number): number {
  return Math.min(1, Math.max(0, (height - EDGE.bottom - top) / (height - EDGE.top - EDGE.bottom)));
}

function axisNear(layout: Layout, left: number): number | null {
  for (let axis = 0; axis < layout.count; axis++) if (Math.abs(axisLeft(layout, axis) - left) < 10) return axis;
  return null;
}

function nearestLine(layout: Layout, lines: readonly Line[], left: number, top: number): Line | null {
  const gap = layout.count < 2 ? 1 : axisLeft(layout, 1) - axisLeft(layout, 0);
  const before = Math.min(layout.count - 2, Math.max(0, Math.floor((left - EDGE.left) / gap)));
  const part = (left - axisLeft(layout, before)) / gap;
  let found: Line | null = null;
  let least = NEAR_PIXELS;
  for (const line of lines) {
    const [from, to] = [line.shares[before], line.shares[before + 1]];
    if (!line.kept || from === null || from === undefined || to === null || to === undefined) continue;
    const distance = Math.abs(topOf(layout, from + part * (to - from)) - top);
    if (distance < least) [found, least] = [line, distance];
  }
  return found;
}

interface Drawn {
  scales: readonly Scale[];
  axes: readonly AxisData[];
  lines: readonly Line[];
  brushes: readonly (Brush | null)[];
}

function draw(canvas: HTMLCanvasElement, layout: Layout, drawn: Drawn, near: Line | null, marked: ReadonlySet<string> | undefined, style: PlotStyle): void {
  const ratio = devicePixelRatio;
  canvas.width = layout.width * ratio;
  canvas.height = layout.height * ratio;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  const { lines } = drawn;
  const strong = (line: Line) => line === near || (marked?.has(line.run.id) ?? false);
  const opacity = Math.max(0.15, Math.min(0.75, 6 / Math.sqrt(Math.max(1, lines.length))));
  for (const line of lines) if (!line.kept) stroke(context, layout, line, style.grid, 1, 1);
  for (const line of lines) if (line.kept && !strong(line)) stroke(context, layout, line, line.colour, 1.2, opacity);
  for (const line of lines) if (line.kept && strong(line)) stroke(context, layout, line, line.colour, line === near ? 3 : 2, 1);
  context.globalAlpha = 1;
  for (const number of drawn.axes.keys()) drawAxis(context, layout, drawn, number, style);
}

function stroke(context: CanvasRenderingContext2D, layout: Layout, { shares }: Line, colour: string, width: number, opacity: number): void {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.globalAlpha = opacity;
  context.beginPath();
  let begun = false;
  for (const [axis, share] of shares.entries()) {
    if (share === null) begun = false;
    else if (begun) context.lineTo(axisLeft(layout, axis), topOf(layout, share));
    else context.moveTo(axisLeft(layout, axis), topOf(layout, share));
    if (share !== null) begun = true;
  }
  context.stroke();
}

function drawAxis(context: CanvasRenderingContext2D, layout: Layout, { scales, axes, brushes }: Drawn, number: number, style: PlotStyle): void {
  const scale = scales[number] as Scale;
  const left = axisLeft(layout, number);
  context.strokeStyle = style.faint;
  context.fillStyle = style.ink;
  context.lineWidth = 1;
  context.font = style.font;
  context.beginPath();
  context.moveTo(left, topOf(layout, 0));
  context.lineTo(left, topOf(layout, 1));
  context.stroke();
  context.textAlign = "center";
  const title = (axes[number] as AxisData).label;
  context.fillText(title.length > TITLE_CHARACTERS ? `…${title.slice(1 - TITLE_CHARACTERS)}` : title, left, 14);
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = style.ink;
  context.strokeStyle = style.paper;
  context.lineWidth = 3;
  for (const mark of marks(scale, MARKS)) {
    const top = topOf(layout, scale.share(mark));
    context.fillRect(left - 3, top - 0.5, 6, 1);
    const text = scale.text(mark).slice(0, 12);
    context.strokeText(text, left + 6, top);
    context.fillText(text, left + 6, top);
  }
  context.textBaseline = "alphabetic";
  const brush = brushes[number];
  if (!brush) return;
  const [high, low] = [topOf(layout, scale.share(brush[1])), topOf(layout, scale.share(brush[0]))];
  context.fillStyle = style.ink;
  context.globalAlpha = 0.25;
  context.fillRect(left - 6, high, 12, Math.max(2, low - high));
  context.globalAlpha = 1;
}
