"""``log()``'s fast path.

It takes rows whose keys are known and whose values are exactly floats, 64-bit integers or booleans, at a step that moves
the lane on; everything else is handed to the general path, which does the same work for any row. Measured in
benchmarks/log_call.py, which is why it is one closure, why it compares with the shape of the last row before it asks the
table of shapes, why a row of one value is unpacked by hand, and why the lock is not taken by ``with``: together 0.12 of
what a JSON line costs.

A signal handler or a finalizer that logs in the middle of this thread's own log() finds the lock owned: the general path
then keeps its row until this one is written, since both would take the same number.

A signal handler may raise after any call in it, but nowhere else. The lines that count the record hold no call before the
last, so either all of them have run, or ``recover`` finds out from the file what became of the row. The lock is taken
within the ``try``, and whoever leaves that by an exception gives it back if he has it.
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


def make_log(  # noqa: C901
    writer: SpoolWriter,
    cursor: StepCursor,
    lock: RLock,
    wake: Callable[[], None],
    at_limit: Callable[[], None],
    general: LogCall,
) -> LogCall:
    """The ``log`` of one writer. ``wake`` is called at the first unsynced row, ``at_limit`` without the lock held."""
    monotonic, crc32 = writer.clock.monotonic, zlib.crc32
    ready, no_schema = writer.ready, writer.schema
    acquire, release, owned = lock.acquire, lock.release, lock._is_owned  # type: ignore[attr-defined]

    def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:  # noqa: C901
        if owned():
            return general(data, step, commit)
        try:
            keys = [*data]
            kinds = [*map(type, data.values())]
        except (TypeError, AttributeError):
            return general(data, step, commit)
        offset = 0
        try:
            acquire()
            schema = writer.schema
            if keys != schema.keys or kinds != schema.kinds:
                writer.schema = schema = ready.get((*keys, *kinds), no_schema)
            at = cursor.step
            if commit is not None:
                schema = no_schema
            elif step is None:
                then = at + 1
            elif type(step) is int and step >= at:
                at = then = step
            else:
                schema = no_schema
            record = writer.record + 1
            if schema.single:
                (value,) = data.values()
                body = schema.pack(schema.head, record, schema.id, at, writer.base + monotonic(), value)
            else:
                body = schema.pack(schema.head, record, schema.id, at, writer.base + monotonic(), *data.values())
            frame = crc32(body).to_bytes(4, "little") + body
            if writer.write(frame) == schema.frame_bytes:
                schema.last = frame
                cursor.step = then
                writer.record = record
                writer.offset = offset = writer.offset + schema.frame_bytes
                writer.tail.append(frame)
                if not writer.dirty:
                    wake()
                    writer.dirty = True
            else:
                writer.recover()
        except (struct.error, ValueError):
            pass  # No shape that is ready, a number beyond 64 bits, or the 2**32nd record.
        except OSError as error:
            writer.recover()
            writer.starve(error)
        except BaseException:
            if owned():
                writer.recover()
                release()
            raise
        release()
        if not offset:
            return general(data, step, commit)
        return at_limit() if offset >= writer.stop else None

    return log
