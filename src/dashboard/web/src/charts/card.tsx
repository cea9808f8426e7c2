// One chart of one key: it asks for its series when it comes into sight.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { Dialog, IconButton } from "../components/basics.tsx";
import { grouped } from "../model/grouping.ts";
import type { Stroke } from "../model/palette.ts";
import { prepare, withoutOutliers, type Curve, type Range } from "../model/prepare.ts";
import { smoothed } from "../model/smoothing.ts";
import { SAMPLES, SAMPLES_ALL, type Lens, type CurveSource } from "../state/series.ts";
import { setQuery } from "../router.ts";
import { Chart } from "./chart.tsx";
import { exportCsv, exportPng } from "./export.ts";
import type { PlotSettings } from "./plot.ts";
import { HEIGHTS, rangeText, type ChartView } from "./view.ts";

/** One line of every chart: a run, or the mean of several. */
export interface ChartRun {
  id: string;
  name: string;
  stroke: Stroke;
  /** Ids of the runs that it is the mean of; none for a run itself. */
  members: readonly string[];
}

export interface CardProperties {
  name: string;
  runs: readonly ChartRun[];
  store: CurveSource;
  view: ChartView;
  stream: "default" | "system";
  /** Says so instead of the address that a range was dragged; then the card has no controls that write to the address. */
  onZoom?: (range: Range | null) => void;
  /** Further buttons. */
  tools?: ComponentChildren;
}

const OUTLIERS = 0.02;

/** Whether an element is or was in sight, with some distance around the window. */
function useSeen(): [{ current: HTMLElement | null }, boolean] {
  const element = useRef<HTMLElement | null>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => setSeen(entry?.isIntersecting ?? false), { rootMargin: "400px" });
    if (element.current) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, seen];
}

export function ChartCard(properties: CardProperties) {
  const { name, view, onZoom, tools } = properties;
  const [element, seen] = useSeen();
  const [full, setFull] = useState(false);
  const pinned = view.pinned.includes(name);
  const otherY = view.otherY.has(name);
  const toggled = (names: Iterable<string>, present: boolean) => (present ? [...names].filter((other) => other !== name) : [...names, name]);
  return (
    <section class="card" ref={element as never} aria-label={name} data-key={name}>
      <header>
        <h3 title={name}>{name}</h3>
        <div class="tools">
          {tools}
          {!onZoom && (
            <>
          <button type="button" class="bare small" aria-pressed={otherY !== view.logY} title="Logarithmic values" aria-label={`log: logarithmic values of ${name}`} onClick={() => setQuery({ othery: toggled(view.otherY, otherY) })}>
            log
          </button>
          <IconButton icon="pin" label={`${pinned ? "Unpin" : "Pin"} ${name}`} pressed={pinned} onClick={() => setQuery({ pin: toggled(view.pinned, pinned) })} />
            </>
          )}
          <IconButton icon="download" label={`Save ${name} as CSV`} onClick={() => void exportCsv(name, properties)} />
          <IconButton icon="full" label={`Show ${name} large`} onClick={() => setFull(true)} />
        </div>
      </header>
      <div class={`canvas ${view.size}`}>{seen && <Curves {...properties} height={HEIGHTS[view.size]} />}</div>
      {full && (
        <Dialog title={name} close={() => setFull(false)} wide>
          <div class="large">
            <Curves {...properties} height={Math.max(240, window.innerHeight - 220)} />
          </div>
          <p class="actions">
            <button type="button" onClick={() => void exportCsv(name, properties)}>Save as CSV</button>
            <button type="button" onClick={() => exportPng(name)}>Save as PNG</button>
          </p>
        </Dialog>
      )}
    </section>
  );
}

/** The curves of all runs along the axis: whole as far as they are small, else as many buckets as are worth having. */
function useCurves({ name, runs, store, view, stream }: CardProperties): { curves: Curve[]; loading: boolean; error: Error | null; steps: boolean } {
  const [, fresh] = useReducer((before: number) => before + 1, 0);
  useEffect(() => store.subscribe(() => fresh(undefined)), [store]);
  const smooth = view.smoothing !== "none";
  const lens: Lens = { axis: view.axis, from: null, to: null, samples: smooth ? SAMPLES_ALL : SAMPLES, stream };
  const ids = runs.flatMap((run) => (run.members.length > 0 ? run.members : [run.id]));
  const whole = ids.map((id) => store.get(id, name, lens));
  const near = ids.map((id, place) => {
    const curve = whole[place]?.curve;
    if (view.range === null || !curve || curve.points <= curve.x.length) return null;
    return store.get(id, name, { ...lens, from: view.range.from, to: view.range.to });
  });
  const found = whole.map(({ curve }, place) => near[place]?.curve ?? curve);
  const curves = useMemo(() => {
    const byId = new Map(ids.map((id, place) => [id, found[place]]));
    return runs.map(({ id, members }): Curve => {
      const own = members.length > 0 ? grouped(members.map((member) => byId.get(member)).filter(isThere), view.band) : byId.get(id);
      if (!own) return { x: NONE, y: NONE, low: NONE, high: NONE };
      return { x: own.x, y: smoothed(view.smoothing, view.amount, own.x, own.mean), low: own.low, high: own.high };
    });
  }, [view.smoothing, view.amount, view.band, runs, ...found]);
  return {
    curves,
    loading: [...whole, ...near].some((one) => one && !one.curve && !one.error),
    error: [...whole, ...near].find((one) => one?.error)?.error ?? null,
    steps: found.every((curve) => !curve || curve.axis === "_step"),
  };
}

const NONE = new Float64Array();

function isThere<Value>(value: Value | null | undefined): value is Value {
  return value !== null && value !== undefined;
}

function Curves({ height, ...properties }: CardProperties & { height: number }) {
  const { name, runs, view } = properties;
  const [width, setWidth] = useState(0);
  const { curves, loading, error: failed, steps } = useCurves(properties);
  const cut = useMemo(() => (view.cut ? withoutOutliers(curves, view.range, OUTLIERS) : null), [curves, view.cut, view.range?.from, view.range?.to]);
  const settings: PlotSettings = {
    axis: view.axis,
    steps,
    logX: view.logX,
    logY: view.logY !== view.otherY.has(name),
    range: view.range,
    valueRange: cut,
  };
  const buckets = Math.max(60, Math.round((width || 400) / 1.5));
  const prepared = useMemo(
    () => prepare(curves, view.range, buckets, view.logX),
    [curves, view.range?.from, view.range?.to, buckets, view.logX],
  );
  if (failed) return <p class="notice failure small">{failed.message}</p>;
  const empty = !loading && prepared.x.length === 0;
  return (
    <>
      <Chart
        prepared={prepared}
        strokes={runs.map((run) => run.stroke)}
        names={runs.map((run) => run.name)}
        settings={settings}
        height={height}
        onWidth={setWidth}
        onZoom={properties.onZoom ?? ((range) => setQuery({ range: rangeText(range) }))}
      />
      {loading && <span class="wait" role="status">loading…</span>}
      {empty && <span class="wait">no numbers {view.range ? "in this range" : "of the shown runs"}</span>}
    </>
  );
}
