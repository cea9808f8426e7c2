"""Decides about artifacts, one after the other, and logs what it decided: exactly once, whatever is killed when.

Wishes are events of runs and of people; decisions are records of one writer for each project, which only this task
appends. A decision names the wish that it answers. After a kill the log is read on from the last checkpoint before
anything is decided: a wish whose decision is there is not decided again, one whose decision is not there was never answered.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from runwell.core import limits
from runwell.core.artifacts.catalogue import Decision
from runwell.core.artifacts.manifest import ManifestError
from runwell.core.artifacts.naming import catalogue_writer
from runwell.core.blobs import Blob
from runwell.core.names import ARTIFACT_STREAM
from runwell.v1 import event_pb2
from runwell_collector.blobs.store import StoreError
from runwell_collector.catalogue.notes import CatalogueNotes, Wish, WishKey
from runwell_collector.catalogue.waiting import WaitingWishes
from runwell_collector.log import EventLog, RunId, StoredBatch, decode_events

WISHES = frozenset({"artifact_logged", "artifact_linked", "artifact_edited"})
DECISIONS = frozenset({"artifact_version_assigned", "artifact_changed"})
SAVE_INTERVAL_S = 5.0
EXPIRY_INTERVAL_S = 600.0
ORDER_PATIENCE_S = 30.0
"""What one writer logged under one name gets its versions in that order, unless an earlier one is not there after this long."""

State = Callable[[RunId, bytes, event_pb2.Event], Awaitable[bool]]
"""Appends an event of the collector's own; returns whether it is durable."""


class Decider:
    """``state`` appends; ``wall`` gives unix seconds."""

    def __init__(
        self, log: EventLog, notes: CatalogueNotes, waiting: WaitingWishes, state: State, wall: Callable[[], float]
    ) -> None:
        self._log = log
        self._notes = notes
        self._waiting = waiting
        self._state = state
        self._wall = wall
        self._noticed: deque[int] = deque()
        self._seen_to = 0
        self._stirred = asyncio.Event()
        self._wishes: dict[WishKey, Wish] = {}
        self._read_at: dict[WishKey, float] = {}

    # ---- What is told

    def appended(self, up_to: int, notable: Sequence[int]) -> None:
        """The log has grown up to that offset; the batches at these offsets have something for the catalogue."""
        self._seen_to = max(self._seen_to, up_to)
        if notable:
            self._noticed.extend(notable)
            self._stirred.set()

    def arrived(self, blobs: Sequence[Blob]) -> None:
        """These were stored."""
        if self._waiting.arrived(blobs):
            self._stirred.set()

    # ---- The work

    async def decide_for_ever(self) -> None:
        """Reads on to the log's end, then decides what can be decided whenever something has changed."""
        while True:
            try:
                await self._decide()
            except sqlite3.OperationalError:
                # The disk is full: the notes are gone on with from their checkpoint when there is room.
                await asyncio.sleep(limits.RETRY_AFTER_S)

    async def _decide(self) -> None:
        await self._catch_up()
        expired_at = self._wall()
        while True:
            await self._take_noticed()
            progress = await self._decide_ready()
            if not self._noticed:
                self._notes.save(self._seen_to)
            if self._wall() - expired_at >= EXPIRY_INTERVAL_S:
                expired_at = self._wall()
                await self._expire()
            if not progress and not self._noticed:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(limits.RETRY_AFTER_S):
                await self._stirred.wait()
        except TimeoutError:
            pass
        self._stirred.clear()

    async def _catch_up(self) -> None:
        for wish in self._notes.wishes():
            self._await(wish)
        end = await self._log.end()
        at = self._notes.offset
        while at < end and (
            batches := await self._log.read(at, limits.LOG_READ_BATCHES_MAX, limits.LOG_READ_BYTES_MAX)
        ):
            for batch in batches:
                self._take(batch)
            at = batches[-1].offset
            self._notes.save(at)
            await asyncio.sleep(0)
        self._seen_to = max(self._seen_to, at)

    async def _take_noticed(self) -> None:
        while self._noticed:
            offset = self._noticed[0]
            if offset > self._notes.offset:
                for batch in await self._log.read(offset - 1, 1, limits.LOG_READ_BYTES_MAX):
                    self._take(batch)
            self._noticed.popleft()

    def _take(self, batch: StoredBatch) -> None:
        """Notes wishes and decisions of a batch that is in the log."""
        if batch.count == 0:
            return
        for event in decode_events(batch.codec, batch.events).events:
            kind = event.WhichOneof("event")
            if kind in WISHES:
                wish = Wish(WishKey(batch.writer, batch.first + event.index), batch.run, event)
                self._notes.add_wish(wish, batch.offset)
                self._await(wish)
            elif kind in DECISIONS and batch.writer == catalogue_writer(*batch.run[:2]):
                answered = getattr(event, kind).wish
                key = WishKey(answered.writer_id, answered.record)
                self._notes.add_decision(*batch.run[:2], batch.first + event.index, event, key)
                self._wishes.pop(key, None)
                self._read_at.pop(key, None)
                self._waiting.forget(key)

    def _await(self, wish: Wish) -> None:
        self._wishes[wish.key] = wish
        self._read_at[wish.key] = self._wall()
        self._waiting.add(wish)

    async def _decide_ready(self) -> bool:
        """Decides what can be; whether anything was."""
        decided = False
        held: set[tuple[bytes, str]] = set()
        for wish in list(self._wishes.values()):
            line = wish.key.writer, wish.event.artifact_logged.name
            if line in held:
                continue
            answered = await self._answered(wish)
            if answered is None:
                if self._wall() - self._read_at[wish.key] < ORDER_PATIENCE_S:
                    held.add(line)
                continue
            place, event = answered
            event.time = self._wall()
            if not await self._state(RunId(*place, ARTIFACT_STREAM), catalogue_writer(*place), event):
                # The disk is full: it is decided again when there is room.
                return False
            # The next decision builds on this one.
            await self._take_noticed()
            decided = True
        return decided

    async def _answered(self, wish: Wish) -> tuple[tuple[str, str], event_pb2.Event] | None:
        """The project whose decision it is, and the decision; None when it cannot be decided yet."""
        kind = wish.event.WhichOneof("event")
        if kind == "artifact_edited":
            return self._edited(wish)
        if kind == "artifact_linked":
            return self._linked(wish)
        try:
            if not await self._waiting.is_ready(wish):
                return None
        except ManifestError as error:
            return self._logged(wish, refused=str(error))
        except (StoreError, FileNotFoundError):
            return None
        return self._logged(wish)

    def _logged(self, wish: Wish, refused: str = "") -> tuple[tuple[str, str], event_pb2.Event]:
        logged, place = wish.event.artifact_logged, (wish.run.entity, wish.run.project)
        decision = Decision(refused=refused)
        if not refused:
            catalogue = self._notes.catalogue(*place)
            decision = catalogue.decide_logged(logged.name, logged.type, logged.sha256, list(logged.aliases))
        said = _assigned(wish, logged.name, logged, decision)
        said.run.CopyFrom(event_pb2.RunKey(**wish.run._asdict()))
        return place, event_pb2.Event(artifact_version_assigned=said)

    def _linked(self, wish: Wish) -> tuple[tuple[str, str], event_pb2.Event] | None:
        link = wish.event.artifact_linked
        source, target = _placed(link.source, wish.run), _placed(link.target, wish.run)
        catalogue = self._notes.catalogue(*source[:2])
        name, wanted = source[2], link.version
        if link.logged_id:
            if link.logged_id in catalogue.by_id:
                name, number = catalogue.by_id[link.logged_id]
                wanted = f"v{number}"
            elif any(other.event.artifact_logged.id == link.logged_id for other in self._wishes.values()):
                return None
        collection = catalogue.collections.get(name)
        version = collection.find(wanted) if collection else None
        if version is None:
            reason = catalogue.refused_ids.get(link.logged_id) or f"there is no {'/'.join(source[:2])}/{name}:{wanted}"
            said = _assigned(wish, target[2], event_pb2.ArtifactLogged(), Decision(refused=reason))
            return target[:2], event_pb2.Event(artifact_version_assigned=said)
        logged = event_pb2.ArtifactLogged(
            name=target[2],
            type=version.type,
            description=version.description,
            metadata_json=version.metadata_json,
            tags=version.tags,
            sha256=version.digest,
            file_count=version.file_count,
            bytes=version.bytes,
        )
        logged.files.add(path="manifest", sha256=version.manifest, bytes=version.manifest_bytes)
        decided = self._notes.catalogue(*target[:2]).decide_logged(
            target[2], version.type, version.digest, list(link.aliases)
        )
        said = _assigned(wish, target[2], logged, decided)
        if version.run:
            said.run.CopyFrom(event_pb2.RunKey(entity=version.run[0], project=version.run[1], run_id=version.run[2]))
        said.source.CopyFrom(event_pb2.ArtifactName(entity=source[0], project=source[1], name=name))
        said.source_version = version.number
        return target[:2], event_pb2.Event(artifact_version_assigned=said)

    def _edited(self, wish: Wish) -> tuple[tuple[str, str], event_pb2.Event]:
        edit = wish.event.artifact_edited
        place = _placed(edit.artifact, wish.run)
        decision = self._notes.catalogue(*place[:2]).decide_edit(edit)
        said = event_pb2.ArtifactChanged(
            wish=_key(wish.key), version=decision.version, edit=edit, refused=decision.refused
        )
        return place[:2], event_pb2.Event(artifact_changed=said)

    async def _expire(self) -> None:
        """Versions that were to be kept for a time go when it is over."""
        for entity, project in self._notes.projects():
            for collection in list(self._notes.catalogue(entity, project).collections.values()):
                for version in collection.versions:
                    if version.deleted or not version.ttl_s or self._wall() < version.created_at + version.ttl_s:
                        continue
                    artifact = event_pb2.ArtifactName(entity=entity, project=project, name=collection.name)
                    edit = event_pb2.ArtifactEdited(
                        by="ttl", artifact=artifact, version=f"v{version.number}", deleted=True, delete_aliases=True
                    )
                    said = event_pb2.ArtifactChanged(version=version.number, edit=edit)
                    event = event_pb2.Event(time=self._wall(), artifact_changed=said)
                    await self._state(RunId(entity, project, ARTIFACT_STREAM), catalogue_writer(entity, project), event)
        await self._take_noticed()


def _placed(name: event_pb2.ArtifactName, run: RunId) -> tuple[str, str, str]:
    return name.entity or run.entity, name.project or run.project, name.name


def _key(key: WishKey) -> event_pb2.RecordKey:
    return event_pb2.RecordKey(writer_id=key.writer, record=key.record)


def _assigned(
    wish: Wish, name: str, logged: event_pb2.ArtifactLogged, decision: Decision
) -> event_pb2.ArtifactVersionAssigned:
    return event_pb2.ArtifactVersionAssigned(
        name=name,
        sha256=logged.sha256,
        version=decision.version,
        wish=_key(wish.key),
        logged=logged,
        existing=decision.existing,
        aliases=decision.aliases,
        refused=decision.refused,
    )
