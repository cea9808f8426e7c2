"""``runwell.Histogram``."""

import math
from collections.abc import Sequence
from typing import Any

from runwell.media.figures import is_tensor
from runwell.media.libraries import optional
from runwell.media.pixels import tensor_array
from runwell.media.values import Inline

BINS_MAX = 512
BINS = 64


class Histogram(Inline):
    """How often which values occurred: of a sequence of numbers, or what ``numpy.histogram`` returned.

    NaN and infinities are left out of a sequence. Raises ValueError when nothing is left, or for more than 512 bins.
    """

    def __init__(
        self,
        sequence: Any = None,
        np_histogram: tuple[Sequence[Any], Sequence[Any]] | None = None,
        num_bins: int = BINS,
    ) -> None:
        if np_histogram is not None:
            if len(np_histogram) != 2:
                raise ValueError(
                    "Expected np_histogram to be a tuple of (values, bin_edges) or sequence to be specified"
                )
            counts, edges = map(_listed, np_histogram)
        elif sequence is None:
            raise ValueError("a histogram needs a sequence of numbers, or np_histogram")
        elif num_bins > BINS_MAX:
            raise ValueError(f"The maximum length of a histogram is {BINS_MAX}")
        else:
            counts, edges = histogram_of(sequence, num_bins)
        if len(counts) > BINS_MAX:
            raise ValueError(f"The maximum length of a histogram is {BINS_MAX}")
        if len(counts) + 1 != len(edges):
            raise ValueError("len(bins) must be len(histogram) + 1")
        self.histogram: list[Any] = counts
        self.bins: list[Any] = edges

    def to_json(self) -> dict[str, Any]:
        return {"_type": "histogram", "values": self.histogram, "bins": self.bins}


def _listed(values: Any) -> list[Any]:
    return values.tolist() if hasattr(values, "tolist") else list(values)


def histogram_of(sequence: Any, bins: int) -> tuple[list[int], list[float]]:
    """Counts and edges, by the rules of ``numpy.histogram``. Raises ValueError without a finite number."""
    np = optional("numpy")
    if np is None:
        return plain_histogram(sequence, bins)
    array = tensor_array(sequence) if is_tensor(sequence) else np.asarray(sequence)
    if array.dtype.kind not in "buif":
        raise TypeError(f"a histogram needs numbers, not {array.dtype}")
    array = array.astype(np.float64).ravel() if array.dtype.kind == "f" else array.ravel().astype(np.int64)
    if array.dtype.kind == "f":
        array = array[np.isfinite(array)]
    if not array.size:
        raise ValueError("a histogram needs at least one finite number")
    with np.errstate(all="ignore"):
        counts, edges = np.histogram(array, bins=bins)
    return counts.tolist(), edges.tolist()


def plain_histogram(sequence: Sequence[Any], bins: int) -> tuple[list[int], list[float]]:
    """The same for who has no numpy."""
    numbers = [float(number) for number in sequence if math.isfinite(number)]
    if not numbers:
        raise ValueError("a histogram needs at least one finite number")
    low, high = min(numbers), max(numbers)
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / bins
    edges = [low + width * place for place in range(bins)] + [high]
    counts = [0] * bins
    for number in numbers:
        counts[min(int((number - low) / (high - low) * bins), bins - 1)] += 1
    return counts, edges
