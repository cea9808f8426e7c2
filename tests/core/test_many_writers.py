"""Several processes write one run at once, aware of each other or not: one view, in every order of delivery."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import given, settings

from runwell.core.fold import RunFold
from runwell.v1 import event_pb2
from tests.core.run_streams import RUN, Batch, runs
from tests.core.test_fold import SEEDS, folded, text

ORDERS_MAX = 60


def orders(waiting: list[list[Batch]]) -> Iterator[list[Batch]]:
    """Every interleaving that keeps the order of each writer's own batches, as a log does."""
    if not any(waiting):
        yield []
    for place, batches in enumerate(waiting):
        if batches:
            rest = [*waiting[:place], batches[1:], *waiting[place + 1 :]]
            for tail in orders(rest):
                yield [batches[0], *tail]


def stored_between(batches: list[Batch]) -> RunFold:
    """The fold when it is written down and read again after each batch."""
    fold = RunFold(RUN)
    for batch in batches:
        fold.apply(batch.writer, batch.first, batch.count, batch.received_at, batch.copies())
        fold = RunFold.from_state(RUN, json.loads(json.dumps(fold.to_state())))
    return fold


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_every_order_of_delivery_gives_one_view(seed: int):
    """Not two orders drawn by chance but all of them (the first 60 of a run that has more), also with the state stored
    after each batch: equal views and statistics."""
    chance = Random(seed)
    run = [batches[:3] for batches in runs(chance)]
    chance.shuffle(run)
    found = set()
    for number, order in enumerate(orders(run)):
        if number == ORDERS_MAX:
            break
        fold = stored_between(order) if number % 3 == 0 else folded(order)
        found.add(text([fold.view(), fold.statistics()]))
    assert len(found) == 1


def first_init(writer: int, time: float, **said: Any) -> list[Batch]:
    """What a machine sends that believes to be the first: name and config, rows of steps 0 and 1, and its end."""
    start, config, rows, finish = (event_pb2.Event(time=time + after) for after in range(4))
    start.run_started.fields.name = said["name"]
    config.config_set.set_json = json.dumps(said["config"])
    rows.metric_logged.rows = 2
    rows.metric_logged.steps.extend([0, 1])
    rows.metric_logged.times.extend([time + 2, time + 2.5])
    rows.metric_logged.columns.add(key="loss").f64.values.extend(said["losses"])
    finish.run_finished.exit_code = said["exit_code"]
    events = [start, config, rows, finish]
    for index, event in enumerate(events):
        event.index = index if event is not finish else 4
    return [Batch(bytes([writer]) * 16, 1, 5, 5000.0 + writer, events)]


def test_two_machines_that_begin_the_same_run_unaware_of_each_other():
    """Both are attempt 1 and keep their rows; where they say different things, the one that said it later is heard, on
    every server and in every order; the exit code is that of whoever ended last."""
    early = first_init(2, 1000.0, name="early", config={"lr": 1, "a": 1}, losses=[0.5, 0.4], exit_code=0)
    late = first_init(1, 1001.0, name="late", config={"lr": 2, "b": 2}, losses=[0.9, 0.8], exit_code=3)
    views = []
    for order in orders([early, late]):
        fold = folded(order)
        views.append(text(fold.view()))
        view = fold.view()
    assert len(set(views)) == 1
    assert (view["name"], view["config"]) == ("late", {"a": 1, "b": 2, "lr": 2})
    assert (view["attempts"], view["last_step"], view["records"]["stored"]) == (1, 1, 10)
    assert (view["state"], view["exit_code"]) == ("failed", 3)
    assert view["summary"]["loss"] == 0.8
    assert [writer["writer"][:2] for writer in view["writers"]] == ["01", "02"]


def test_machines_that_say_it_at_the_very_same_moment():
    """Equal clocks to the last bit: the greater writer id is heard, so that there is still one answer."""
    one = first_init(1, 1000.0, name="one", config={"lr": 1}, losses=[1.0, 2.0], exit_code=0)
    two = first_init(2, 1000.0, name="two", config={"lr": 2}, losses=[3.0, 4.0], exit_code=5)
    views = [folded(order).view() for order in orders([one, two])]
    assert text(views[0]) == text(views[1])
    assert (views[0]["name"], views[0]["config"], views[0]["summary"]["loss"]) == ("two", {"lr": 2}, 4.0)
    assert (views[0]["state"], views[0]["exit_code"]) == ("failed", 5)


def test_the_run_goes_on_while_one_of_its_beginners_does():
    """The end of one of two unaware processes is not the end of the run."""
    one = first_init(1, 1000.0, name="one", config={}, losses=[1.0, 2.0], exit_code=0)
    two = first_init(2, 1000.0, name="two", config={}, losses=[3.0, 4.0], exit_code=5)
    del two[0].events[-1]
    two[0].count -= 1
    assert {fold.view()["state"] for fold in map(folded, orders([one, two]))} == {"running"}
