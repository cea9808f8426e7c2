"""Media of runs: which there are, their values over the steps, and histograms as columns for a heat map."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runwell.core.history import Selection
from runwell.core.keys import shown
from runwell.core.media import media_type
from runwell_projector.states import read_fold

RunName = tuple[str, str, str]

HISTOGRAM_PARTS = ("values", "bins", "packedBins")


@dataclass(frozen=True, slots=True)
class Sampled:
    """Values of one key of one run, by step."""

    steps: list[int]
    times: list[float]
    runtimes: list[float]
    values: list[Any]


def read_media_keys(connection: sqlite3.Connection, run: RunName) -> list[dict[str, Any]]:
    """``{"key", "type", "step"}`` of each key whose last value is no plain number or text; the last step, the type of it.

    A table that is drawn as a chart also has "chart", which says how.
    """
    found = connection.execute("SELECT number FROM run WHERE entity = ? AND project = ? AND run_id = ?", run).fetchone()
    if found is None:
        return []
    fold, _ = read_fold(connection, found[0], run)
    last: dict[str, tuple[Any, Any]] = {}
    for lane in fold.lanes.values():
        for path, track in lane.tracks.items():
            stamp = lane.stamp(track.last_time, track.last_record)
            if track.last_record and (path not in last or stamp > last[path][0]):
                last[path] = stamp, track
    media = []
    for path, (_, track) in sorted(last.items()):
        kind = media_type(track.last)
        if kind is not None:
            entry = {"key": shown(path), "type": kind, "step": track.last_step}
            chart = track.last.get("chart") if isinstance(track.last, dict) else None
            media.append(entry if chart is None else entry | {"chart": chart})
    return media


def selection_of(key: str, min_step: int | None, max_step: int | None) -> Selection:
    """The rows that have the key; ``max_step`` is exclusive."""
    return Selection(keys=frozenset({key}), min_step=min_step, max_step=max_step)


def histogram_columns(sampled: Sampled, bins: int) -> dict[str, Any]:
    """``{"steps", "times", "runtimes", "edges", "counts"}``: the histograms at these steps, all in the same bins.

    ``edges`` are those of all ``bins``, from the least to the greatest value of any step; ``counts`` has a list for each
    step. What a histogram has in a bin is shared among the new ones by how much of it they cover.
    """
    read = [(place, *_edges(value)) for place, value in enumerate(sampled.values) if _is_histogram(value)]
    read = [(place, edges, counts) for place, edges, counts in read if len(edges) > 1 and np.isfinite(edges).all()]
    places = [place for place, _, _ in read]
    edges = np.empty(0)
    counts = []
    if read:
        low, high = min(edges[0] for _, edges, _ in read), max(edges[-1] for _, edges, _ in read)
        edges = np.linspace(low, high if high > low else low + 1.0, bins + 1)
        counts = [_shared(old, found, edges) for _, old, found in read]
    return {
        "steps": [sampled.steps[place] for place in places],
        "times": [sampled.times[place] for place in places],
        "runtimes": [sampled.runtimes[place] for place in places],
        "edges": edges.tolist(),
        "counts": [column.tolist() for column in counts],
    }


def _is_histogram(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("_type") == "histogram" and isinstance(value.get("values"), list)


def _edges(value: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Edges and counts; none when they do not go together."""
    counts = np.asarray(value["values"], np.float64)
    packed = value.get("packedBins")
    if isinstance(packed, Mapping):
        edges = packed["min"] + packed["size"] * np.arange(len(counts) + 1, dtype=np.float64)
    else:
        edges = np.asarray(value.get("bins", ()), np.float64)
    return (edges, counts) if len(edges) == len(counts) + 1 else (np.empty(0), counts)


def _shared(old: np.ndarray, counts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Counts in new bins. All of a constant's one bin, which has no width, goes into the one that it is in."""
    if old[-1] <= old[0]:
        shared = np.zeros(len(edges) - 1)
        shared[min(int(np.searchsorted(edges, old[0], "right")) - 1, len(shared) - 1)] = counts.sum()
        return shared
    below = np.concatenate([[0.0], np.cumsum(counts)])
    found: np.ndarray = np.diff(np.interp(edges, old, below))
    return found


def sampled_values(tables: Sequence[Any], key: str) -> Sampled:
    """The values of a key out of row tables."""
    found = Sampled([], [], [], [])
    for table in tables:
        if key not in table.columns:
            continue
        rows, values = table.columns[key]
        found.steps.extend(table.steps[rows].tolist())
        found.times.extend(table.times[rows].tolist())
        found.runtimes.extend(table.runtimes[rows].tolist())
        found.values.extend(values.objects())
    return found
