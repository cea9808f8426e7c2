"""Fields in memory are those of the runs table, whatever changed since the last question."""

from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from runwell.core import filters
from runwell.v1 import event_pb2
from runwell_projector import mirror
from runwell_projector.files import ViewFiles
from runwell_projector.projection import Projection
from runwell_projector.query import Choice, Views
from runwell_projector.schema import create_views
from tests.core.run_streams import Batch
from tests.projector.stored import renumbered, simple_run, stored

CHOICES = [
    Choice(where=filters.parse("summary.key0 > 1.5"), order=filters.parse_order("-summary.key1")),
    Choice(where=filters.parse('notes =~ "later" or config.lr < 3'), order=filters.parse_order("config.lr")),
    Choice(order=filters.parse_order("state,-last_step")),
    Choice(where=filters.parse('state != "running"'), deleted=True),
]


def said_later(run: tuple[str, str, str], number: int) -> list:
    """Config, notes or a deletion, by a writer of its own."""
    event = event_pb2.Event(time=9000.0 + number)
    if number % 3 == 0:
        event.run_deleted.by = "somebody"
    elif number % 3 == 1:
        event.config_set.set_json = f'{{"lr": {number}}}'
    else:
        event.run_annotated.fields.notes = "later"
    return stored([Batch(number.to_bytes(16), 1, 1, 9000.0, [event])], run)


def test_questions_between_changes_see_each_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Views that were asked all along answer like new ones, also when fields had to leave for others."""
    monkeypatch.setattr(mirror, "FIELDS_MAX", 3)
    monkeypatch.setattr(mirror, "CELLS_MAX", 1)
    chance = Random(1)
    parts = [simple_run(f"run-{number}", number, batches=number % 4) for number in range(12)]
    parts += [said_later(parts[number % 12][0].run, number) for number in range(100, 124)]
    chance.shuffle(parts)
    batches = renumbered([batch for part in parts for batch in part])
    files = ViewFiles(tmp_path)
    files.directory.mkdir(parents=True)
    path = files.new_path()
    with closing(create_views(path)) as connection, Views.open(tmp_path) as asked:
        projection = Projection(connection)
        projection.begin_log("log")
        files.publish(path)
        while projection.offset < len(batches):
            projection.apply(batches[projection.offset : projection.offset + chance.randint(1, 9)])
            for choice in chance.sample(CHOICES, 2):
                with Views.open(tmp_path) as new:
                    assert asked.runs(choice) == new.runs(choice)
                    assert asked.projects() == new.projects()
        assert [asked.runs(choice)[0] > 0 for choice in CHOICES] == [True] * len(CHOICES)
