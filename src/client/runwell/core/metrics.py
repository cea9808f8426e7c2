"""What define_metric says of metrics: their step metric, how they are summarised, and which are hidden.

A definition names one metric, or with a trailing asterisk all whose shown keys begin so; of several that fit, the exact
one counts, then that with the longest prefix. Definitions of one name are merged field by field: the last write of each
field counts, summaries add up, and one that overwrites takes away what was said before it. So the order in which writers'
definitions arrive does not matter. A definition counts for the whole run, also for rows from before it, since it is
applied when the run is read.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from runwell.core.numbers import Numbers
from runwell.core.stamps import EARLIEST, Stamp, read_stamp

GLOB = "*"
SUMMARIES = ("min", "max", "mean", "best", "first", "last", "none", "copy")
GOALS = ("minimize", "maximize")

_CLEARED = "overwrite"
_SUMMARY = "summary."


class Metric(NamedTuple):
    """One definition, as merged."""

    name: str
    """A shown key, or a prefix and an asterisk."""
    step_metric: str | None = None
    step_sync: bool = False
    """Whether a row that has the metric and not its step metric shows the latest value that this has had."""
    hidden: bool = False
    """Whether pages leave it out unless it is asked for."""
    summary: tuple[str, ...] = ()
    """Of SUMMARIES, in that order; empty for the last value alone."""
    goal: str | None = None
    """What is best, of GOALS; "minimize" unless said."""
    at: str | None = None
    """The shown key of the metric that decides which value is best; itself unless said."""
    summarised_at: Stamp = EARLIEST
    """The last time that a summary was asked for. A value set by hand later than that ends it."""

    @property
    def is_paired(self) -> bool:
        """Whether another metric decides which value is best."""
        return self.at is not None and "best" in self.summary

    @property
    def summarises(self) -> bool:
        """Whether the summary is anything but the last value."""
        return bool(self.summary) and self.summary != ("copy",)

    def values(self, numbers: Numbers, best: Any, first: Any, last: Any) -> dict[str, Any]:
        """What the summary has of the metric, by kind: none for "none", and no kind for which there is no value."""
        found = {
            "min": numbers.min,
            "max": numbers.max,
            "mean": numbers.mean,
            "best": best,
            "first": first,
            "last": last,
        }
        kinds = () if "none" in self.summary else self.summary
        return {kind: found[kind] for kind in kinds if found.get(kind) is not None}

    def view(self) -> dict[str, Any]:
        """As people see it."""
        fields = self._asdict()
        del fields["summarised_at"]
        return fields | {"summary": list(self.summary)}


class MetricRules:
    """The definitions of a run, to be asked for each key."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.metrics = sorted(metrics)
        self._exact = {metric.name: metric for metric in self.metrics if not metric.name.endswith(GLOB)}
        globs = [(metric.name[: -len(GLOB)], metric) for metric in self.metrics if metric.name.endswith(GLOB)]
        self._prefixes = sorted(globs, key=lambda glob: -len(glob[0]))
        self.summarise = any(metric.summarises for metric in self.metrics)
        """Whether any key is summarised."""
        self.synchronise = any(metric.step_sync for metric in self.metrics)
        """Whether any row shows a step metric that it was not logged with."""

    @property
    def deciding(self) -> frozenset[str]:
        """The shown keys that decide about values of others."""
        return frozenset(metric.at for metric in self.metrics if metric.at is not None)

    def of(self, key: str) -> Metric | None:
        """The definition that counts for a shown key. A prefix never means keys that begin with an underscore."""
        metric = self._exact.get(key)
        if metric is not None or key.startswith("_"):
            return metric
        for prefix, metric in self._prefixes:
            if key.startswith(prefix):
                return metric
        return None

    def minimises(self, metric: Metric) -> bool:
        """Whether the least is best of the metric that decides: as said with it, else with that metric, else it is."""
        deciding = None if metric.at is None else self.of(metric.at)
        return (metric.goal or (deciding.goal if deciding else None)) != "maximize"

    def view(self) -> list[dict[str, Any]]:
        """The definitions as people see them, by name."""
        return [metric.view() for metric in self.metrics]


class MetricWrites:
    """What was said of each name, field by field, each with its last stamp."""

    __slots__ = ("by_name",)

    def __init__(self) -> None:
        self.by_name: dict[str, dict[str, tuple[Stamp, Any]]] = {}

    def define(self, name: str, fields: Mapping[str, Any], stamp: Stamp, *, overwrite: bool = False) -> None:
        """One definition: the fields of Metric that it says something of."""
        writes = self.by_name.setdefault(name, {})
        said = {field: value for field, value in fields.items() if field != "summary" and value is not None}
        said |= {_SUMMARY + summary: True for summary in fields.get("summary", ()) if summary in SUMMARIES}
        if overwrite:
            said[_CLEARED] = True
        for field, value in said.items():
            if stamp >= writes.get(field, (EARLIEST,))[0]:
                writes[field] = (stamp, value)

    def absorb(self, other: "MetricWrites") -> None:
        """Takes in what another has."""
        for name, fields in other.by_name.items():
            writes = self.by_name.setdefault(name, {})
            for field, write in fields.items():
                if write[0] >= writes.get(field, (EARLIEST,))[0]:
                    writes[field] = write

    def define_as_seen(self, metrics: Iterable[Mapping[str, Any]]) -> None:
        """Definitions out of a run's view, before all others."""
        for metric in metrics:
            self.define(metric["name"], {key: value for key, value in metric.items() if key != "name"}, EARLIEST)

    def rules(self) -> MetricRules:
        """The definitions, merged."""
        return MetricRules(_merged(name, writes) for name, writes in self.by_name.items())

    def to_state(self) -> dict[str, Any]:
        """What ``from_state`` takes."""
        return self.by_name

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "MetricWrites":
        """The writes of ``to_state``, also after a turn through JSON."""
        writes = cls()
        for name, fields in state.items():
            writes.by_name[name] = {field: (read_stamp(stamp), value) for field, (stamp, value) in fields.items()}
        return writes


def _merged(name: str, writes: Mapping[str, tuple[Stamp, Any]]) -> Metric:
    cleared = writes.get(_CLEARED, (EARLIEST,))[0]
    alive = {field: write for field, write in writes.items() if write[0] >= cleared and field != _CLEARED}
    summaries = tuple(summary for summary in SUMMARIES if _SUMMARY + summary in alive)
    stamps = [stamp for field, (stamp, _) in alive.items() if field.startswith(_SUMMARY)]
    said = {field: value for field, (_, value) in alive.items() if not field.startswith(_SUMMARY)}
    said.setdefault("step_sync", said.get("step_metric") is not None)
    return Metric(name, summary=summaries, summarised_at=max(stamps, default=EARLIEST), **said)


def rules_of_view(metrics: Iterable[Mapping[str, Any]]) -> MetricRules:
    """The rules of a run's view."""
    writes = MetricWrites()
    writes.define_as_seen(metrics)
    return writes.rules()
