"""What ``define_metric`` takes, checked."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from runwell._names import suggestion
from runwell.core.limits import KEY_BYTES_MAX
from runwell.core.metrics import GLOB, GOALS, SUMMARIES, Metric
from runwell.errors import UsageError


class Definition(NamedTuple):
    """One call of ``define_metric``: the fields that it says something of."""

    name: str
    fields: dict[str, Any]
    overwrite: bool

    @property
    def metric(self) -> Metric:
        """What the call says by itself."""
        said: dict[str, Any] = {"step_sync": "step_metric" in self.fields, **self.fields}
        said["summary"] = tuple(self.fields.get("summary", ()))
        return Metric(self.name, **said)


def definition(
    name: Any,
    step_metric: Any = None,
    step_sync: Any = None,
    hidden: Any = None,
    summary: Any = None,
    goal: Any = None,
    overwrite: Any = None,
    at: Any = None,
) -> Definition:
    """The call with its arguments. Raises UsageError."""
    name = _key("name", name)
    if GLOB in name[:-1]:
        raise UsageError(
            f"define_metric() takes an asterisk only at the end of a name (glob suffixes only), not in {name!r}"
        )
    flags = {"step_sync": step_sync, "hidden": hidden, "overwrite": overwrite}
    for what, flag in flags.items():
        if flag is not None and not isinstance(flag, bool):
            raise _unhandled(what, flag, "True or False")
    fields: dict[str, Any] = {}
    for what, key in (("step_metric", step_metric), ("at", at)):
        if key is not None:
            fields[what] = _key(what, key)
            if GLOB in fields[what]:
                raise UsageError(f"define_metric() takes one metric as {what}=, and {key!r} means several")
    fields |= {what: flag for what, flag in flags.items() if flag is not None and what != "overwrite"}
    if summary is not None:
        fields["summary"] = _summaries(summary)
    if goal is not None:
        fields["goal"] = _goal(goal)
    if at is not None and "best" not in fields.get("summary", ()):
        fields["summary"] = [*fields.get("summary", ()), "best"]
    return Definition(name, fields, bool(overwrite))


def _key(what: str, key: Any) -> str:
    if isinstance(key, Metric):
        key = key.name
    if not isinstance(key, str) or not key:
        raise _unhandled(what, key, "the name of a metric")
    if len(key.encode("utf-8", "backslashreplace")) > KEY_BYTES_MAX:
        raise UsageError(f"define_metric() {what} has more than {KEY_BYTES_MAX} bytes: no metric has such a name")
    # wandb's way to write a dot that is part of a name; here both kinds of dots are shown alike.
    return key.replace("\\.", ".").encode("utf-8", "backslashreplace").decode()


def _summaries(summary: Any) -> list[str]:
    if isinstance(summary, str):
        summary = summary.split(",")
    said = [*summary] if isinstance(summary, Iterable) else [summary]
    if not all(isinstance(kind, str) for kind in said):
        raise _unhandled("summary", summary, "kinds separated by commas, such as 'min,max'")
    kinds = [kind.strip().lower() for kind in said]
    kinds = [kind for kind in kinds if kind]
    for kind in kinds:
        if kind not in SUMMARIES:
            raise UsageError(
                f"define_metric() knows no summary {kind!r}{suggestion(kind, SUMMARIES)}: there are {', '.join(SUMMARIES)}"
            )
    return kinds


def _goal(goal: Any) -> str:
    said = goal.lower() if isinstance(goal, str) else ""
    for known in GOALS:
        if said in (known, known[:3]):
            return known
    raise _unhandled("goal", goal, " or ".join(repr(known) for known in GOALS))


def _unhandled(what: str, value: Any, wanted: str) -> UsageError:
    return UsageError(f"Unhandled define_metric() arg: {what}: it takes {wanted}, not {value!r:.80}")
