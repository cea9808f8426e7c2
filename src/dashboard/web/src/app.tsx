// The frame round every page: where one is, the theme, the keyboard, and which page the address means.

import { useEffect, useState } from "preact/hooks";
import { Dialog, Link } from "./components/basics.tsx";
import { Toast } from "./components/toast.tsx";
import { Icon } from "./components/icons.tsx";
import { ComparePage } from "./pages/compare.tsx";
import { ProjectsPage } from "./pages/projects.tsx";
import { ReportPage, ReportsPage } from "./pages/reports.tsx";
import { RunPage } from "./pages/run.tsx";
import { RunsPage } from "./pages/runs.tsx";
import { SweepPage, SweepsPage } from "./pages/sweep.tsx";
import { pathOf, placeOf, useLocation, type Place } from "./router.ts";
import { setTheme, theme, type Theme } from "./state/preferences.ts";
import { isTyping } from "./state/keyboard.ts";

export function App() {
  const { path, query } = useLocation();
  const place = placeOf(path);
  const [helping, setHelping] = useState(false);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key === "?" && !isTyping(event)) setHelping(true);
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
  return (
    <>
      <a class="skip" href={`${path}#content`} onClick={(event) => { event.preventDefault(); document.getElementById("content")?.focus(); }}>
        Skip to the content
      </a>
      <header class="top">
        <Crumbs place={place} />
        <div class="corner">
          <ThemeSwitch />
          <button type="button" class="bare" title="Keyboard shortcuts (?)" aria-label="Keyboard shortcuts" onClick={() => setHelping(true)}>
            <Icon name="help" />
          </button>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        <Page place={place} query={query} />
      </main>
      <Toast />
      {helping && <Help close={() => setHelping(false)} />}
    </>
  );
}

function Page({ place, query }: { place: Place; query: URLSearchParams }) {
  switch (place.page) {
    case "projects":
      return <ProjectsPage />;
    case "runs":
      return <RunsPage key={pathOf(place.entity, place.project)} entity={place.entity} project={place.project} query={query} />;
    case "compare":
      return <ComparePage entity={place.entity} project={place.project} query={query} />;
    case "reports":
      return <ReportsPage entity={place.entity} project={place.project} />;
    case "report":
      return <ReportPage key={pathOf(place.entity, place.project, place.id)} entity={place.entity} project={place.project} id={place.id} query={query} />;
    case "sweeps":
      return <SweepsPage entity={place.entity} project={place.project} />;
    case "sweep":
      return <SweepPage key={pathOf(place.entity, place.project, place.id)} entity={place.entity} project={place.project} id={place.id} />;
    case "run":
      return <RunPage key={pathOf(place.entity, place.project, place.runId)} entity={place.entity} project={place.project} runId={place.runId} query={query} />;
    case "nowhere":
      return (
        <div class="empty">
          <h1>There is nothing at this address</h1>
          <p>
            <Link to="">All projects</Link>
          </p>
        </div>
      );
  }
}

function Crumbs({ place }: { place: Place }) {
  const last = place.page === "sweep" ? place.id : place.page === "sweeps" ? "sweeps" : place.page === "run" ? place.runId : place.page === "compare" ? "compare" : place.page === "reports" || place.page === "report" ? "reports" : null;
  const title = place.page === "projects" || place.page === "nowhere" ? "Runwell" : `${last ?? place.project} · Runwell`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <nav class="crumbs" aria-label="You are here">
      <Link to="" class="brand">
        <img src="icon.svg" alt="" width="20" height="20" /> Runwell
      </Link>
      {"project" in place && (
        <>
          <span aria-hidden="true">/</span>
          <Link to={pathOf(place.entity, place.project)} title={`${place.entity}/${place.project}`}>
            <span class="entity">{place.entity}/</span>
            {place.project}
          </Link>
        </>
      )}
      {last !== null && (
        <>
          <span aria-hidden="true">/</span>
          {place.page === "report" ? <Link to={pathOf(place.entity, place.project, "-", "reports")}>reports</Link> : <span class="here">{last}</span>}
        </>
      )}
    </nav>
  );
}

const THEMES: [Theme, "sun" | "moon" | "screen", string][] = [
  ["light", "sun", "Light"],
  ["dark", "moon", "Dark"],
  ["system", "screen", "As the system"],
];

function ThemeSwitch() {
  const [chosen, setChosen] = useState(theme);
  return (
    <div class="switch" role="group" aria-label="Theme">
      {THEMES.map(([name, icon, label]) => (
        <button key={name} type="button" title={label} aria-label={label} aria-pressed={chosen === name} onClick={() => { setTheme(name); setChosen(name); }}>
          <Icon name={icon} />
        </button>
      ))}
    </div>
  );
}

const SHORTCUTS = [
  ["/", "search"],
  ["j  k", "next and previous run"],
  ["x", "select the run"],
  ["Enter", "open the run"],
  ["c", "compare the selected runs"],
  ["l", "logarithmic values"],
  ["s", "smoothing on and off"],
  ["Esc", "leave a field or a window"],
  ["?", "this help"],
] as const;

function Help({ close }: { close: () => void }) {
  return (
    <Dialog title="Keyboard" close={close}>
      <table class="plain">
        <tbody>
          {SHORTCUTS.map(([key, what]) => (
            <tr key={key}>
              <th scope="row">
                <kbd>{key}</kbd>
              </th>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="faint">Drag in a chart to zoom, double-click to see all of it again.</p>
    </Dialog>
  );
}
