"""Makes writers: a fresh one for every process that writes to a run."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runwell._clock import SystemClock
from runwell._disk import LocalSpoolDisk, free_bytes, spool_name
from runwell._lane import Lane
from runwell._metrics import Earlier
from runwell._segments import WriterIdentity
from runwell._settings import Settings
from runwell._spool import SpoolWriter
from runwell.core.limits import SPOOL_BYTES_MAX
from runwell.core.steps import StepCursor
from runwell.errors import Error
from runwell.system.figures import Figures
from runwell.system.sampler import SystemSampler

if TYPE_CHECKING:
    from runwell._blobs import BlobSpool

WRITER_ID_BYTES = 16


def open_lane(
    settings: Settings,
    run: tuple[str, str, str],
    starting_step: int,
    kind: str,
    fields: Callable[[], dict[str, Any]],
    *,
    order: tuple[int, float] = (1, 0.0),
    earlier: Earlier | None = None,
) -> Lane:
    """A lane of a new writer whose first record is the event ``kind``. Raises Error when the spool cannot be made.

    ``order`` is its place among those whose ``earlier`` summary it goes on from: attempt, and generation of forks.
    """
    writer = os.urandom(WRITER_ID_BYTES)
    entity, project, run_id = run
    try:
        disk = LocalSpoolDisk(settings.spool_root, run_id, writer)
        try:
            bytes_max = settings.spool_bytes_max or min(SPOOL_BYTES_MAX, free_bytes(settings.spool_root) // 2)
            spool = SpoolWriter(
                disk,
                SystemClock(),
                WriterIdentity(writer, entity, project, run_id, offline=settings.mode == "offline"),
                bytes_max=bytes_max,
                durability=settings.durability,
            )
            spool.start(kind, fields())
        except BaseException:
            disk.discard()
            raise
    except OSError as error:
        raise Error(
            f"the run cannot be kept in {settings.spool_root}: {error.strerror or error}. "
            "Free space there, choose another place with RUNWELL_DIR, or switch Runwell off with mode='disabled'"
        ) from error
    cursor = StepCursor(starting_step, strict=settings.strict_steps)
    return Lane(
        spool,
        cursor,
        when_full=settings.when_full,
        ensure_forwarder=_ensure_forwarder(settings),
        order=order,
        earlier=earlier,
        start_sampler=_start_sampler(settings, run) if settings.system_metrics else None,
        console=settings.console != "off",
        make_blobs=lambda: _make_blobs(settings, run_id, spool),
    )


def _make_blobs(settings: Settings, run_id: str, spool: SpoolWriter) -> "BlobSpool":
    from runwell._blobs import BlobSpool

    directory = settings.spool_root / spool_name(run_id, spool.identity.writer)
    return BlobSpool(settings.root, directory, spool.bytes_max, lambda: spool.used_bytes)


def _start_sampler(
    settings: Settings, run: tuple[str, str, str]
) -> Callable[[Callable[[Figures], bool]], SystemSampler]:
    return lambda put: SystemSampler(put, settings.root, "/".join(run), settings.system_interval_s)


def _ensure_forwarder(settings: Settings) -> Callable[[], None] | None:
    base_url = settings.base_url
    if settings.mode != "online" or base_url is None:
        return None

    def ensure() -> None:
        from runwell.forwarder import spawn

        spawn.ensure_forwarder(settings.spool_root, base_url)

    return ensure
