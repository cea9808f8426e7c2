"""A sweep's configuration: wandb's schema, read strictly. What is wrong is named with its key and what to write instead."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from runwell.core.sweeps.parameters import read_parameters
from runwell.core.sweeps.problems import Place, Report, SweepConfigError
from runwell.core.sweeps.space import COUNTABLE, Space

METHODS = ("grid", "random", "bayes")
GOALS = ("minimize", "maximize")
IMPUTES = ("worst", "best", "latest")
WHILE_RUNNING = (*IMPUTES, "false")

DEFAULT_COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")

_READ = ("method", "metric", "parameters", "early_terminate", "run_cap", "program", "command")
_NAMED = ("name", "description", "project", "entity")
_WITHOUT_MEANING = ("apiVersion", "kind", "controller", "job", "image_uri", "scheduler")
"""Keys for wandb's own machinery. They are taken and change nothing here."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What is optimized: a summary key of the runs."""

    name: str
    goal: str = "minimize"
    target: float | None = None
    impute: str = "worst"
    impute_while_running: str = "false"

    def better(self, value: float, other: float) -> bool:
        """Is ``value`` nearer to the goal than ``other``?"""
        return value < other if self.goal == "minimize" else value > other

    def reached(self, value: float) -> bool:
        """Is ``value`` at the target or beyond? Never when there is none."""
        return self.target is not None and not self.better(self.target, value) and value == value


@dataclass(frozen=True, slots=True)
class Hyperband:
    """Stops runs that are not among the best 1/eta of those that reached a bracket."""

    min_iter: int | None = None
    max_iter: int | None = None
    s: int | None = None
    eta: float = 3.0
    strict: bool = True


@dataclass(frozen=True, slots=True)
class MedianRule:
    """Stops runs whose best value is worse than the median of the others' running means at the same iteration."""

    min_iter: int = 1
    min_trials: int = 5


@dataclass(frozen=True, slots=True)
class SweepConfig:
    """A configuration that was read whole. ``document`` is what it was read from."""

    method: str
    space: Space
    metric: Metric | None
    early_terminate: Hyperband | MedianRule | None
    run_cap: int | None
    program: str | None
    command: tuple[str, ...]
    name: str | None
    document: Mapping[str, Any]


def read_config(document: Any, line_of: Callable[[Place], int | None] = lambda place: None) -> SweepConfig:
    """The configuration in ``document``; ``line_of`` gives the line of a place in the file that it came from.

    Raises SweepConfigError with everything that is wrong.
    """
    report = Report()
    if not isinstance(document, Mapping):
        report.add((), "must be a mapping with at least 'method' and 'parameters'")
        raise SweepConfigError(report.problems, line_of)
    _check_keys(document, report)
    method = _one_of(document, "method", METHODS, report, ()) if "method" in document else None
    if "method" not in document:
        report.add((), f"lacks 'method': add one of {', '.join(METHODS)}")
    config = SweepConfig(
        method=method or "random",
        space=Space(dict(read_parameters(document.get("parameters"), report, ("parameters",)))),
        metric=_metric(document, report),
        early_terminate=_early_terminate(document, report),
        run_cap=_count(document, "run_cap", report, ()),
        program=_text(document, "program", report),
        command=_command(document, report),
        name=_text(document, "name", report),
        document=dict(document),
    )
    if not report.problems:
        _check_together(config, report)
    if report.problems:
        raise SweepConfigError(report.problems, line_of)
    return config


def _check_keys(document: Mapping[str, Any], report: Report) -> None:
    known = (*_READ, *_NAMED, *_WITHOUT_MEANING)
    for key in document:
        if key == "metrics":
            report.add(("metrics",), "several metrics are not optimized at once: choose one as 'metric'")
        elif key not in known:
            near = get_close_matches(str(key), known, n=1)
            report.add((str(key),), f"is no key of a sweep{f': did you mean {near[0]!r}?' if near else ''}")


def _check_together(config: SweepConfig, report: Report) -> None:
    if config.metric is None and (config.method == "bayes" or config.early_terminate):
        reason = "method bayes" if config.method == "bayes" else "early_terminate"
        report.add((), f"lacks 'metric', which {reason} needs: add metric: {{name: …, goal: minimize}}")
    if config.method == "grid":
        for path, parameter in config.space.parameters.items():
            if parameter.distribution not in COUNTABLE:
                place = ("parameters", *(key for name in path for key in (name, "parameters")))[:-1]
                report.add(
                    place, f"is {parameter.distribution}, which a grid cannot walk: give 'values', or use random"
                )


def _metric(document: Mapping[str, Any], report: Report) -> Metric | None:
    options = document.get("metric")
    if options is None:
        return None
    place = ("metric",)
    if not isinstance(options, Mapping):
        report.add(place, "must be a mapping: metric: {name: …, goal: minimize}")
        return None
    _check_options(options, ("name", "goal", "target", "impute", "impute_while_running"), report, place)
    name = options.get("name")
    if not isinstance(name, str) or not name:
        report.add((*place, "name"), "must be the summary key that is optimized")
        return None
    target = options.get("target")
    if target is not None and (isinstance(target, bool) or not isinstance(target, (int, float)) or target != target):
        report.add((*place, "target"), f"must be a number, and is {target!r:.60}")
        target = None
    return Metric(
        name,
        _one_of(options, "goal", GOALS, report, place) or "minimize",
        None if target is None else float(target),
        _one_of(options, "impute", IMPUTES, report, place) or "worst",
        _one_of(options, "impute_while_running", WHILE_RUNNING, report, place) or "false",
    )


def _early_terminate(document: Mapping[str, Any], report: Report) -> Hyperband | MedianRule | None:
    options = document.get("early_terminate")
    if options is None:
        return None
    place = ("early_terminate",)
    if not isinstance(options, Mapping) or "type" not in options:
        report.add(place, "must be a mapping with 'type': hyperband or median")
        return None
    kind = _one_of(options, "type", ("hyperband", "median"), report, place)
    if kind == "median":
        _check_options(options, ("type", "min_iter", "min_trials"), report, place)
        given = {key: _count(options, key, report, place) for key in ("min_iter", "min_trials")}
        return MedianRule(**{key: value for key, value in given.items() if value is not None})
    if kind != "hyperband":
        return None
    _check_options(options, ("type", "min_iter", "max_iter", "s", "eta", "strict"), report, place)
    eta = options.get("eta", 3)
    if isinstance(eta, bool) or not isinstance(eta, (int, float)) or not 1 < eta < float("inf"):
        report.add((*place, "eta"), f"must be a number above 1, and is {eta!r:.60}")
        eta = 3
    if not isinstance(options.get("strict", True), bool):
        report.add((*place, "strict"), "must be true or false")
    band = Hyperband(
        _count(options, "min_iter", report, place),
        _count(options, "max_iter", report, place),
        _count(options, "s", report, place),
        float(eta),
        options.get("strict", True) is True,
    )
    if band.min_iter is None and (band.max_iter is None or band.s is None):
        report.add(
            place, "needs 'min_iter', or 'max_iter' and 's': from them follow the iterations at which runs are compared"
        )
    return band


def _check_options(options: Mapping[str, Any], known: tuple[str, ...], report: Report, place: Place) -> None:
    for key in options:
        if key not in known:
            report.add((*place, str(key)), f"is no option of {place[-1]}, which has {', '.join(known)}")


def _one_of(options: Mapping[str, Any], key: str, known: tuple[str, ...], report: Report, place: Place) -> str | None:
    value = options.get(key)
    text = str(value).lower() if isinstance(value, bool) else value
    if value is None or text in known:
        return text
    near = get_close_matches(str(value), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(known)}"
    report.add((*place, key), f"{value!r:.60} is not known: {hint}")
    return None


def _count(options: Mapping[str, Any], key: str, report: Report, place: Place) -> int | None:
    value = options.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    report.add((*place, key), f"must be an integer above 0, and is {value!r:.60}")
    return None


def _text(document: Mapping[str, Any], key: str, report: Report) -> str | None:
    value = document.get(key)
    if value is None or isinstance(value, str):
        return value
    report.add((key,), f"must be a string, and is {value!r:.60}")
    return None


def _command(document: Mapping[str, Any], report: Report) -> tuple[str, ...]:
    command = document.get("command")
    if command is None:
        return DEFAULT_COMMAND
    if isinstance(command, (list, tuple)) and command and all(isinstance(part, (str, int, float)) for part in command):
        return tuple(map(str, command))
    report.add(("command",), "must be a list of the command's words, such as [python, train.py, '${args}']")
    return DEFAULT_COMMAND
