"""What is known of a run before this attempt of it: from local spools, and from the server when resume needs its word."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from runwell._disk import percent_quoted
from runwell._messages import warn
from runwell._metrics import Known
from runwell._past import Past, read_local
from runwell.core import keys
from runwell.core.keys import ROW_FIELDS
from runwell.core.metrics import SUMMARIES, MetricRules, MetricWrites
from runwell.core.numbers import Numbers
from runwell.core.stamps import Stamp
from runwell.errors import ServerUnreachableError, UsageError

SERVER_TIMEOUT_S = 2.0
PAST_TIMEOUT_S = 30.0
ANSWER_BYTES_MAX = 256 << 20
Resume = Literal["must", "allow", "never"]

BEFORE_LOCAL: Stamp = (0, 0.0, "", 0)
"""After the definitions that the server tells of, before all that spools do."""


def find_past(
    run: tuple[str, str, str],
    spool_root: Path,
    resume: Resume | None,
    base_url: str | None,
    *,
    offline: bool,
    upto: int | None = None,
) -> Past | None:
    """The run's past; None when there is none, or nobody who could be asked knows of it. With ``upto`` that of the rows up
    to that step.

    Raises UsageError when ``resume`` forbids to go on, and ServerUnreachableError when must or never cannot be decided.
    """
    stored = None
    if resume is not None and not offline:
        try:
            if base_url is None:
                raise ServerUnreachableError("no server is known: set RUNWELL_BASE_URL, or start one with `runwell up`")
            stored = ask_server(run, base_url, upto)
        except ServerUnreachableError as error:
            if resume != "allow":
                raise ServerUnreachableError(
                    f"resume={resume!r} needs the server's word: {error}. Or use mode='offline', where local spools decide"
                ) from None
            warn(f"{error}; whether the run exists is decided by local spools")
    local = read_local(run, spool_root, () if stored is None else stored.rewinds, upto)
    past = local if stored is None else stored if local is None else stored.join(local)
    if resume == "must" and past is None:
        raise UsageError(f"resume='must', and there is no run {'/'.join(run)}: check the id, or use resume='allow'")
    if resume == "never" and past is not None:
        raise UsageError(
            f"resume='never', and the run {'/'.join(run)} exists: choose another id, or use resume='allow'"
        )
    return past


def ask_server(run: tuple[str, str, str], base_url: str, upto: int | None = None) -> Past | None:
    """The run as the server has it; None when it has none. Raises ServerUnreachableError after 2 s at most, or 30 with
    ``upto``, for which the server reads rows.
    """
    import http.client
    from urllib.parse import urlsplit

    address = urlsplit(base_url)
    secure = address.scheme == "https"
    path = "/".join(percent_quoted(part) for part in run)
    query = "consistent=0&statistics=1" if upto is None else f"statistics=1&upto={upto}"
    try:
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        timeout_s = SERVER_TIMEOUT_S if upto is None else PAST_TIMEOUT_S
        connection = connect(address.hostname or "", address.port, timeout=timeout_s)
        try:
            connection.request("GET", f"{address.path.rstrip('/')}/api/v1/runs/{path}?{query}")
            answer = connection.getresponse()
            body = answer.read(ANSWER_BYTES_MAX)
        finally:
            connection.close()
        if answer.status == http.client.NOT_FOUND:
            return None
        if answer.status != http.client.OK:
            raise ServerUnreachableError(f"the server at {base_url} answered {answer.status} {answer.reason}")
        return _past_of_view(json.loads(body), upto)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServerUnreachableError(f"the server at {base_url} gave no usable answer ({error!r:.200})") from None


def _past_of_view(view: Mapping[str, Any], upto: int | None) -> Past:
    writers = frozenset(str(writer["writer"]) for writer in view["writers"])
    own = {key: value for key, value in view["summary"].items() if key not in ROW_FIELDS}
    summary = dict(_leaves(own))
    writes = MetricWrites()
    writes.define_as_seen(view.get("metrics", ()))
    if upto is None:
        known, by_hand = _known(view.get("statistics", {}), writes.rules(), summary)
    else:
        known, by_hand = _known(view["statistics"], MetricRules(()), {})
        summary = _summary_upto(view, summary)
    row = {key: view["summary"].get(key) for key in ROW_FIELDS} if upto is None else view.get("last_row")
    step = view["last_step"] if upto is None else (row or {}).get("_step")
    fields = {name: view[name] for name in ("name", "group", "job_type", "notes") if view.get(name)}
    return Past(
        int(view["attempts"]),
        None if step is None else int(step),
        writers,
        dict(view["config"]),
        summary,
        {**fields, "tags": tuple(view.get("tags", ()))},
        writes,
        by_hand,
        known,
        {writer: int(position) for writer, position in view.get("positions", {}).items()},
        created_at=view.get("created_at"),
        duration_s=float(view.get("duration_s", 0.0)),
        rewinds=tuple((int(attempt), int(step)) for attempt, step in view.get("rewinds", ())),
        last_row=row if row and None not in row.values() else None,
    )


def _summary_upto(view: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
    """Last values of the rows up to a step, and what was set by hand for keys that were never in a row."""
    statistics = view["statistics"]
    logged = set(view["logged"])
    by_hand = {path: value for path, value in summary.items() if logged.isdisjoint((path, *keys.above(path)))}
    return {**by_hand, **{path: found["last"] for path, found in statistics.items()}}


def _known(
    statistics: Mapping[str, Mapping[str, Any]], rules: MetricRules, summary: dict[str, Any]
) -> tuple[dict[str, Known], dict[str, Stamp]]:
    """Statistics by path, and the summary values that were set by hand where statistics were asked for.

    In ``summary`` the last value takes the place of what definitions made of it.
    """
    known, by_hand = {}, {}
    for path, found in statistics.items():
        metric = rules.of(keys.shown(path))
        best = None
        if metric is not None and metric.summarises:
            if path in summary:
                by_hand[path] = BEFORE_LOCAL
            else:
                derived = {kind: summary.pop(path + keys.PATH_SEPARATOR + kind, None) for kind in SUMMARIES}
                best = derived["best"]
                summary[path] = found["last"]
        known[path] = Known(Numbers.of_view(found), found["first"], best)
    return known, by_hand


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and "_type" not in value:
            yield from _leaves(value, f"{prefix}{key}{keys.PATH_SEPARATOR}")
        else:
            yield prefix + key, value
