// The cards over fields that the address names, in their order.

import type { FieldInfo } from "../api/types.ts";
import { PickReport } from "../report/pick.tsx";
import { setQuery } from "../router.ts";
import { AddPanel, PanelCard, type PanelPlace } from "./panel.tsx";
import { newPanel, panelsOf, panelText, PANELS_MAX, type Panel } from "./panels.ts";

function setPanels(panels: readonly Panel[]): void {
  setQuery({ panel: panels.map(panelText) });
}

export function PanelShelf({ query, names, ...place }: PanelPlace & { query: URLSearchParams; names: readonly string[] }) {
  const panels = panelsOf(query);
  if (panels.length === 0) return null;
  const change = (number: number) => (panel: Panel | null) =>
    setPanels(panels.flatMap((other, its) => (its === number ? (panel ?? []) : other)));
  return (
    <div class="section panels">
      <h2 class="unseen">Over all runs of the table</h2>
      <div class="cards">
        {panels.map((panel, number) => (
          <PanelCard key={number} {...place} panel={panel} names={names} change={change(number)} tools={panel.kind !== "importance" && <PickReport entity={place.entity} project={place.project} what="this chart" figure={() => ({ kind: "panel", panel, where: place.where })} />} />
        ))}
      </div>
    </div>
  );
}

export function PanelAdder({ query, fields }: { query: URLSearchParams; fields: readonly FieldInfo[] }) {
  const panels = panelsOf(query);
  if (panels.length >= PANELS_MAX) return null;
  return <AddPanel add={(kind) => setPanels([...panels, newPanel(kind, fields)])} />;
}
