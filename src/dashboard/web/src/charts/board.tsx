// All charts of some runs: controls above, pinned ones first, then by section.

import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { Popover } from "../components/basics.tsx";
import { Icon } from "../components/icons.tsx";
import { axisText } from "../model/axes.ts";
import { BAND_NAMES, BANDS } from "../model/grouping.ts";
import { SMOOTHING_NAMES, SMOOTHINGS, type Smoothing } from "../model/smoothing.ts";
import { setQuery } from "../router.ts";
import type { CurveSource } from "../state/series.ts";
import { ChartCard, type ChartRun } from "./card.tsx";
import { DEFAULT_AMOUNTS, matcher, sectionsOf, SIZES, smoothText, type ChartView } from "./view.ts";

const CHARTS_SHOWN = 60;

export interface BoardProperties {
  keys: readonly string[];
  runs: readonly ChartRun[];
  store: CurveSource;
  view: ChartView;
  stream?: "default" | "system";
  /** Further controls, and cards before the curves. */
  /** Further buttons of the card of a key. */
  tools?: (key: string) => ComponentChildren;
  controls?: ComponentChildren;
  children?: ComponentChildren;
}

export function ChartBoard(properties: BoardProperties) {
  const { keys, runs, store, view, stream = "default", controls, children, tools } = properties;
  const found = useMemo(() => keys.filter(matcher(view.search)), [keys, view.search]);
  const pinned = view.pinned.filter((key) => found.includes(key));
  const sections = useMemo(() => sectionsOf(found), [found]);
  return (
    <div class="board">
      <BoardControls view={view} keys={keys} grouped={runs.some((run) => run.members.length > 0)}>{controls}</BoardControls>
      {children}
      {found.length === 0 && (
        <p class="notice">{keys.length === 0 ? "Nothing was logged here yet. Numbers given to run.log() appear as charts." : `No metric matches ${view.search}.`}</p>
      )}
      {pinned.length > 0 && <Section title="Pinned" id="pinned" keys={pinned} {...{ runs, store, view, stream }} {...(tools ? { tools } : {})} />}
      {sections.map(([section, within]) => (
        <Section key={section} title={section || (sections.length > 1 ? "Charts" : "")} id={section || "-"} keys={within} {...{ runs, store, view, stream }} {...(tools ? { tools } : {})} />
      ))}
    </div>
  );
}

function Section(properties: Omit<BoardProperties, "keys"> & { title: string; id: string; keys: readonly string[] }) {
  const { title, id, keys, runs, store, view, stream = "default", tools } = properties;
  const folded = view.folded.has(id);
  const shown = keys.slice(0, CHARTS_SHOWN);
  const toggle = () => setQuery({ fold: folded ? [...view.folded].filter((other) => other !== id) : [...view.folded, id] });
  return (
    <div class="section">
      {!title && <h2 class="unseen">Charts</h2>}
      {title && (
        <h2>
          <button type="button" class="bare fold" aria-expanded={!folded} onClick={toggle}>
            <Icon name="down" /> {title} <span class="faint">{keys.length}</span>
          </button>
        </h2>
      )}
      {!folded && (
        <div class={`cards ${view.size}`}>
          {shown.map((key) => (
            <ChartCard key={key} name={key} runs={runs} store={store} view={view} stream={stream} tools={tools?.(key)} />
          ))}
        </div>
      )}
      {!folded && keys.length > shown.length && (
        <p class="faint">{keys.length - shown.length} more: narrow them down with the search above.</p>
      )}
    </div>
  );
}

function BoardControls({ view, keys, grouped, children }: { view: ChartView; keys: readonly string[]; grouped: boolean; children: ComponentChildren }) {
  const box = useRef<HTMLInputElement>(null);
  const amountOf = view.smoothing === "ema" || view.smoothing === "twema" ? { max: 0.99, step: 0.01 } : { max: 100, step: 1 };
  return (
    <div class="controls" role="toolbar" aria-label="Charts">
      <label class="search">
        <Icon name="search" />
        <input ref={box} type="search" data-keys="charts" placeholder="Search metrics (regex)" aria-label="Search metrics" value={view.search} onInput={(event) => setQuery({ keys: event.currentTarget.value }, true)} />
      </label>
      <label>
        <span>X axis</span>
        <select value={axisText(view.axis)} onChange={(event) => setQuery({ x: event.currentTarget.value === "auto" ? null : event.currentTarget.value, range: null })}>
          <option value="auto">As defined</option>
          <option value="step">Step</option>
          <option value="relative">Relative time</option>
          <option value="time">Time</option>
          <optgroup label="A metric">
            {keys.slice(0, 500).map((key) => (
              <option key={key} value={`metric:${key}`}>
                {key}
              </option>
            ))}
          </optgroup>
        </select>
      </label>
      <label>
        <span>Smoothing</span>
        <select data-keys="smooth" value={view.smoothing} onChange={(event) => setQuery({ smooth: smoothText(event.currentTarget.value as Smoothing, DEFAULT_AMOUNTS[event.currentTarget.value as Smoothing]) })}>
          {SMOOTHINGS.map((kind) => (
            <option key={kind} value={kind}>
              {SMOOTHING_NAMES[kind]}
            </option>
          ))}
        </select>
      </label>
      {view.smoothing !== "none" && (
        <label class="amount">
          <input type="range" min="0" {...amountOf} value={view.amount} aria-label="Amount of smoothing" onInput={(event) => setQuery({ smooth: smoothText(view.smoothing, Number(event.currentTarget.value)) }, true)} />
          <output>{view.amount}</output>
        </label>
      )}
      <Popover label="Axes" name="Axes">
        {() => (
          <div class="choices">
            <Choice label="Logarithmic x" on={view.logX} set={(on) => setQuery({ logx: on })} />
            <Choice label="Logarithmic y, all charts" on={view.logY} set={(on) => setQuery({ logy: on })} />
            <Choice label="Leave out the outermost 2 % of values" on={view.cut} set={(on) => setQuery({ cut: on })} />
            <label class="field-choice">
              <span>Size of charts</span>
              <select value={view.size} onChange={(event) => setQuery({ size: event.currentTarget.value === "medium" ? null : event.currentTarget.value })}>
                {SIZES.map((size) => (
                  <option key={size} value={size}>
                    {size}
                  </option>
                ))}
              </select>
            </label>
            {grouped && (
              <label class="field-choice">
                <span>Band</span>
                <select value={view.band} onChange={(event) => setQuery({ band: event.currentTarget.value === "minmax" ? null : event.currentTarget.value })}>
                  {BANDS.map((band) => (
                    <option key={band} value={band}>
                      {BAND_NAMES[band]}
                    </option>
                  ))}
                </select>
              </label>
            )}
          </div>
        )}
      </Popover>
      {children}
      {view.range && (
        <button type="button" onClick={() => setQuery({ range: null })}>
          Reset zoom
        </button>
      )}
    </div>
  );
}

function Choice({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <label class="choice">
      <input type="checkbox" checked={on} onChange={(event) => set(event.currentTarget.checked)} /> {label}
    </label>
  );
}
