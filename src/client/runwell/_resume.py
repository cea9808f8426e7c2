"""What is known of a run before this attempt of it: from local spools, and from the server when resume needs its word."""

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from runwell._disk import percent_quoted, spool_prefix
from runwell._messages import warn
from runwell.core import frames, keys
from runwell.core.frames import Kind
from runwell.errors import ServerUnreachableError, UsageError

SERVER_TIMEOUT_S = 2.0
ANSWER_BYTES_MAX = 256 << 20
Resume = Literal["must", "allow", "never"]


class Past(NamedTuple):
    """Earlier attempts of a run."""

    attempts: int
    last_step: int | None
    writers: frozenset[str]
    """Ids in hexadecimal digits."""
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    """Values by path."""
    name: str | None

    def join(self, later: "Past") -> "Past":
        """Both; where they differ ``later`` is right."""
        steps = [step for step in (self.last_step, later.last_step) if step is not None]
        return Past(
            max(self.attempts, later.attempts),
            max(steps, default=None),
            self.writers | later.writers,
            {**self.config, **later.config},
            {**self.summary, **later.summary},
            later.name or self.name,
        )


def find_past(
    run: tuple[str, str, str], spool_root: Path, resume: Resume | None, base_url: str | None, *, offline: bool
) -> Past | None:
    """The run's past; None when there is none, or nobody who could be asked knows of it.

    Raises UsageError when ``resume`` forbids to go on, and ServerUnreachableError when must or never cannot be decided.
    """
    local = read_local(run, spool_root)
    stored = None
    if resume is not None and not offline:
        try:
            if base_url is None:
                raise ServerUnreachableError("no server is known: set RUNWELL_BASE_URL, or start one with `runwell up`")
            stored = ask_server(run, base_url)
        except ServerUnreachableError as error:
            if resume != "allow":
                raise ServerUnreachableError(
                    f"resume={resume!r} needs the server's word: {error}. Or use mode='offline', where local spools decide"
                ) from None
            warn(f"{error}; whether the run exists is decided by local spools")
    past = local if stored is None else stored if local is None else stored.join(local)
    if resume == "must" and past is None:
        raise UsageError(f"resume='must', and there is no run {'/'.join(run)}: check the id, or use resume='allow'")
    if resume == "never" and past is not None:
        raise UsageError(
            f"resume='never', and the run {'/'.join(run)} exists: choose another id, or use resume='allow'"
        )
    return past


def ask_server(run: tuple[str, str, str], base_url: str) -> Past | None:
    """The run as the server has it; None when it has none. Raises ServerUnreachableError after 2 s at most."""
    import http.client
    from urllib.parse import urlsplit

    address = urlsplit(base_url)
    secure = address.scheme == "https"
    path = "/".join(percent_quoted(part) for part in run)
    try:
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connect(address.hostname or "", address.port, timeout=SERVER_TIMEOUT_S)
        try:
            connection.request("GET", f"{address.path.rstrip('/')}/api/v1/runs/{path}?consistent=0")
            answer = connection.getresponse()
            body = answer.read(ANSWER_BYTES_MAX)
        finally:
            connection.close()
        if answer.status == http.client.NOT_FOUND:
            return None
        if answer.status != http.client.OK:
            raise ServerUnreachableError(f"the server at {base_url} answered {answer.status} {answer.reason}")
        return _past_of_view(json.loads(body))
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServerUnreachableError(f"the server at {base_url} gave no usable answer ({error!r:.200})") from None


def _past_of_view(view: Mapping[str, Any]) -> Past:
    writers = frozenset(str(writer["writer"]) for writer in view["writers"])
    summary = {key: value for key, value in view["summary"].items() if key not in ("_step", "_timestamp", "_runtime")}
    step = view["last_step"]
    return Past(
        int(view["attempts"]),
        None if step is None else int(step),
        writers,
        dict(view["config"]),
        dict(_leaves(summary)),
        view.get("name"),
    )


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and "_type" not in value:
            yield from _leaves(value, f"{prefix}{key}{keys.PATH_SEPARATOR}")
        else:
            yield prefix + key, value


def read_local(run: tuple[str, str, str], spool_root: Path) -> Past | None:
    """What the spools under ``spool_root`` tell of the run; None when they tell nothing."""
    spools = []
    try:
        candidates = sorted(spool_root.glob(f"{_glob_quoted(spool_prefix(run[2]))}*"))
    except OSError:
        candidates = []
    for directory in candidates:
        spool = LocalSpool(run)
        try:
            for segment in sorted(directory.glob("*.seg")):
                spool.read(segment.read_bytes())
        except (OSError, ValueError, KeyError, TypeError) as error:
            warn(f"the spool {directory} could be read only in part ({error})")
        if spool.attempt:
            spools.append(spool)
    past = None
    for spool in sorted(spools, key=lambda spool: (spool.attempt, spool.started_at)):
        past = spool.past() if past is None else past.join(spool.past())
    return past


def _glob_quoted(text: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)


class LocalSpool:
    """One writer's spool, read for what a resume needs."""

    def __init__(self, run: tuple[str, str, str]) -> None:
        self.run = run
        self.attempt = 0
        self.started_at = 0.0
        self.writer = ""
        self.last_step: int | None = None
        self.config: dict[str, Any] = {}
        self.name: str | None = None
        self._last: dict[str, tuple[int, Any]] = {}
        self._columns: dict[int, list[list[str]]] = {}
        self._rows: dict[int, tuple[int, bytes]] = {}

    def read(self, data: bytes) -> None:
        """Takes in one segment. Raises ValueError, KeyError and TypeError when it is not a spool of this version."""
        if not data.startswith(frames.SEGMENT_MAGIC):
            raise ValueError("it is not of a version that this Runwell reads")
        for frame in frames.scan(memoryview(data), len(frames.SEGMENT_MAGIC)):
            if isinstance(frame, frames.Frame) and not self._take(frame):
                return

    def past(self) -> Past:
        """What it told."""
        for schema, (record, payload) in self._rows.items():
            # Where the columns are damaged, so are these values.
            if schema in self._columns:
                self._unpack(self._columns[schema], record, payload)
        ordered = sorted(self._last.items(), key=lambda item: item[1][0])
        summary = {path: value for path, (_, value) in ordered if value is not None}
        return Past(self.attempt, self.last_step, frozenset({self.writer}), self.config, summary, self.name)

    def _take(self, frame: frames.Frame) -> bool:
        """False when the segment is of another run."""
        payload = frame.payload
        masked = frame.flags & frames.FLAG_MASKED
        if frame.kind == Kind.ROW and not masked:
            schema, step, _ = frames.ROW_PREFIX.unpack_from(payload)
            self._rows[schema] = (frame.record, bytes(payload))
            self._reach(step)
        elif frame.kind == Kind.JSON_ROW and not masked:
            step, _ = frames.JSON_ROW_PREFIX.unpack_from(payload)
            values = json.loads(bytes(payload[frames.JSON_ROW_PREFIX.size :]))
            self._last.update((path, (frame.record, value)) for path, value in values.items() if value is not None)
            self._reach(step)
        elif frame.kind == Kind.EVENT:
            self._event(frame.record, json.loads(bytes(payload)))
        elif frame.kind == Kind.SCHEMA:
            fields = json.loads(bytes(payload))
            self._columns[fields["id"]] = fields["columns"]
        elif frame.kind == Kind.HEADER:
            header = json.loads(bytes(payload))
            self.writer = header["writer"]
            if (header["entity"], header["project"], header["run_id"]) != self.run:
                return False
            # The event that says which attempt it is may be damaged.
            self.attempt = max(self.attempt, 1)
        return True

    def _reach(self, step: int) -> None:
        if self.last_step is None or step > self.last_step:
            self.last_step = step

    def _event(self, record: int, event: Mapping[str, Any]) -> None:
        for kind in ("run_started", "run_resumed", "writer_attached"):
            if kind in event:
                self.attempt = event[kind].get("attempt", 1)
                self.started_at = event["time"]
                self.name = event[kind].get("fields", {}).get("name", self.name)
        if "config_set" in event:
            self.config.update(json.loads(event["config_set"].get("set_json") or "{}"))
            for key in event["config_set"].get("removed", ()):
                self.config.pop(key, None)
        if "summary_updated" in event:
            for path in event["summary_updated"].get("removed", ()):
                below = [known for known in self._last if known.startswith(path + keys.PATH_SEPARATOR)]
                self._last.update((gone, (record, None)) for gone in (path, *below))
            values = json.loads(event["summary_updated"].get("set_json") or "{}")
            self._last.update((path, (record, value)) for path, value in values.items())

    def _unpack(self, columns: list[list[str]], record: int, payload: bytes) -> None:
        row = struct.Struct("<" + "".join(code for _, code in columns))
        for (path, _), value in zip(columns, row.unpack_from(payload, frames.ROW_PREFIX.size), strict=True):
            if path not in self._last or self._last[path][0] < record:
                self._last[path] = (record, value)
