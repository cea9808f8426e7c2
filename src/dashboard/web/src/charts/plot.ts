// How a prepared chart is handed to uPlot: its columns, series, bands, scales and axes.

import type uPlot from "uplot";
import type { Axis } from "../model/axes.ts";
import { duration, shortNumber } from "../model/format.ts";
import type { Stroke } from "../model/palette.ts";
import { decades } from "../model/scale.ts";
import type { Prepared, Range, Special, Value } from "../model/prepare.ts";
import type { PlotStyle } from "../plots/style.ts";

export interface PlotSettings {
  axis: Axis;
  /** Whether all curves are along the step, of which there are only whole ones. */
  steps: boolean;
  logX: boolean;
  logY: boolean;
  range: Range | null;
  valueRange: Range | null;
}

/** x, then line, low and high of each curve: the same structure whether there are bands or not, so that charts are fed, not remade. */
export function plotData(prepared: Prepared, settings: PlotSettings): uPlot.AlignedData {
  const logarithmic = isLogarithmic(prepared, settings);
  const drawable = (values: Value[]): Value[] =>
    logarithmic ? values.map((value) => (typeof value === "number" && value <= 0 ? null : value)) : values;
  const empty = new Array<Value>(prepared.x.length).fill(undefined);
  const columns: Value[][] = [];
  for (const [place, line] of prepared.lines.entries()) {
    const band = prepared.bands[place];
    columns.push(drawable(line), band ? drawable(band.low) : empty, band ? drawable(band.high) : empty);
  }
  return [prepared.x, ...columns] as uPlot.AlignedData;
}

/** A logarithmic axis of values needs at least one that is positive. */
export function isLogarithmic(prepared: Prepared, settings: PlotSettings): boolean {
  return settings.logY && prepared.lines.some((line) => line.some((value) => typeof value === "number" && value > 0));
}

const BAND_OPACITY = "2e";
const EDGE_OPACITY = "48";

export function plotSeries(strokes: readonly Stroke[], names: readonly string[], width: number): uPlot.Series[] {
  return [
    {},
    ...strokes.flatMap((stroke, place): uPlot.Series[] => [
      {
        label: names[place] ?? "",
        stroke: stroke.colour,
        width,
        dash: stroke.dash,
        points: { show: showPoints, size: 4, stroke: stroke.colour, fill: stroke.colour },
      },
      edge(stroke),
      edge(stroke),
    ]),
  ];
}

/** The least and greatest values beside a line: what was logged, where the line is smoothed. */
function edge(stroke: Stroke): uPlot.Series {
  return { stroke: stroke.colour + EDGE_OPACITY, width: 1, points: { show: false } };
}

/** Single points would be invisible as a line. */
function showPoints(plot: uPlot, place: number): boolean {
  const values = plot.data[place] ?? [];
  let count = 0;
  for (const value of values) if (value !== null && value !== undefined && ++count > 2) return false;
  return count > 0;
}

export function plotBands(strokes: readonly Stroke[]): uPlot.Band[] {
  return strokes.map((stroke, place) => ({
    series: [3 * place + 3, 3 * place + 2] as [number, number],
    fill: stroke.colour + BAND_OPACITY,
  }));
}

export function plotScales(settings: () => PlotSettings, prepared: () => Prepared): uPlot.Scales {
  const { axis, logX } = settings();
  return {
    x: {
      time: axis === "time",
      distr: logX && axis !== "time" ? 3 : 1,
      range: () => {
        const { range } = settings();
        const { x } = prepared();
        const [from, to] = range ? [range.from, range.to] : [x[0] ?? 0, x[x.length - 1] ?? 1];
        return from === to ? [from - 0.5, to + 0.5] : [from, to];
      },
    },
    y: {
      distr: isLogarithmic(prepared(), settings()) ? 3 : 1,
      range: (plot, low, high) => valueRange(plot, settings(), low, high),
    },
  };
}

const MARGIN = 0.05;
const ROUNDING = 1e-12;

function valueRange(plot: uPlot, { valueRange: chosen }: PlotSettings, low: number | null, high: number | null): uPlot.Range.MinMax {
  const [from, to] = chosen ? [chosen.from, chosen.to] : [low, high];
  if (from === null || to === null || !Number.isFinite(from) || !Number.isFinite(to)) return [0, 1];
  if (plot.scales.y?.distr === 3) {
    const least = Math.max(from, Number.MIN_VALUE);
    return from === to ? [least / 2, to * 2] : [least / 1.2, to * 1.2];
  }
  // What differs only by rounding is constant.
  const span = to - from > Math.abs(to) * ROUNDING ? to - from : 0;
  const margin = span * MARGIN || Math.abs(to) * MARGIN || 1;
  return [from - margin, to + margin];
}

const LOG_SPACE = 48;

/**
 * Where a logarithmic axis has its marks. Not uPlot's own, which never ends unless the scale begins at a power of ten.
 */
export const LOG_AXIS: Pick<uPlot.Axis, "splits" | "filter"> = {
  splits: (plot, axis, from, to) => decades({ from, to }, Math.max(2, Math.floor((axis === 0 ? plot.over.clientWidth : plot.over.clientHeight) / LOG_SPACE))),
  filter: (_, marks) => marks,
};

export function plotAxes({ axis, steps, logX }: PlotSettings, logarithmic: boolean, style: PlotStyle): uPlot.Axis[] {
  const common: uPlot.Axis = {
    stroke: style.faint,
    font: style.font,
    grid: { stroke: style.grid, width: 1 },
    ticks: { stroke: style.grid, width: 1, size: 4 },
  };
  const text = (value: number | null) => (value === null ? "" : axis === "relative" ? shortDuration(value) : compact(value));
  const across: uPlot.Axis = { ...common, size: 30, gap: 4, space: 60 };
  if (steps) across.incrs = WHOLE;
  if (axis !== "time") across.values = (_, splits) => splits.map(text);
  if (axis !== "time" && logX) Object.assign(across, LOG_AXIS);
  return [across, { ...common, ...(logarithmic ? LOG_AXIS : {}), size: 56, gap: 4, space: 32, values: (_, splits) => splits.map((value) => (value === null ? "" : compact(value))) }];
}

/** Distances between marks where only whole numbers have a meaning. */
const WHOLE = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

function shortDuration(seconds: number): string {
  return duration(seconds).replace(/ (min|h) .*/, " $1") || shortNumber(seconds);
}

const COMPACT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });

/** A number at an axis. */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e15)) return value.toExponential().replace(/(\.\d\d)\d+/, "$1").replace("e+", "e");
  return size >= 10_000 ? COMPACT.format(value) : String(Number(value.toPrecision(6)));
}

/** Triangles at the edge where a curve is infinite, crosses where it is not a number. */
export function drawSpecials(plot: uPlot, specials: readonly Special[], strokes: readonly Stroke[]): void {
  const { ctx, bbox } = plot;
  const size = 4 * devicePixelRatio;
  ctx.save();
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const { curve, x, value } of specials) {
    const across = plot.valToPos(x, "x", true);
    if (across < bbox.left || across > bbox.left + bbox.width) continue;
    const colour = strokes[curve]?.colour ?? "";
    ctx.strokeStyle = ctx.fillStyle = colour;
    const bottom = bbox.top + bbox.height - size;
    ctx.beginPath();
    if (Number.isNaN(value)) {
      ctx.moveTo(across - size, bottom - size);
      ctx.lineTo(across + size, bottom + size);
      ctx.moveTo(across + size, bottom - size);
      ctx.lineTo(across - size, bottom + size);
      ctx.stroke();
    } else {
      const edge = value > 0 ? bbox.top : bbox.top + bbox.height;
      const inside = value > 0 ? edge + 2 * size : edge - 2 * size;
      ctx.moveTo(across, edge);
      ctx.lineTo(across - size, inside);
      ctx.lineTo(across + size, inside);
      ctx.fill();
    }
  }
  ctx.restore();
}

export interface Reading {
  curve: number;
  value: number;
}

/** The value of each curve at a place of x, or the nearest beside it, greatest first. */
export function readings(prepared: Prepared, place: number): Reading[] {
  const found: Reading[] = [];
  for (const [curve, line] of prepared.lines.entries()) {
    const value = nearest(line, place);
    if (value !== null) found.push({ curve, value });
  }
  return found.sort((a, b) => b.value - a.value);
}

function nearest(line: readonly Value[], place: number): number | null {
  for (let away = 0; away < line.length; away++) {
    for (const at of [place - away, place + away]) {
      const value = line[at];
      if (typeof value === "number") return value;
      if (away === 0 && value === null) return null;
    }
  }
  return null;
}

