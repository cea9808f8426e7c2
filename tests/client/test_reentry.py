"""log() and its like from signal handlers and finalizers, in the middle of a log() of the same thread."""

from collections.abc import Callable
from typing import Any

import pytest

from runwell import _messages
from runwell._lane import Lane
from tests.client.memory_disk import MemoryDisk
from tests.client.spool_reading import read_segments
from tests.client.test_spool_writer import found, open_lane, rows

NUMBER: dict[str, Any] = {"a": 1}
TEXT: dict[str, Any] = {"a": 1, "text": "x"}


def interrupt(disk: MemoryDisk, operation: str, handler: Callable[[], object]) -> None:
    """Calls ``handler`` when the next ``operation`` is done, and then no more."""

    def after(done: str) -> None:
        if done == operation:
            disk.after = lambda operation: None
            handler()

    disk.after = after


@pytest.mark.parametrize("operation", ["write", "sync"])
@pytest.mark.parametrize("durability", ["interval", "always"])
@pytest.mark.parametrize("inner", [NUMBER, TEXT])
@pytest.mark.parametrize("outer", [NUMBER, TEXT])
def test_a_row_from_a_signal_handler_gets_its_own_number(
    outer: dict[str, Any], inner: dict[str, Any], durability: str, operation: str
):
    """However a handler's log() meets the one that it interrupts, both rows are there, each once, and the step counts both."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk, durability=durability)
    lane.log(outer)
    lane.log(inner)
    interrupt(disk, operation, lambda: lane.log(inner | {"a": 2}))
    lane.log(outer)
    if operation == "sync":
        lane.sync()
    lane.log(outer)
    assert lane.cursor.step == 5
    lane.finish(0, "over")
    assert sorted(rows(read_segments(disk.segments()))) == [1, 1, 1, 1, 2]


def test_events_and_the_summary_from_a_signal_handler_are_kept():
    """They come right after the row that was interrupted."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk)

    def handler() -> None:
        lane.set_summary({"best": 3}, [])
        lane.put_event("config_set", {"set_json": "{}"})

    lane.log(NUMBER)
    interrupt(disk, "write", handler)
    lane.log(NUMBER)
    assert lane.summary_leaves() == {"a": 1, "best": 3}
    lane.finish(0, "over")
    records = read_segments(disk.segments())
    assert len(found(records, "summary_updated")) == len(found(records, "config_set")) == 1
    assert rows(records) == [1, 1]


def test_a_handler_that_raises_after_its_row_loses_neither():
    """The interrupted row is counted if it was written; the handler's is there at the latest when the run ends."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk)
    lane.log(NUMBER)

    def handler() -> None:
        lane.log({"a": 2})
        raise SystemExit(3)

    interrupt(disk, "write", handler)
    with pytest.raises(SystemExit):
        lane.log(NUMBER)
    lane.finish(3, "over")
    assert sorted(rows(read_segments(disk.segments()))) == [1, 1, 2]


def test_an_exception_in_the_middle_of_a_sync_is_made_up_for():
    """Ctrl-C out of a log() that syncs: later rows are taken, and the next sync covers what that one was to."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk, durability="always")

    def handler() -> None:
        disk.files["00000001.seg"].synced = 0
        raise KeyboardInterrupt

    interrupt(disk, "sync", handler)
    with pytest.raises(KeyboardInterrupt):
        lane.log(NUMBER)
    assert not lane.held_here
    lane.log({"a": 2})
    assert rows(read_segments(disk.after_power_loss())) == [1, 2]
    lane.finish(0, "over")
    assert not lane.writer.unsynced()


def test_nothing_comes_after_the_end_of_the_run():
    """What other threads still have in hand when the run is finished is refused or left out, not written after its end."""
    disk = MemoryDisk()
    lane, _ = open_lane(disk)
    late: list[Callable[[Lane], None]] = [
        lambda lane: lane.put_event("source_captured", {}),
        lambda lane: lane.set_summary({"best": 3}, []),
    ]
    lane.finish(0, "over")
    for call in late:
        call(lane)
    assert list(read_segments(disk.segments())[-1].event or ()) == ["run_finished"]


def test_a_message_in_the_middle_of_another_does_not_raise(monkeypatch: pytest.MonkeyPatch):
    """Standard error refuses to be written from within its own write; messages never raise."""

    class Busy:
        def write(self, text: str) -> int:
            raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    monkeypatch.setattr("sys.stderr", Busy())
    _messages.set_silent(False)
    _messages.say("anything")
