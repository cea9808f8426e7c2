// One uPlot chart: made once, then fed. It is made anew only when its number of curves, its kind of axes or the colours of
// the page change.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { shownPlace } from "../model/axes.ts";
import { shortNumber } from "../model/format.ts";
import type { Stroke } from "../model/palette.ts";
import type { Prepared, Range } from "../model/prepare.ts";
import { styleOf } from "../plots/style.ts";
import { usePaint } from "../state/preferences.ts";
import {
  drawSpecials,
  isLogarithmic,
  plotAxes,
  plotBands,
  plotData,
  plotScales,
  plotSeries,
  readings,
  type PlotSettings,
} from "./plot.ts";

const TOOLTIP_ROWS = 20;

export interface ChartProperties {
  prepared: Prepared;
  strokes: readonly Stroke[];
  names: readonly string[];
  settings: PlotSettings;
  height: number;
  /** Called with the width in CSS pixels, which decides how many buckets are worth having. */
  onWidth: (width: number) => void;
  onZoom: (range: Range | null) => void;
}

interface Pointed {
  place: number;
  left: number;
  width: number;
}

export function Chart(properties: ChartProperties) {
  const { prepared, strokes, names, settings, height } = properties;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(properties);
  latest.current = properties;
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const paint = usePaint();
  const kind = JSON.stringify([settings.axis, settings.steps, settings.logX, isLogarithmic(prepared, settings), strokes, paint]);

  useLayoutEffect(() => {
    const element = place.current as HTMLDivElement;
    const made = new uPlot(options(element, latest, setPointed), plotData(prepared, settings), element);
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = null;
    };
  }, [kind]);

  useLayoutEffect(() => {
    plot.current?.setData(plotData(prepared, settings), true);
  }, [prepared, settings.range, settings.valueRange]);

  useEffect(() => {
    const element = place.current as HTMLDivElement;
    const observer = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width === 0) return;
      plot.current?.setSize({ width, height: latest.current.height });
      latest.current.onWidth(width);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    plot.current?.setSize({ width: place.current?.clientWidth ?? 0, height });
  }, [height]);

  return (
    <div class="chart" ref={place}>
      {pointed && <Tooltip pointed={pointed} prepared={prepared} strokes={strokes} names={names} settings={settings} />}
    </div>
  );
}

function options(
  element: HTMLDivElement,
  latest: { current: ChartProperties },
  point: (pointed: Pointed | null) => void,
): uPlot.Options {
  const { strokes, names, settings, height } = latest.current;
  return {
    width: element.clientWidth || 300,
    height,
    padding: [8, 10, 0, 0],
    legend: { show: false },
    series: plotSeries(strokes, names, strokes.length > 12 ? 1.2 : 1.6),
    bands: plotBands(strokes),
    scales: plotScales(
      () => latest.current.settings,
      () => latest.current.prepared,
    ),
    axes: plotAxes(settings, isLogarithmic(latest.current.prepared, settings), styleOf(element)),
    cursor: {
      drag: { x: true, y: false, setScale: false, dist: 5 },
      sync: { key: "charts", scales: ["x", null] },
      points: { size: 6 },
      y: false,
    },
    hooks: {
      draw: [(plot) => drawSpecials(plot, latest.current.prepared.specials, latest.current.strokes)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width > 4) latest.current.onZoom({ from: plot.posToVal(left, "x"), to: plot.posToVal(left + width, "x") });
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      setCursor: [
        (plot) => {
          const { idx, left } = plot.cursor;
          const here = element.matches(":hover");
          point(here && typeof idx === "number" && left !== undefined && left >= 0 ? { place: idx, left: left + plot.bbox.left / devicePixelRatio, width: element.clientWidth } : null);
        },
      ],
      ready: [(plot) => plot.over.addEventListener("dblclick", () => latest.current.onZoom(null))],
    },
  };
}

function Tooltip(properties: {
  pointed: Pointed;
  prepared: Prepared;
  strokes: readonly Stroke[];
  names: readonly string[];
  settings: PlotSettings;
}) {
  const { pointed, prepared, strokes, names, settings } = properties;
  const x = prepared.x[pointed.place];
  if (x === undefined) return null;
  const found = readings(prepared, pointed.place);
  const left = pointed.left > pointed.width / 2;
  return (
    <div class="tooltip" style={left ? { right: `${pointed.width - pointed.left + 12}px` } : { left: `${pointed.left + 12}px` }}>
      <div class="where">{shownPlace(settings.axis, x)}</div>
      {found.slice(0, TOOLTIP_ROWS).map(({ curve, value }) => (
        <div class="reading" key={curve}>
          <span class="swatch" style={{ background: strokes[curve]?.colour ?? "" }} />
          <span class="value">{shortNumber(value)}</span>
          <span class="name">{names[curve]}</span>
        </div>
      ))}
      {found.length > TOOLTIP_ROWS && <div class="where">and {found.length - TOOLTIP_ROWS} more</div>}
    </div>
  );
}
