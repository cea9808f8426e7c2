"""Curves that say how well a score tells two classes apart (T. Fawcett, An introduction to ROC analysis, 2006)."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate


def _counts(truths: Sequence[bool], scores: Sequence[float]) -> tuple[list[int], list[int]]:
    """True and false positives at each distinct score as threshold, the greatest first."""
    order = sorted(range(len(scores)), key=lambda row: -scores[row])
    ends = [
        place for place, row in enumerate(order) if place + 1 == len(order) or scores[order[place + 1]] != scores[row]
    ]
    positives = list(accumulate(int(truths[row]) for row in order))
    return [positives[end] for end in ends], [end + 1 - positives[end] for end in ends]


def precision_recall(truths: Sequence[bool], scores: Sequence[float], points: int) -> list[tuple[float, float]]:
    """(precision, recall) at even recalls from 1 to 0: the best precision with at least that recall."""
    hits, misses = _counts(truths, scores)
    total = hits[-1] if hits else 0
    recalls = [0.0, *(hit / total if total else 1.0 for hit in hits)]
    precisions = [1.0, *(hit / (hit + miss) for hit, miss in zip(hits, misses, strict=True))]
    # From the least threshold on, no precision is less than one before.
    best = list(accumulate(reversed(precisions), max))[::-1]
    wanted = [1 - place / (points - 1) for place in range(points)] if points > 1 else [1.0]
    return [(best[min(bisect_left(recalls, recall), len(best) - 1)], recall) for recall in wanted]


def roc(truths: Sequence[bool], scores: Sequence[float]) -> list[tuple[float, float]]:
    """(false, true positive rate) from (0, 0) to (1, 1), without the points that lie on a line between their neighbours."""
    hits, misses = _counts(truths, scores)
    points = list(zip(misses, hits, strict=True))
    kept = [point for place, point in enumerate(points) if place in (0, len(points) - 1) or _bends(points, place)]
    all_misses, all_hits = (points[-1][0] or 1, points[-1][1] or 1) if points else (1, 1)
    return [(0.0, 0.0), *((miss / all_misses, hit / all_hits) for miss, hit in kept)]


def _bends(points: Sequence[tuple[int, int]], place: int) -> bool:
    before, here, after = points[place - 1 : place + 2]
    return any(after[axis] - here[axis] != here[axis] - before[axis] for axis in (0, 1))
