"""A fold as people see it."""

from math import inf
from typing import TYPE_CHECKING, Any

from runwell.core.keys import PATH_SEPARATOR, nested, shown
from runwell.core.lanes import Lane, LaneHead
from runwell.core.metrics import MetricRules
from runwell.core.numbers import Numbers
from runwell.core.pasts import last_row, past_lane
from runwell.core.stamps import EARLIEST, Stamp
from runwell.core.summary import SummarySets, live_values
from runwell.core.tracks import KeyTrack

if TYPE_CHECKING:
    from runwell.core.fold import RunFold

PROCESS_DEFAULTS: dict[str, Any] = {"host": "", "user": "", "command": [], "program": "", "python_version": ""}


def run_view(fold: "RunFold") -> dict[str, Any]:
    """The run's view: plain JSON values, NaN and infinities included."""
    return {**run_head(fold), "summary": summary(fold)}


def run_head(fold: "RunFold") -> dict[str, Any]:
    """The run's view without the summary."""
    lanes = shown_lanes(fold)
    state, exit_code = run_state(lanes)
    spans = attempt_spans(lanes)
    rules = fold.metrics.rules()
    sweep, trial = fold.field("sweep", ["", None])
    return {
        **fold.run._asdict(),
        "name": fold.field("name", "") or fold.run.run_id,
        "group": fold.field("group", ""),
        "job_type": fold.field("job_type", ""),
        "notes": fold.field("notes", ""),
        "tags": fold.field("tags", []),
        "sweep": sweep,
        "trial": trial,
        "state": state,
        "exit_code": exit_code,
        "created_at": min((start for start, _ in spans.values()), default=fold.updated_at),
        "updated_at": fold.updated_at,
        "duration_s": sum(end - start for start, end in spans.values()),
        **(PROCESS_DEFAULTS | fold.field("process", {})),
        "git": fold.field("git", None),
        "forked_from": fold.field("forked_from", None),
        "attempts": max((lane.attempt for lane in lanes), default=1),
        "last_step": last_step(fold, lanes),
        "rewinds": [list(rewind) for rewind in fold.rewinds],
        "config": config(fold),
        "metrics": rules.view(),
        "deleted": fold.field("deleted", False),
        "edited_at": fold.edited.at,
        "records": record_counts(lanes),
        "writers": [writer_view(lane) for lane in lanes],
    }


def config(fold: "RunFold") -> dict[str, Any]:
    """The configuration by key."""
    writes = {key: write for key, (_, write) in fold.config.items()} | fold.edited.config
    return {key: write[0] for key, write in sorted(writes.items()) if write is not None}


def shown_lanes(fold: "RunFold") -> list[Lane]:
    """Those of processes, in the order of what counts."""
    lanes = sorted(fold.lanes.values(), key=lambda lane: (lane.attempt, lane.writer))
    return [lane for lane in lanes if not lane.is_editor]


def run_state(lanes: list[Lane]) -> tuple[str, int | None]:
    """State and exit code: what the processes that called init() for the latest attempt say.

    Writers that were attached to it speak only when none of those is known.
    """
    for kinds in (("started", "resumed"), ("attached",), ("",)):
        speakers = [
            lane
            for lane in lanes
            if lane.kind in kinds and (lane.kind or lane.last_record or lane.exit_code is not None)
        ]
        if speakers:
            break
    latest = [lane for lane in speakers if lane.attempt == max(lane.attempt for lane in speakers)]
    finished = [lane for lane in latest if lane.state == "finished"]
    if any(lane.state == "running" for lane in latest):
        return "running", None
    preempted = any(lane.preempting for lane in latest)
    if not finished:
        return "preempted" if preempted else "crashed", None
    exit_code = max(finished, key=lambda lane: (lane.clock, lane.writer)).exit_code
    if not exit_code:
        return "finished", exit_code
    return "preempted" if preempted else "failed", exit_code


def attempt_spans(lanes: list[Lane]) -> dict[int, tuple[float, float]]:
    """Start and end of each attempt so far, unix seconds."""
    spans: dict[int, tuple[float, float]] = {}
    for lane in lanes:
        if lane.started_at is not None and not lane.is_editor:
            start, end = spans.get(lane.attempt, (inf, -inf))
            spans[lane.attempt] = (min(start, lane.started_at), max(end, lane.clock))
    return spans


def lane_heads(fold: "RunFold") -> list[LaneHead]:
    """Each lane's attempt, zero of ``_runtime``, and the step after which it is hidden."""
    spans = attempt_spans(list(fold.lanes.values()))
    zeros, before_s = {}, 0.0
    for attempt, (start, end) in sorted(spans.items()):
        zeros[attempt] = start - before_s
        before_s += end - start
    return [
        LaneHead(lane.writer, lane.attempt, zeros.get(lane.attempt, 0.0), hidden_after(fold, lane.attempt))
        for lane in fold.lanes.values()
    ]


def hidden_after(fold: "RunFold", attempt: int) -> int | None:
    """The least step that a later attempt rewound to."""
    return min((step for later, step in fold.rewinds if later > attempt), default=None)


def last_step(fold: "RunFold", lanes: list[Lane]) -> int | None:
    """The greatest step that is shown."""
    steps = []
    for lane in lanes:
        if lane.step_max is not None:
            hidden = hidden_after(fold, lane.attempt)
            steps.append(lane.step_max if hidden is None else min(lane.step_max, hidden))
    forked = last_row(fold.pasts[1][1]) if 1 in fold.pasts else None
    if forked is not None:
        hidden = hidden_after(fold, 0)
        steps.append(forked["_step"] if hidden is None else min(forked["_step"], hidden))
    return max(steps, default=None)


def counted_lanes(fold: "RunFold", lanes: list[Lane]) -> list[Lane]:
    """The lanes that values and statistics come from: where a later attempt forked or rewound, what it was told of those
    before it stands for them.
    """
    if not fold.pasts:
        return lanes
    latest = max(fold.pasts)
    return [past_lane(fold.pasts[latest][1], latest - 1), *(lane for lane in lanes if lane.attempt >= latest)]


def last_value(fold: "RunFold", key: str) -> Any:
    """The value that was logged or set last in a run without a past or changes by people; None where that was removed since."""
    found = fold.summary.values.get(key, (EARLIEST, None))
    for lane in fold.lanes.values():
        track = lane.tracks.get(key)
        if track is not None and track.last_record:
            stamp = lane.stamp(track.last_time, track.last_record)
            if stamp > found[0]:
                found = stamp, track.last
    return None if fold.summary.removed.get(key, EARLIEST) > found[0] else found[1]


def summary(fold: "RunFold") -> dict[str, Any]:
    """Last values, what definitions ask for instead, and explicit sets by stamp, nested; and the last row's step and times."""
    said = fold.edited.over(fold.summary)
    written: dict[str, tuple[Stamp, Any]] = dict(said.values)
    lanes, rules = counted_lanes(fold, shown_lanes(fold)), fold.metrics.rules()
    for lane in lanes:
        for key, track in lane.tracks.items():
            if track.last_record:
                stamp = lane.stamp(track.last_time, track.last_record)
                if key not in written or stamp > written[key][0]:
                    written[key] = (stamp, track.last)
    values = live_values(written, said.removed)
    if rules.summarise:
        _summarise(said, lanes, rules, values)
    return nested(dict(sorted(values.items()))) | _last_row(fold, lanes)


def _summarise(said: SummarySets, lanes: list[Lane], rules: MetricRules, values: dict[str, Any]) -> None:
    """Puts what definitions ask for in the place of last values."""
    by_key = tracks_by_key(lanes)
    for key, tracks in by_key.items():
        metric = rules.of(shown(key))
        if key not in values or metric is None or not metric.summarises:
            continue
        stamps = (lane.stamp(track.last_time, track.last_record) for lane, track in tracks if track.last_record)
        logged = max(stamps, default=EARLIEST)
        set_at = said.values.get(key, (EARLIEST,))[0]
        by_hand = max(set_at, said.removed.get(key, EARLIEST))
        if set_at > logged or by_hand > metric.summarised_at:
            continue
        del values[key]
        numbers, first, last = combined(tracks)
        if metric.is_paired and metric.at != shown(key):
            best = _best_at(key, metric.at, rules.minimises(metric), by_key)
        else:
            best = numbers.min if rules.minimises(metric) else numbers.max
        for kind, value in metric.values(numbers, best, first, last).items():
            values[key + PATH_SEPARATOR + kind] = value


def _best_at(key: str, at: str | None, minimises: bool, by_key: dict[str, list[tuple[Lane, KeyTrack]]]) -> Any:
    """The value that a lane had where the deciding metric was best of all; None when no lane was asked by then."""
    for other, tracks in by_key.items():
        if shown(other) != at:
            continue
        numbers, _, _ = combined(tracks)
        best = numbers.min if minimises else numbers.max
        pairs = [(lane, lane.pairs[key]) for lane, _ in tracks if key in lane.pairs]
        outcomes = [(lane, pair.outcome()) for lane, pair in pairs if (pair.at, pair.minimises) == (at, minimises)]
        found = [(lane, outcome) for lane, outcome in outcomes if outcome.best == best and outcome.value is not None]
        if found:
            return min(found, key=lambda pair: (pair[0].attempt, pair[1].record, pair[0].writer))[1].value
    return None


def row_fields(fold: "RunFold") -> dict[str, Any]:
    """The last row's step and times, as a run without a past has them."""
    return _last_row(fold, shown_lanes(fold))


def _last_row(fold: "RunFold", lanes: list[Lane]) -> dict[str, Any]:
    rows = [lane for lane in lanes if lane.last_record]
    if not rows:
        return {}
    last = max(rows, key=lambda lane: lane.stamp(lane.last_row_time_stamp, lane.last_record))
    if not last.writer:
        return last_row(fold.pasts[last.attempt + 1][1]) or {}
    zero = next(head.zero_time for head in lane_heads(fold) if head.writer == last.writer)
    return {"_step": last.last_step, "_timestamp": last.last_row_time, "_runtime": last.last_row_time - zero}


def record_counts(lanes: list[Lane]) -> dict[str, int]:
    """How complete the run is. Expected are the records that are known to exist; dropped ones never got a number."""
    lost, refused = sum(lane.lost for lane in lanes), sum(lane.refused for lane in lanes)
    return {
        "stored": sum(lane.position for lane in lanes) - lost - refused,
        "expected": sum(max(lane.position, lane.announced) for lane in lanes),
        "masked": sum(lane.masked for lane in lanes),
        "refused": refused,
        "dropped": sum(lane.dropped for lane in lanes),
        "lost": lost,
        "unreadable": sum(lane.unreadable for lane in lanes),
        "unindexed": sum(lane.unindexed for lane in lanes),
    }


def writer_view(lane: Lane) -> dict[str, Any]:
    """One writer: its state is "running", "finished", "failed", "ended" (without a word) or "silent"."""
    return {
        "writer": lane.writer,
        "attempt": lane.attempt,
        "host": lane.host,
        "pid": lane.pid,
        "stored": lane.position - lane.lost - lane.refused,
        "state": "failed" if lane.state == "finished" and lane.exit_code else lane.state,
    }


def statistics(fold: "RunFold") -> dict[str, dict[str, Any]]:
    """Of each key: ``Numbers.view()``, and its first and last value.

    From these every summary that define_metric can ask for is derived at read time.
    """
    lanes = counted_lanes(fold, sorted(fold.lanes.values(), key=lambda lane: (lane.attempt, lane.writer)))
    found = {}
    for key, tracks in sorted(tracks_by_key(lanes).items()):
        numbers, first, last = combined(tracks)
        found[key] = numbers.view() | {"first": first, "last": last}
    return found


def tracks_by_key(lanes: list[Lane]) -> dict[str, list[tuple[Lane, KeyTrack]]]:
    """The tracks of each key, in the order of the lanes."""
    by_key: dict[str, list[tuple[Lane, KeyTrack]]] = {}
    for lane in lanes:
        for key, track in lane.tracks.items():
            by_key.setdefault(key, []).append((lane, track))
    return by_key


def combined(tracks: list[tuple[Lane, KeyTrack]]) -> tuple[Numbers, Any, Any]:
    """The numbers, the first and the last value of several lanes; in their order, since sums of floats depend on it."""
    numbers = Numbers()
    for _, track in tracks:
        numbers.add(track.counted)
    written = [(lane, track) for lane, track in tracks if track.last_record]
    _, first = min(
        written, key=lambda pair: pair[0].stamp(pair[1].first_time, pair[1].first_record), default=(None, KeyTrack())
    )
    _, last = max(
        written, key=lambda pair: pair[0].stamp(pair[1].last_time, pair[1].last_record), default=(None, KeyTrack())
    )
    return numbers, first.first, last.last
