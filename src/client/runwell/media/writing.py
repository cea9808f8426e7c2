"""Media of one writer, from ``log()`` to their events."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from runwell._events import json_bytes
from runwell.core import keys, limits
from runwell.errors import Error
from runwell.media.queue import Job, MediaQueue
from runwell.media.values import BlobStore, Files, Media

if TYPE_CHECKING:
    from runwell._lane import Lane


class MediaWriter:
    """Encodes what was logged and appends it to the lane's spool."""

    def __init__(self, lane: "Lane", blobs: Callable[[], BlobStore], *, at_once: bool) -> None:
        self.queue = MediaQueue(self._encode)
        self._lane = lane
        self._blobs = blobs
        self._at_once = at_once

    def log(self, media: Mapping[str, Media], step: int, time: float, masked: bool) -> None:
        """Takes the media of a row that was just written."""
        self._leave_fast_path(media)
        for path, value in media.items():
            try:
                job = Job(path, value.frozen(self._blobs()), step, time, masked)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one value, the others are logged
                self._lose(path, error)
                continue
            if self._at_once:
                self._encode(job)
            else:
                self.queue.put(job)

    def finish(self, timeout_s: float | None) -> None:
        """Waits until everything is encoded, or that long."""
        try:
            drained = self.queue.drain(timeout_s)
        finally:
            self.queue.close()
        if not drained:
            waiting = self.queue.waiting
            self._lane.warn_once(
                "media", f"{waiting:,} media were not encoded in time, and are lost; their rows are kept"
            )

    def stored(self, leaves: Mapping[str, Any]) -> dict[str, Any]:
        """Values that are set by hand, of media the JSON forms, with their files stored; those that cannot be are left out."""
        kept = {}
        for path, value in leaves.items():
            try:
                media = value.frozen(self._blobs()) if isinstance(value, Media) else None
                kept[path] = value if media is None else media.form(self._files(path, self._lane.cursor.step))
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one value, the others are kept
                self._lose(path, error)
        return kept

    def _leave_fast_path(self, paths: Iterable[str]) -> None:
        """For rows with one of these keys, since it would not wait for the media."""
        writer = self._lane.writer
        with self._lane.lock:
            if any(path in (schema.keys or ()) for schema in writer.ready.values() for path in paths):
                writer.detach()

    def _files(self, path: str, step: int) -> Files:
        return Files(self._blobs(), path.rpartition(keys.PATH_SEPARATOR)[2], step)

    def _encode(self, job: Job) -> None:
        try:
            files = self._files(job.path, job.step)
            value = job.media.form(files)
            text = json_bytes(value).decode()
            if len(text) > limits.RECORD_BYTES_MAX:
                raise Error(f"its description has {len(text):,} bytes, and {limits.RECORD_BYTES_MAX:,} is the limit")
            fields = {"key": job.path, "step": job.step, "value_json": text, "files": files.entries, "time": job.time}
            fields |= {"masked": True} if job.masked else {}
            self._lane.put_event("media_logged", fields, {} if job.masked else {job.path: value})
        except Exception as error:  # noqa: BLE001 - the thread serves all other values
            self._lose(job.path, error)

    def _lose(self, path: str, error: Exception) -> None:
        self._lane.warn_once(
            f"media:{path}:{type(error).__name__}",
            f"the value of {keys.shown(path)[:100]!r} cannot be kept: {error}. It is left out; the rest is kept",
        )
