// The page's own colours and fonts, for what is drawn on a canvas.

export interface PlotStyle {
  paper: string;
  ink: string;
  faint: string;
  grid: string;
  font: string;
}

export function styleOf(element: HTMLElement): PlotStyle {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return { paper: colour("--paper"), ink: colour("--ink"), faint: colour("--faint"), grid: colour("--grid"), font: "11px system-ui, sans-serif" };
}
