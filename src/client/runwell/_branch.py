"""``fork_from`` and ``resume_from``: a run that goes on from a step of another one, or of its own."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runwell import _messages
from runwell._events import json_bytes
from runwell._lane import Lane
from runwell._metrics import Known, Statistics
from runwell._past import Past
from runwell.core import names
from runwell.core.limits import STRING_BYTES_MAX
from runwell.core.metrics import MetricWrites
from runwell.errors import UsageError

PAST_BYTES_MAX = 8 * STRING_BYTES_MAX
"""Of statistics told to a fork; beyond, those of further keys are left out."""

ALL_ATTEMPTS = (1 << 31) - 1
"""Of an origin that nobody here knows."""

_FORM = re.compile(r"(?P<run>.+)\?(?P<metric>[^?=]+)=(?P<value>[^=]*)", re.DOTALL)


class Branch(NamedTuple):
    """Where a run goes on from."""

    run_id: str
    step: int


def read_branch(what: str, text: str | None) -> Branch | None:
    """The branch of ``"RUN?_step=N"``. Raises UsageError for anything else."""
    if text is None:
        return None
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise UsageError(f'{what} must be like "RUN?_step=N", not {text!r:.200}')
    if found["metric"] != "_step":
        raise UsageError(f"{what} goes by _step alone, not by {found['metric']!r:.100}")
    problem = names.run_id_problem(found["run"])
    if problem is not None:
        raise UsageError(f"{what}: {problem}")
    value = found["value"]
    if not (value.isascii() and value.isdecimal() and len(value) < 19):
        raise UsageError(f"{what}: the step must be a whole number from 0 on, not {value!r:.100}")
    return Branch(found["run"], int(value))


def fork(lane: Lane, origin: tuple[str, str, str], branch: Branch, past: Past | None) -> None:
    """Says what the run was forked from, and repeats what was said of its metrics and set in its summary."""
    entity, project, run_id = origin
    told = {} if past is None else _told(past)
    lane.put_event(
        "run_forked",
        {
            "origin": {"entity": entity, "project": project, "run_id": run_id},
            "step": branch.step,
            "attempts": ALL_ATTEMPTS if past is None else past.attempts,
            "past_json": json_bytes(told).decode(),
        },
    )
    if past is None:
        return
    for metric in past.writes.rules().metrics:
        said = {field: value for field, value in metric.view().items() if value}
        lane.put_event("metric_defined", said)
    by_hand = {path: value for path, value in past.summary.items() if path not in told["statistics"]}
    if by_hand:
        lane.set_summary(by_hand, [])


def rewind(lane: Lane, branch: Branch, past: Past) -> None:
    """Says that rows after the step count no more."""
    lane.put_event("run_rewound", {"step": branch.step, "past_json": json_bytes(_told(past)).decode()})


def _told(past: Past) -> dict[str, Any]:
    """The past as ``runwell.core.pasts`` reads it."""
    every = MetricWrites()
    every.define("*", {"summary": ["min", "max", "mean", "first"]}, (0, 0.0, "", 0), overwrite=False)
    rules = every.rules()
    parts = past.earlier().look(rules)
    statistics: dict[str, Any] = {}
    room = PAST_BYTES_MAX
    for path in dict.fromkeys(path for part in parts for path in part):
        found = _combined(parts, path, past.summary.get(path))
        room -= len(json_bytes({path: found}))
        if room < 0:
            _messages.warn("the run has too many metrics to go on with the statistics of all: some begin anew")
            break
        statistics[path] = found
    return {"statistics": statistics, **({"last_row": past.last_row} if past.last_row else {})}


def _combined(parts: Sequence[Mapping[str, Known]], path: str, last: Any) -> Mapping[str, Any]:
    """What the fold of a fork takes for a key."""
    known = [part[path] for part in parts if path in part]
    first = next((found.first for found in known if found.first is not None), last)
    return Statistics(parts, MetricWrites().rules()).numbers(path).view() | {"first": first, "last": last}
