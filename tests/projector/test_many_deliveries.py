"""Many writers through the real projector: the views do not depend on the order of delivery."""

from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings

from runwell_collector.log import StoredBatch
from runwell_projector.dump import dump_lines
from runwell_projector.projection import Projection
from runwell_projector.schema import create_views
from tests.core.run_streams import deliveries, runs
from tests.core.test_fold import SEEDS
from tests.projector.stored import stored


def dumped(path: Path, batches: list[StoredBatch], chance: Random) -> list[str]:
    """All views of the batches, given in transactions of random sizes to projectors that forget what they can."""
    with closing(create_views(path)) as connection:
        projection = Projection(connection, cache_bytes_max=chance.choice([0, 1 << 20]))
        projection.begin_log("log-1")
        done = 0
        while done < len(batches):
            size = chance.randint(1, 4)
            projection.apply(batches[done : done + size])
            done += size
        return list(dump_lines(connection))


@given(seed=SEEDS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_views_do_not_depend_on_the_order_of_delivery(tmp_path_factory: pytest.TempPathFactory, seed: int):
    """Several orders of the same batches, each in transactions of other sizes, leave the same canonical dump."""
    chance = Random(seed)
    run = runs(chance)
    directory = tmp_path_factory.mktemp("views")
    one_by_one = [[batch for batches in order for batch in batches] for order in (run, run[::-1])]
    orders = [*one_by_one, *(deliveries(chance, run) for _ in range(3))]
    found = [dumped(directory / f"{number}.db", stored(order), chance) for number, order in enumerate(orders)]
    assert all(lines == found[0] for lines in found)
