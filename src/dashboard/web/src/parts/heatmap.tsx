// Histograms over steps as a heat map: one column a step, one row a bin, darker where more fell.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { compact } from "../charts/plot.ts";
import { usePaint } from "../state/preferences.ts";
import { styleOf } from "../plots/style.ts";

export interface HistogramColumns {
  steps: number[];
  edges: number[];
  counts: number[][];
}

const HEIGHT = 220;
const LEFT = 56;
const BOTTOM = 22;

export function HeatMap({ steps, edges, counts, name }: HistogramColumns & { name: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const paint = usePaint();
  useLayoutEffect(() => {
    const element = frame.current as HTMLDivElement;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (canvas.current && width > LEFT) draw(canvas.current, width, { steps, edges, counts });
  }, [width, steps, edges, counts, paint]);
  const label = `Histograms of ${name}: ${steps.length} steps from ${steps[0] ?? 0} to ${steps[steps.length - 1] ?? 0}, values ${compact(edges[0] ?? 0)} to ${compact(edges[edges.length - 1] ?? 0)}`;
  return (
    <div ref={frame} class="heatmap" role="img" aria-label={label}>
      <canvas ref={canvas} style={{ width: `${width}px`, height: `${HEIGHT}px` }} />
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, width: number, { steps, edges, counts }: HistogramColumns): void {
  const ratio = devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  const context = canvas.getContext("2d");
  if (!context) return;
  const style = styleOf(canvas);
  context.scale(ratio, ratio);
  const [across, up] = [width - LEFT - 8, HEIGHT - BOTTOM - 6];
  const accent = getComputedStyle(canvas).getPropertyValue("--accent").trim();
  context.fillStyle = accent;
  for (const [place, column] of counts.entries()) {
    const most = Math.max(...column, 1);
    const [left, right] = [LEFT + (across * place) / counts.length, LEFT + (across * (place + 1)) / counts.length];
    for (const [bin, count] of column.entries()) {
      if (count === 0) continue;
      // Each step by its own greatest bin; the root shows thin tails.
      context.globalAlpha = 0.1 + 0.9 * Math.sqrt(count / most);
      context.fillRect(left, 6 + up - (up * (bin + 1)) / column.length, Math.max(1, right - left - 0.4), up / column.length + 0.4);
    }
  }
  context.globalAlpha = 1;
  context.fillStyle = style.faint;
  context.font = style.font;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const share of [0, 0.5, 1]) {
    const edge = edges[Math.round(share * (edges.length - 1))];
    if (edge !== undefined) context.fillText(compact(edge), LEFT - 6, 6 + up * (1 - share));
  }
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillText(compact(steps[0] ?? 0), LEFT, HEIGHT - 6);
  context.textAlign = "right";
  context.fillText(compact(steps[steps.length - 1] ?? 0), width - 8, HEIGHT - 6);
}
