"""Fetches files of an artifact: each verified, gone on with where it was cut off, several at a time, and never outside of
the folder that was asked for.
"""

import os
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from runwell import _messages
from runwell._blobs import digest_file
from runwell.artifacts.cache import ArtifactCache
from runwell.artifacts.digests import DigestCache, stamp_of
from runwell.core.artifacts.manifest import Entry, path_problem
from runwell.core.blobs import Blob
from runwell.errors import Error, ServerUnreachableError

THREADS = 8
PIECE_BYTES = 1 << 20
TIMEOUT_S = 60.0
ATTEMPTS_MAX = 5
"""A file of which nothing more comes so often in a row is given up; what came is gone on with the next time."""

RETRY_S = 0.5
PROGRESS_AFTER_S = 2.0
PROGRESS_INTERVAL_S = 0.5


class DamagedError(Error):
    """What came is not what its digest says."""


class Downloader:
    """Files of one server into folders of this machine."""

    def __init__(self, base_url: str | None, root: Path) -> None:
        self._base_url = (base_url or "").rstrip("/")
        self._cache = ArtifactCache(root)
        self._digests = DigestCache(root)

    def fetch(
        self, entries: Sequence[Entry], folder: str, *, skip_cache: bool, allow_missing_references: bool, what: str
    ) -> None:
        """Brings all into the folder; those that are there already are left as they are. Raises Error and OSError."""
        os.makedirs(folder, exist_ok=True)
        progress = Progress(what, len(entries), sum(entry.bytes for entry in entries))
        missing = self._missing(entries, folder, progress)

        def fetch(entry: Entry) -> None:
            target = safe_target(folder, entry.path)
            if entry.reference:
                self._fetch_reference(entry, target, allow_missing_references)
            else:
                self._fetch_file(entry, target, skip_cache, progress)
            progress.done(entry)

        with ThreadPoolExecutor(THREADS, "runwell-download") as threads:
            try:
                list(threads.map(fetch, missing))
            except BaseException:
                threads.shutdown(wait=True, cancel_futures=True)
                raise
        self._remember(missing, folder)
        progress.over()
        self._cache.shrink()

    def content(self, sha256: str, size: int) -> Path:
        """A small content, such as a manifest, in the cache."""
        found = self._cache.use(sha256)
        if found is not None and digest_file(str(found)).blob.sha256 == sha256:
            return found
        return self._into_cache(Entry(sha256, sha256, size), Progress("", 1, size))

    def _missing(self, entries: Sequence[Entry], folder: str, progress: "Progress") -> list[Entry]:
        """What is not there, or not as it should be."""
        stamps = {}
        for entry in entries:
            target = safe_target(folder, entry.path)
            if os.path.isfile(target) and not os.path.islink(target):
                stamps[os.path.abspath(target)] = stamp_of(os.stat(target))
        known = self._digests.known(stamps)
        missing = []
        for entry in entries:
            path = os.path.abspath(safe_target(folder, entry.path))
            there = stamps.get(path)
            found = known.get(path)
            if there is not None and there[0] == entry.bytes and found is None and entry.sha256:
                found = digest_file(path).blob
            if found is not None and found.sha256 == entry.sha256:
                progress.done(entry)
            else:
                missing.append(entry)
        return missing

    def _remember(self, entries: Sequence[Entry], folder: str) -> None:
        files = []
        for entry in entries:
            path = os.path.abspath(safe_target(folder, entry.path))
            if entry.sha256 and os.path.isfile(path):
                files.append((path, stamp_of(os.stat(path)), Blob(entry.sha256, entry.bytes)))
        self._digests.remember(files)

    def _fetch_file(self, entry: Entry, target: str, skip_cache: bool, progress: "Progress") -> None:
        cached = None if skip_cache else self._cache.use(entry.sha256)
        if cached is None or digest_file(str(cached)).blob.sha256 != entry.sha256:
            cached = self._into_cache(entry, progress)
        _place(str(cached), target)
        if skip_cache:
            cached.unlink(missing_ok=True)

    def _into_cache(self, entry: Entry, progress: "Progress") -> Path:
        """The content, whole and verified."""
        partial, path = self._cache.partial(entry.sha256), self._cache.path(entry.sha256)
        partial.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two downloads at once would mix their bytes: each has a file of its own unless one was left over.
        mine = partial.with_name(f"{entry.sha256}.{os.getpid()}-{threading.get_ident()}")
        try:
            partial.rename(mine)
        except OSError:
            mine.touch()
        try:
            self._receive(entry, mine, progress)
        except BaseException:
            mine.rename(partial)
            raise
        if digest_file(str(mine)).blob.sha256 != entry.sha256:
            mine.unlink()
            raise DamagedError(
                f"what the server sent for {entry.path} is not what its digest says; nothing of it was kept"
            )
        mine.rename(path)
        return path

    def _receive(self, entry: Entry, path: Path, progress: "Progress") -> None:
        failures = 0
        while (have := path.stat().st_size) < entry.bytes or (entry.bytes == 0 and failures == 0):
            try:
                self._receive_from(entry, path, have, progress)
                if entry.bytes == 0:
                    return
            except (OSError, URLError) as error:
                if isinstance(error, HTTPError):
                    with error:
                        if error.code == 404:
                            raise Error(
                                f"{entry.path} is not with the server yet: wait until the run has sent its files"
                            ) from None
                failures = 0 if path.stat().st_size > have else failures + 1
                if failures >= ATTEMPTS_MAX:
                    raise ServerUnreachableError(
                        f"{entry.path} could not be fetched from {self._base_url}: {error}"
                    ) from None
                time.sleep(RETRY_S * failures)
        if path.stat().st_size > entry.bytes:
            os.truncate(path, 0)
            self._receive(entry, path, progress)

    def _receive_from(self, entry: Entry, path: Path, have: int, progress: "Progress") -> None:
        if not self._base_url:
            raise ServerUnreachableError("no server is known: start one with `runwell up`, or set RUNWELL_BASE_URL")
        headers = {"Range": f"bytes={have}-"} if have else {}
        request = Request(f"{self._base_url}/api/v1/blobs/{entry.sha256}", headers=headers)
        with urlopen(request, timeout=TIMEOUT_S) as answer, path.open("ab") as file:
            if have and answer.status != 206:
                file.truncate(0)
            while piece := answer.read(PIECE_BYTES):
                file.write(piece)
                progress.received(len(piece))

    def _fetch_reference(self, entry: Entry, target: str, allow_missing: bool) -> None:
        try:
            parts = urlsplit(entry.reference)
            if parts.scheme == "file":
                _place(unquote(parts.path), target)
            elif parts.scheme in ("http", "https"):
                _fetch_address(entry.reference, target)
            else:
                raise Error(
                    f"{entry.reference} is in a {parts.scheme} bucket, which is not read from here: use entry.ref_target()"
                )
            if entry.sha256 and digest_file(target).blob.sha256 != entry.sha256:
                os.unlink(target)
                raise DamagedError(f"{entry.reference} has changed since it was logged")
        except (OSError, Error) as error:
            if not allow_missing:
                raise Error(
                    f"the reference {entry.path} cannot be fetched: {error}; allow_missing_references=True leaves it out"
                ) from error


class Progress:
    """Says on a terminal how far it is, once it takes long."""

    def __init__(self, what: str, files: int, size: int) -> None:
        self._what, self._files, self._size = what, files, size
        self._started_at = self._said_at = time.monotonic()
        self._done = self._received = 0
        self._lock = threading.Lock()
        self._shown = False

    def received(self, size: int) -> None:
        """So many bytes more have come."""
        with self._lock:
            self._received += size
            self._say()

    def done(self, entry: Entry) -> None:
        """One file more is there."""
        with self._lock:
            self._done += 1
            self._say()

    def over(self) -> None:
        """Everything is there."""
        took_s = time.monotonic() - self._started_at
        if self._shown and sys.stderr is not None:
            sys.stderr.write("\r\x1b[K")
        if took_s >= PROGRESS_AFTER_S:
            _messages.say(f"{self._what}: {self._files:,} files, {self._size / 1e6:,.1f} MB, in {took_s:.1f} s")

    def _say(self) -> None:
        now = time.monotonic()
        if sys.stderr is None or not sys.stderr.isatty():
            return
        if now - self._started_at < PROGRESS_AFTER_S or now - self._said_at < PROGRESS_INTERVAL_S:
            return
        self._said_at, self._shown = now, True
        line = f"{self._what}: {self._done:,} of {self._files:,} files, {self._received / 1e6:,.0f} of {self._size / 1e6:,.0f} MB"
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()


def safe_target(folder: str, path: str) -> str:
    """Where a file of an artifact goes; nothing leads out of the folder, no link that was put there either.

    Raises Error.
    """
    target = os.path.join(folder, *path.split("/"))
    if problem := path_problem(path):
        raise Error(problem)
    inside = os.path.realpath(folder)
    parent = os.path.realpath(os.path.dirname(target))
    if parent != inside and not parent.startswith(inside.rstrip(os.sep) + os.sep):
        raise Error(f"{path} would be written to {parent}, outside of {folder}: remove the link that leads there")
    return target


def _place(source: str, target: str) -> None:
    """Copies a file into place: whole, or not at all."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    aside = f"{target}.{os.getpid()}-{threading.get_ident()}.part"
    try:
        shutil.copyfile(source, aside)
        os.replace(aside, target)
    finally:
        if os.path.lexists(aside):
            os.unlink(aside)


def _fetch_address(uri: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    aside = f"{target}.{os.getpid()}-{threading.get_ident()}.part"
    try:
        with urlopen(uri, timeout=TIMEOUT_S) as answer, open(aside, "wb") as file:
            shutil.copyfileobj(answer, file, PIECE_BYTES)
        os.replace(aside, target)
    finally:
        if os.path.lexists(aside):
            os.unlink(aside)


def verify_folder(entries: Sequence[Entry], folder: str) -> None:
    """Whether a folder has just these files, with their contents. Raises DamagedError."""
    for entry in entries:
        target = safe_target(folder, entry.path)
        if not os.path.isfile(target):
            raise DamagedError(f"{entry.path} is missing in {folder}")
        if entry.sha256 and digest_file(target).blob.sha256 != entry.sha256:
            raise DamagedError(f"{entry.path} in {folder} is not what was logged")
    known = {entry.path for entry in entries}
    for directory, _, files in os.walk(folder):
        for name in files:
            path = os.path.relpath(os.path.join(directory, name), folder).replace(os.sep, "/")
            if path not in known:
                raise DamagedError(f"{path} in {folder} is no file of the artifact")
