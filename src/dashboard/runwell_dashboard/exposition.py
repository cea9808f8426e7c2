"""Run gauges in Prometheus's text format.

A library that keeps an object a series takes 29 ms for 5,000 of them; here the beginning of each line is made once and
kept while its run is shown, and a scrape appends numbers.
"""

from collections.abc import Iterator, Mapping, Sequence

from runwell.core.system import FIGURES, figure_of
from runwell_projector.query import LiveRun, LiveRuns

RECEIVED_WITHIN_S = 120.0
MADE_WITHIN_S = 300.0
"""A run is shown when something of it was received in the last two minutes that was made in the last five: what an offline
run sends later is history, and no state of the present."""

CRASHED_WITHIN_S = 3600.0
"""How long a run that crashed is counted."""

Name = tuple[str, str, str]
Families = dict[str, list[str]]
"""Blocks of lines by the name of their metric."""

RUN_FAMILIES: Mapping[str, str] = {
    "runwell_run_info": "Names of a run that is running.",
    "runwell_run_step": "The run's greatest step.",
    "runwell_run_last_record_timestamp_seconds": "When the run's last record was made.",
    "runwell_run_records": "Records of the run that are stored.",
    "runwell_run_missing_records": "Records of the run that were refused, dropped or lost.",
    "runwell_run_metric": "Last value of a metric that the run logged.",
    **{f"runwell_run_system_{figure}": meaning for figure, meaning in FIGURES.items()},
}
PLAIN_FAMILIES = (
    "runwell_run_step",
    "runwell_run_last_record_timestamp_seconds",
    "runwell_run_records",
    "runwell_run_missing_records",
)
"""Those of a run without further labels."""

SERVER_FAMILIES: Mapping[str, str] = {
    "runwell_running_runs": "Runs that have not ended.",
    "runwell_silent_runs": "Runs that have not ended, and of which nothing was received for two minutes.",
    "runwell_crashed_runs": "Runs that crashed within the last hour: their processes are gone, and did not say how it ended.",
    "runwell_exposition_truncated_series": "Series of runs that are not shown, since there are too many.",
}

_ESCAPES = dict.fromkeys((0, *range(0xD800, 0xE000)), "\ufffd") | str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def escaped(value: str) -> str:
    """A label's value; replaced are a NUL, at which Prometheus would stop reading, and lone surrogates, which no UTF-8 has."""
    return value.translate(_ESCAPES)


def labelled(name: str, labels: Mapping[str, str]) -> str:
    """The beginning of a line, up to its value."""
    inner = ",".join(f'{label}="{escaped(value)}"' for label, value in labels.items())
    return f"{name}{{{inner}}} "


class RunLines:
    """One run's lines, with a place for each value: a scrape fills in one text for all metrics of a run."""

    def __init__(self, run: LiveRun) -> None:
        self.labels = run.labels
        self._run: dict[str, str] = dict(zip(("entity", "project", "run"), run.name, strict=True))
        names: dict[str, str] = dict(zip(("name", "group", "job_type"), run.labels, strict=True))
        self.info = labelled("runwell_run_info", self._run | names) + "1"
        self.step, self.made_at, self.stored, self.missing = (labelled(name, self._run) for name in PLAIN_FAMILIES)
        self._names: list[str] = []
        self._metrics = ""
        self._figures: dict[tuple[str, str, str], tuple[str, str] | None] = {}

    def metrics(self, names: list[str], numbers: Sequence[str]) -> str:
        """The lines of all metrics, which mostly have the names of the last time."""
        if self._names != names:
            self._names = names
            self._metrics = filled([labelled("runwell_run_metric", self._run | {"metric": name}) for name in names])
        return self._metrics % tuple(numbers)

    def figure(self, host: str, pid: str, path: str) -> tuple[str, str] | None:
        """Family and line of a figure; None for one that is not known."""
        key = (host, pid, path)
        if key not in self._figures:
            self._figures[key] = self._described(host, pid, path)
        return self._figures[key]

    def _described(self, host: str, pid: str, path: str) -> tuple[str, str] | None:
        found = figure_of(path)
        if found is None:
            return None
        figure, device = found
        family = f"runwell_run_system_{figure}"
        labels = self._run | {"host": host}
        if figure.startswith("process_"):
            labels["pid"] = pid
        else:
            labels["device"] = device
        return family, labelled(family, labels)


def filled(beginnings: list[str]) -> str:
    """A text with a place for the value of each line; of lines that are alike the last one is shown, the others are empty."""
    last = {beginning: place for place, beginning in enumerate(beginnings)}
    lines = [
        f"{beginning.replace('%', '%%')}%s\n" if last[beginning] == place else "%.0s"
        for place, beginning in enumerate(beginnings)
    ]
    return "".join(lines).removesuffix("\n")


class Exposition:
    """Renders live runs; keeps the lines of those that it showed last."""

    def __init__(self) -> None:
        self._lines: dict[Name, RunLines] = {}

    def render(self, live: LiveRuns, now: float) -> bytes:
        """The text for runs as they are at ``now``, unix seconds."""
        families: Families = {name: [] for name in (*SERVER_FAMILIES, *RUN_FAMILIES)}
        cut = live.series - sum(run.series for run in live.runs)
        counts = (live.running, live.running - live.heard, live.crashed, cut)
        for name, count in zip(SERVER_FAMILIES, counts, strict=True):
            families[name].append(f"{name} {count:.0f}")
        self._lines = {run.name: self._lines_of(run) for run in live.runs}
        info, metrics = families["runwell_run_info"], families["runwell_run_metric"]
        steps, times, stored, missing = (families[name] for name in PLAIN_FAMILIES)
        for run in live.runs:
            lines = self._lines[run.name]
            info.append(lines.info)
            if run.last_step is not None:
                steps.append(f"{lines.step}{run.last_step}")
            times.append(f"{lines.made_at}{run.made_at}")
            stored.append(lines.stored + run.stored)
            missing.append(lines.missing + run.missing)
            if run.metrics[0]:
                metrics.append(lines.metrics(*run.metrics))
            if run.system:
                _add_system(run, lines, families, now)
        return "\n".join([*_text(families), ""]).encode()

    def _lines_of(self, run: LiveRun) -> RunLines:
        known = self._lines.get(run.name)
        return known if known is not None and known.labels == run.labels else RunLines(run)


def _add_system(run: LiveRun, lines: RunLines, families: Families, now: float) -> None:
    shown: dict[tuple[str, str], str] = {}
    for host, pid, at, paths, figures in sorted(run.system, key=_time_of):
        # Of two processes that told of the same machine the later one counts.
        if float(at) >= now - MADE_WITHIN_S:
            for path, value in zip(paths, figures, strict=True):
                if found := lines.figure(host, pid, path):
                    shown[found] = value
    for (family, beginning), value in shown.items():
        families[family].append(f"{beginning}{value}")


def _time_of(system: tuple[str, str, str, list[str], list[str]]) -> float:
    return float(system[2])


def _text(families: Families) -> Iterator[str]:
    for name, lines in families.items():
        if lines:
            meaning = RUN_FAMILIES.get(name) or SERVER_FAMILIES[name]
            yield f"# HELP {name} {meaning}\n# TYPE {name} gauge"
            yield from lines
