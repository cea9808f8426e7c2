"""What config keys have to do with a result, over many runs.

*Importance* is the effect size of the Kruskal-Wallis test, eta squared of H (Tomczak and Tomczak, 2014, "The need to report
effect size estimates revisited"): the share of the result's ranks that the groups of one key's values explain, less what
chance would. Numbers with many values are grouped into equally large bins. Ranks, so that a loss of 1e30 of a run that
diverged is no more than the worst one. *Correlation* is Spearman's, for keys whose values are numbers. Either looks at one
key at a time; what only two keys together decide is not seen.
"""

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runwell.core import filters
from runwell_projector.codecs import Array
from runwell_projector.table import plain_value

METHOD = "Kruskal-Wallis eta squared"

RUNS_MAX = 3_000
"""Of more runs the first are taken: half a second for 100 keys."""

GROUPS_MAX = 8
"""Bins of a number; a key whose texts are more different than every second run says nothing."""


def read_importance(
    connection: sqlite3.Connection,
    numbers: Sequence[tuple[int]],
    target: filters.Field,
    parameters: Sequence[filters.Field],
) -> dict[str, Any]:
    """``{"method", "runs", "parameters": [{"field", "importance", "correlation"}]}`` of the runs with a number as target.

    Importances add up to 1 unless all are 0; the greatest comes first. ``parameters`` are config keys; none means all that
    differ between runs. A correlation is None where a value is no number.
    """
    section = '"' + target.section + '"'
    results: list[float] = []
    configs: list[Mapping[str, Any]] = []
    for number in numbers:
        found, config = connection.execute(f"SELECT {section}, config FROM run WHERE number = ?", number).fetchone()
        result = plain_value(json.loads(found).get(target.key)) if target.key else found
        if isinstance(result, int | float) and not isinstance(result, bool) and math.isfinite(result):
            results.append(float(result))
            configs.append(json.loads(config))
    keys = [field.key for field in parameters] or sorted({key for config in configs for key in config})
    ranks = ranked(np.asarray(results))
    told = [_parameter(key, [plain_value(config.get(key)) for config in configs], ranks) for key in keys]
    found = [parameter for parameter in told if parameter is not None]
    total = math.fsum(parameter["importance"] for parameter in found) or 1.0
    for parameter in found:
        parameter["importance"] /= total
    found.sort(key=lambda parameter: (-parameter["importance"], parameter["field"]))
    return {"method": METHOD, "runs": len(results), "parameters": found}


def _parameter(key: str, values: Sequence[Any], ranks: Array) -> dict[str, Any] | None:
    """One key's importance; None where all runs have the same value."""
    numeric = all(isinstance(value, int | float) and math.isfinite(value) for value in values)
    if numeric and values:
        own = ranked(np.asarray(values, np.float64))
        groups = own if len(np.unique(own)) <= GROUPS_MAX else np.ceil(own * GROUPS_MAX / len(own))
    else:
        own = None
        groups = np.unique([json.dumps(value) for value in values], return_inverse=True)[1] if values else np.empty(0)
    if len(np.unique(groups)) < 2:
        return None
    correlation = None if own is None or len(np.unique(ranks)) < 2 else float(np.corrcoef(own, ranks)[0, 1])
    field = str(filters.Field("config", key))
    return {"field": field, "importance": eta_squared(groups, ranks), "correlation": correlation}


def ranked(values: Array) -> Array:
    """Ranks from 1 on; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Array = (last - (counts - 1) / 2)[places]
    return ranks


def eta_squared(groups: Array, ranks: Array) -> float:
    """(H - k + 1) / (n - k), H corrected for ties, not less than 0; 0 where there are hardly more runs than groups."""
    _, places, counts = np.unique(groups, return_inverse=True, return_counts=True)
    runs, kinds = len(ranks), len(counts)
    spread = float(np.sum((ranks - ranks.mean()) ** 2))
    if runs <= 2 * kinds or spread == 0:
        return 0.0
    means = np.bincount(places, ranks) / counts
    h = (runs - 1) * float(np.sum(counts * (means - ranks.mean()) ** 2)) / spread
    return max(0.0, (h - kinds + 1) / (runs - kinds))
