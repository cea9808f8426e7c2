"""Spools written frame by frame, as a writer would leave them."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runwell.core import frames
from runwell.core.frames import Kind


class SpoolWriter:
    """Writes one writer's spool as a process does that is no more: its lock is free."""

    def __init__(
        self, root: Path, run_id: str = "r1", writer: bytes | None = None, version: int = frames.VERSION
    ) -> None:
        self.writer = writer or os.urandom(16)
        self.run_id = run_id
        self.directory = root / f"{run_id}.{self.writer.hex()}"
        self.directory.mkdir(parents=True)
        self.version = version
        self.segment = 0
        self.record = 0
        self.crcs: list[int] = []
        self.rows: list[dict[str, Any]] = []
        self.start_segment()

    @property
    def path(self) -> Path:
        return self.directory / f"{self.segment:08d}.seg"

    def start_segment(self, first_record: int | None = None) -> None:
        self.segment += 1
        self._schemas: dict[tuple[tuple[str, str], ...], int] = {}
        fields = {
            "writer": self.writer.hex(),
            "entity": "ada",
            "project": "digits",
            "run_id": self.run_id,
            "segment": self.segment,
            "first_record": first_record or self.record + 1,
            "created": 1.0,
        }
        magic = frames.SEGMENT_MAGIC[:-1] + bytes([self.version])
        self.path.write_bytes(magic + frames.encode(Kind.HEADER, json.dumps(fields).encode()))

    def append(self, kind: Kind, payload: bytes, flags: int = 0) -> bytes:
        self.record += 1
        frame = frames.encode(kind, payload, self.record, flags)
        self.crcs.append(int.from_bytes(frame[:4], "little"))
        self.write(frame)
        return frame

    def write(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def event(self, **fields: Any) -> bytes:
        return self.append(Kind.EVENT, json.dumps({"time": 1.0, **fields}).encode())

    def start(self) -> bytes:
        return self.event(run_started={"fields": {"name": "a run"}})

    def finish(self, exit_code: int = 0) -> bytes:
        return self.event(run_finished={"exit_code": exit_code})

    def row(self, step: int, values: dict[str, float | int | bool], *, masked: bool = False) -> bytes:
        kinds = {float: "d", int: "q", bool: "?"}
        columns = tuple((key, kinds[type(value)]) for key, value in values.items())
        packed = struct.pack("<" + "".join(kind for _, kind in columns), *values.values())
        payload = frames.ROW_PREFIX.pack(self.schema(columns), step, 1.0 + step) + packed
        return self.append(Kind.ROW, payload, frames.FLAG_MASKED if masked else 0)

    def rows_of(self, count: int) -> None:
        for _ in range(count):
            self.row(self.record, {"loss": 1.0 / (1 + self.record)})

    def schema(self, columns: Sequence[tuple[str, str]]) -> int:
        key = tuple(columns)
        if key not in self._schemas:
            self._schemas[key] = len(self._schemas) + 1
            fields = {"id": self._schemas[key], "columns": [list(column) for column in key]}
            self.write(frames.encode(Kind.SCHEMA, json.dumps(fields).encode()))
        return self._schemas[key]

    def json_row(self, step: int, values: dict[str, Any]) -> bytes:
        return self.append(Kind.JSON_ROW, frames.JSON_ROW_PREFIX.pack(step, 1.0 + step) + json.dumps(values).encode())

    def chain(self) -> int:
        chain = 0
        for crc in self.crcs:
            chain = frames.advance_chain(chain, crc)
        return chain


class HeldLock:
    """Another process that holds a spool's lock until ``release``."""

    CODE = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.lockf(file, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""

    def __init__(self, directory: Path) -> None:
        command = [sys.executable, "-IS", "-c", self.CODE, str(directory / "lock")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def release(self) -> None:
        self._process.communicate()
