"""Which edits of a reference run stand."""

from typing import Any


def taken_back(records: list[Any]) -> set[str]:
    """Writers whose edits somebody took back later, by an edit that stands itself; the records are in their order."""
    undone: set[str] = set()
    for place in reversed(range(len(records))):
        record = records[place]
        if record.kind == "run_annotated" and record.message.undoes and record.writer not in undone:
            target = record.message.undoes.hex()
            if all(later.writer != target for later in records[place:] if later.by_person()):
                undone.add(target)
    return undone


def edited_at(writers: list[Any]) -> float | None:
    """The greatest time of an edit: no record's is less than that of its writer's records before it."""
    times = [
        max(0.0, *(before.moment() for before in writer.records[: place + 1]))
        for writer in writers
        for place, record in enumerate(writer.records)
        if record.by_person()
    ]
    return max(times, default=None)
