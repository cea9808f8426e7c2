"""``log()``'s fast path.

It takes rows whose keys are known and whose values are exactly floats, 64-bit integers or booleans, at a step that moves
the lane on; everything else is handed to the general path, which does the same work for any row. Measured in
benchmarks/log_call.py, which is why it is one closure, why it compares with the shape of the last row before it asks the
table of shapes, and why nothing in it is a call that could be an expression.

A signal handler may raise after any call. The lines that count the record hold no call before the last, so either all
of them have run, or ``recover`` finds out from the file what became of the row.
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, Protocol

from runwell._spool import SpoolWriter
from runwell.core.steps import StepCursor


class LogCall(Protocol):
    """The signature of ``log``."""

    def __call__(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None: ...


def make_log(  # noqa: C901  one closure on purpose
    writer: SpoolWriter,
    cursor: StepCursor,
    lock: RLock,
    wake: Callable[[], None],
    at_limit: Callable[[], None],
    general: LogCall,
) -> LogCall:
    """The ``log`` of one writer. ``wake`` is called at the first unsynced row, ``at_limit`` without the lock held."""
    monotonic = writer.clock.monotonic
    ready = writer.ready
    no_schema = writer.schema
    crc32 = zlib.crc32

    def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        try:
            keys = [*data]
            kinds = [*map(type, data.values())]
        except (TypeError, AttributeError):
            return general(data, step, commit)
        full = False
        with lock:
            schema = writer.schema
            if keys != schema.keys or kinds != schema.kinds:
                writer.schema = schema = ready.get((*keys, *kinds), no_schema)
            if commit is not None:
                schema = no_schema
            at = cursor.step
            if step is None:
                then = at + 1
            elif type(step) is int and step >= at:
                at = then = step
            else:
                then = at
                schema = no_schema
            record = writer.record + 1
            try:
                body = schema.pack(
                    schema.head, record & 0xFFFFFFFF, schema.id, at, writer.base + monotonic(), *data.values()
                )
                frame = crc32(body).to_bytes(4, "little") + body
                taken = writer.write(frame)
                if taken == len(frame):
                    schema.last = frame
                    cursor.step = then
                    writer.record = record
                    writer.offset = offset = writer.offset + taken
                    writer.tail.append(frame)
                    if not writer.dirty:
                        wake()
                        writer.dirty = True
                    if offset < writer.stop:
                        return None
                    full = True
                else:
                    writer.recover()
            except struct.error:
                # No shape that is ready, or a number beyond 64 bits.
                pass
            except OSError as error:
                writer.recover()
                writer.starve(error)
            except BaseException:
                writer.recover()
                raise
        return at_limit() if full else general(data, step, commit)

    return log
