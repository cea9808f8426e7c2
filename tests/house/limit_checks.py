"""What happens at limits that no test of their own area goes beyond. Each takes pytest's monkeypatch and a directory."""

import asyncio
import zlib
from pathlib import Path

import pytest

import runwell
from runwell._spool import SpoolWriter, WriterIdentity
from runwell.core import limits, names
from runwell.v1 import collector_pb2
from runwell_collector.intake import Intake
from runwell_collector.log import UndecodableError, WriterMark, decode_events
from runwell_collector.log.sqlite import open_event_log
from runwell_collector.service import _Outbox
from tests.client.memory_disk import ManualClock, MemoryDisk
from tests.collector.sender import Writer
from tests.contract.test_event_log import batch


def names_are_bounded(patch: pytest.MonkeyPatch, directory: Path) -> None:
    """A longer name is refused with the limit."""
    for problem, characters_max in (
        (names.run_id_problem, limits.RUN_ID_CHARACTERS_MAX),
        (names.project_problem, limits.PROJECT_CHARACTERS_MAX),
        (names.entity_problem, limits.PROJECT_CHARACTERS_MAX),
        (names.tag_problem, limits.TAG_CHARACTERS_MAX),
    ):
        assert problem("x" * characters_max) is None
        assert str(characters_max) in str(problem("x" * (characters_max + 1)))


def a_config_is_bounded(patch: pytest.MonkeyPatch, directory: Path) -> None:
    """The update that would exceed the limit raises, and changes nothing."""
    with runwell.init(mode="offline") as run:
        piece = "x" * (limits.STRING_BYTES_MAX - 100)
        run.config.update({f"piece{number}": piece for number in range(8)})
        with pytest.raises(runwell.ConfigError, match=f"{limits.CONFIG_BYTES_MAX:,}"):
            run.config.update({"more": piece})
        assert "more" not in run.config


def decompression_is_bounded(patch: pytest.MonkeyPatch, directory: Path) -> None:
    """Small batches may compress as they like, larger ones by the ratio, and none beyond the greatest size."""

    def refused(plain_bytes: int) -> str:
        with pytest.raises(UndecodableError) as caught:
            decode_events(collector_pb2.CODEC_ZLIB, zlib.compress(bytes(plain_bytes), 9))
        return str(caught.value)

    assert "decompress" not in refused(limits.DECOMPRESSED_BYTES_FREE)
    assert "decompress" in refused(limits.DECOMPRESSED_BYTES_FREE + 1)
    patch.setattr(limits, "DECOMPRESSED_RATIO_MAX", 10_000)
    assert "decompress" not in refused(limits.DECOMPRESSED_BYTES_FREE + 1)
    patch.setattr(limits, "DECOMPRESSED_BYTES_MAX", limits.DECOMPRESSED_BYTES_FREE)
    assert "decompress" in refused(limits.DECOMPRESSED_BYTES_FREE + 1)


def a_message_holds_more_than_a_batch(patch: pytest.MonkeyPatch, directory: Path) -> None:
    """A batch that is too large reaches the collector whole, so that it can be answered."""
    assert limits.PUBLISH_MESSAGE_BYTES_MAX > limits.BATCH_BYTES_MAX + limits.KEY_BYTES_MAX
    assert limits.ADMITTED_JSON_DEPTH_MAX >= limits.JSON_DEPTH_MAX
    assert limits.BATCH_BYTES_MAX > limits.RECORD_BYTES_MAX


def schemas_are_bounded_by_columns(patch: pytest.MonkeyPatch, directory: Path) -> None:
    """Beyond the limit a shape gets no schema, and its rows carry their keys."""
    patch.setattr(limits, "WRITER_COLUMNS_MAX", 3)
    writer = SpoolWriter(MemoryDisk(), ManualClock(), WriterIdentity(bytes(16), "lab", "digits", "r1"))
    assert writer.schema_for(["a", "b"], [float, float]) is not None
    assert writer.schema_for(["c", "d"], [float, float]) is None
    assert writer.schema_for(["c"], [float]) is not None


def held_events_are_bounded(patch: pytest.MonkeyPatch, directory: Path) -> None:
    """While the disk takes nothing, events are held up to the limit; further ones are counted as dropped."""
    patch.setattr(limits, "HELD_EVENTS_BYTES_MAX", 1_000)
    disk = MemoryDisk()
    writer = SpoolWriter(disk, ManualClock(), WriterIdentity(bytes(16), "lab", "digits", "r1"))
    writer.start("run_started", {})
    disk.capacity = 0
    for _ in range(100):
        writer.put_event("clock_adjusted", {"jump_s": 2.0})
    assert 80 < writer.dropped_total < 100


def open_writers_are_bounded(patch: pytest.MonkeyPatch, directory: Path) -> None:
    """One writer more is told to come later, not that it is wrong."""
    patch.setattr(limits, "OPEN_WRITERS_MAX", 1)
    intake = Intake("a log", {}, 1, now=0.0)
    intake.connected(1, 0.0)
    first, second = (intake.open(1, Writer().open().open, None, 0.0)[0].response for _ in range(2))
    assert first.WhichOneof("response") == "welcome"
    assert second.refused.reason == collector_pb2.REFUSAL_REASON_UNAVAILABLE
    assert not second.refused.final


def the_queue_is_bounded(patch: pytest.MonkeyPatch, directory: Path) -> None:
    """At the limit streams are read no further, until a group was appended."""
    patch.setattr(limits, "QUEUE_BATCHES_MAX", 2)
    intake, writer = Intake("a log", {}, 1, now=0.0), Writer()
    intake.connected(1, 0.0)
    intake.open(1, writer.open().open, None, 0.0)
    for record in (1, 2):
        assert intake.has_room
        intake.batch(1, writer.batch(record).batch, WriterMark.NONE, 0.0)
    assert not intake.has_room


def unsent_replies_are_bounded(patch: pytest.MonkeyPatch, directory: Path) -> None:
    """A client that takes no replies is asked for no more requests."""
    patch.setattr(limits, "UNSENT_REPLIES_MAX", 2)
    outbox = _Outbox()
    for full in (False, True):
        outbox.put(collector_pb2.Response())
        assert outbox.is_full is full


def known_positions_are_bounded(patch: pytest.MonkeyPatch, directory: Path) -> None:
    """Positions that were forgotten are read again: nothing is taken twice."""
    patch.setattr(limits, "KNOWN_WRITERS_MAX", 2)
    writers = [bytes([number]) * 16 for number in range(5)]

    async def append() -> None:
        async with open_event_log(directory / "log") as log:
            for _ in range(2):
                for writer in writers:
                    await log.append([batch(writer, 1)])
            assert await log.end() == len(writers)

    asyncio.run(append())
