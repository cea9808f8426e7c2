"""Prints the runs of wandb's files as JSON: ``python -m tests.differential.read_wandb DIRECTORY``, in wandb's environment.

A ``.wandb`` file is a log in LevelDB's framing whose records are the messages of the package's own schema. The reader that
the package once had for the framing is gone from its releases, so the framing is read here; the checksum of every piece is
checked. Of the records are kept: each row as wandb-core wrote it, the summary and the config as the updates and removals of
the file add up, and what the run said of itself.
"""

import importlib
import json
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK_BYTES = 1 << 15
FILE_MAGIC = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
PIECE = struct.Struct("<IHB")
FULL, FIRST, LAST = 1, 2, 4


def record_texts(data: bytes) -> Iterator[bytes]:
    """The serialized records of a file."""
    assert data.startswith(FILE_MAGIC)
    place, record = len(FILE_MAGIC), b""
    while place + PIECE.size <= len(data):
        left = BLOCK_BYTES - place % BLOCK_BYTES
        if left < PIECE.size:
            place += left
            continue
        checksum, size, kind = PIECE.unpack_from(data, place)
        end = place + PIECE.size + size
        assert zlib.crc32(data[place + PIECE.size - 1 : end]) == checksum
        piece = data[place + PIECE.size : end]
        record = piece if kind in (FULL, FIRST) else record + piece
        if kind in (FULL, LAST):
            yield record
        place = end


def whole_number(text: str) -> int | float:
    """Go writes -0.0 as -0."""
    return -0.0 if text == "-0" else int(text)


def labels(item: Any) -> list[str]:
    """The path of an item."""
    return list(item.nested_key) or [item.key]


def put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    """Sets a nested value; what is no dict on the way is replaced."""
    *branches, label = path
    for branch in branches:
        if not isinstance(tree.get(branch), dict):
            tree[branch] = {}
        tree = tree[branch]
    tree[label] = value


def drop(tree: dict[str, Any], path: list[str]) -> None:
    """Removes a nested value, if it is there."""
    *branches, label = path
    for branch in branches:
        tree = tree.get(branch, {})
    tree.pop(label, None)


def update(tree: dict[str, Any], changes: Any) -> None:
    """Applies a record's updates and removals."""
    for item in changes.update:
        put(tree, labels(item), json.loads(item.value_json, parse_int=whole_number))
    for item in changes.remove:
        drop(tree, labels(item))


def read_run(path: Path) -> dict[str, Any]:
    """One file's run."""
    schema = importlib.import_module("wandb.proto.wandb_internal_pb2")
    run: dict[str, Any] = {"rows": [], "summary": {}, "config": {}, "facts": {}, "exit code": None}
    for text in record_texts(path.read_bytes()):
        record = schema.Record.FromString(text)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            update(run["config"], record.run.config)
            run["facts"] = facts(record.run)
        elif kind == "config":
            update(run["config"], record.config)
        elif kind == "summary":
            update(run["summary"], record.summary)
        elif kind == "history":
            row: dict[str, Any] = {}
            for item in record.history.item:
                row[".".join(labels(item))] = json.loads(item.value_json, parse_int=whole_number)
            run["rows"].append(row)
        elif kind == "exit":
            run["exit code"] = record.exit.exit_code
    return run


def facts(run: Any) -> dict[str, Any]:
    """What a run says of itself."""
    return {
        "id": run.run_id,
        "project": run.project,
        "entity": run.entity,
        "name": run.display_name,
        "group": run.run_group,
        "job_type": run.job_type,
        "notes": run.notes,
        "tags": list(run.tags),
    }


if __name__ == "__main__":
    files = sorted(Path(sys.argv[1]).glob("**/*.wandb"), key=lambda path: path.stat().st_mtime_ns)
    print(json.dumps([read_run(path) for path in files]))
