"""Runs the state machines: finds spools, keeps a stream to the collector, and ends when there is nothing left to do."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from pathlib import Path

from runwell._version import VERSION
from runwell.core.limits import BATCH_BYTES_TARGET, GIVE_UP_AFTER_S, MESSAGE_PARTS_MAX
from runwell.forwarder.address import ServerUnreachableError
from runwell.forwarder.backoff import Backoff
from runwell.forwarder.blobs import BlobSender
from runwell.forwarder.courier import Courier, ProtocolError, State, Terms
from runwell.forwarder.errand import Errand
from runwell.forwarder.lookout import Lookout
from runwell.forwarder.mailbox import Answer, Mailbox
from runwell.forwarder.retention import Retention
from runwell.forwarder.session import Session
from runwell.forwarder.surroundings import Surroundings, this_machine
from runwell.v1 import collector_pb2 as wire

LOOK_INTERVAL_S = 0.5
"""New spools are noticed this soon; a training process that starts one says so besides."""

PRUNE_INTERVAL_S = 60.0

LINGER_S = 60.0
"""A forwarder with nothing left to do stays this long for the next run."""

RETRY_INTERVAL_MIN_S = 0.5
"""However often it is woken, a forwarder knocks at a server that does not answer at most this often."""

BACKOFF_MAX_S = 60.0

UNREACHABLE_PATIENCE_S = 3.0
"""In the foreground: a server that was never reached is waited for this long."""


class Forwarder:
    """``problem`` says what is wrong with the server, if anything is. ``progressed`` is called now and then."""

    def __init__(
        self,
        errand: Errand,
        mailbox: Mailbox | None = None,
        progressed: Callable[["Forwarder"], None] | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.problem = ""
        self._errand = errand
        self._mailbox = mailbox
        self._progressed = progressed or (lambda _: None)
        self._surroundings = around = surroundings or this_machine()
        self._now = around.monotonic
        self.session = Session(Terms(around.random, around.wall_time, VERSION))
        self.lookout = Lookout(around.disk, errand.places, errand.spools, offline=not errand.follow)
        self._retention = Retention(around.disk)
        self.blobs: BlobSender | None = None
        if around.send_blobs:
            directories = lambda: [courier.spool.directory for courier in self.session.couriers]  # noqa: E731
            self.blobs = BlobSender(
                around.disk, around.random, around.monotonic, lambda: around.find(errand), directories, errand.places
            )
        self._backoff = Backoff(around.random, RETRY_INTERVAL_MIN_S, BACKOFF_MAX_S)
        self._stirred = asyncio.Event()
        self._stopping = False
        self._by_writer: dict[bytes, Courier] = {}
        self._looked_at = self._pruned_at = float("-inf")
        self._unreachable_since: float | None = None
        self._progress: tuple[tuple[int, tuple[int, int]], ...] = ()
        self._progress_at = self._busy_at = self._reached_at = self._now()
        self._asked_at = float("-inf")
        self._ever_reached = False

    def stop(self) -> None:
        """Ends ``run`` soon; everything stays as it is."""
        self._stopping = True
        self._stirred.set()

    async def run(self) -> None:
        """Sends what there is until the errand is done, or cannot be done."""
        loop = asyncio.get_running_loop()
        if self._mailbox is not None:
            loop.add_reader(self._mailbox.socket, self._asked)
        sending_blobs = None
        try:
            self._look_around(self._now(), at_once=True)
            self._ask_about_what_is_done()
            if self.blobs is not None:
                self.blobs.look()
                sending_blobs = asyncio.create_task(self.blobs.run())
                sending_blobs.add_done_callback(lambda _: self._stirred.set())
            while not self._over(self._now()):
                if sending_blobs is not None and sending_blobs.done():
                    await sending_blobs
                await self._try()
        finally:
            if sending_blobs is not None:
                sending_blobs.cancel()
                await asyncio.wait([sending_blobs])
            if self._mailbox is not None:
                loop.remove_reader(self._mailbox.socket)
            self.session.save(self._now())
            self._answer()

    async def _try(self) -> None:
        attempted_at = self._now()
        try:
            await self._stream()
        except (ServerUnreachableError, ProtocolError) as error:
            now = self._now()
            self.session.disconnect()
            self.problem = (
                str(error) if isinstance(error, ServerUnreachableError) else f"the server answers nonsense: {error}"
            )
            if self._unreachable_since is None:
                self._unreachable_since = now
            self._answer()
            if now - attempted_at > BACKOFF_MAX_S:
                # It had lasted: a server that was restarted rather than one that cannot.
                self._backoff.reset()
            await self._pause(attempted_at, now + self._backoff.next_s())

    async def _stream(self) -> None:
        address = await asyncio.to_thread(self._surroundings.find, self._errand)
        async with self._surroundings.connect(address, self._received) as stream:
            stream.answers.add_done_callback(lambda _: self._stirred.set())
            self.session.connect(self._now(), compressed=not address.loopback)
            while not self._over(now := self._now()):
                if stream.answers.done():
                    await stream.answers
                self._look_around(now)
                self.session.tick(now)
                if requests := self._gathered(now):
                    await stream.send(wire.PublishRequest(requests=requests))
                elif self.session.busy:
                    await asyncio.sleep(0)
                else:
                    await self._wait(min(self.session.next_tick(), self._looked_at + LOOK_INTERVAL_S))

    def _gathered(self, now: float) -> list[wire.Request]:
        """What there is to send, up to a full batch: each message costs both sides more than what a small one carries."""
        requests: list[wire.Request] = []
        room_bytes = BATCH_BYTES_TARGET
        while room_bytes > 0 and len(requests) < MESSAGE_PARTS_MAX:
            request = self.session.next_request(now)
            if request is None:
                break
            requests.append(request)
            room_bytes -= len(request.batch.events)
        return requests

    async def _wait(self, until: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(until - self._now(), 0)):
                await self._stirred.wait()
        self._stirred.clear()

    async def _pause(self, attempted_at: float, until: float) -> None:
        """Waits for the next attempt; whoever asks makes it come sooner."""
        asked_at = self._asked_at
        while not self._over(now := self._now()) and now < until:
            if self._asked_at > asked_at and now >= attempted_at + RETRY_INTERVAL_MIN_S:
                return
            self._look_around(now)
            await self._wait(min(until, now + LOOK_INTERVAL_S))

    # ---- What comes in

    def _received(self, message: wire.PublishResponse) -> None:
        now = self._now()
        for response in message.responses:
            self.session.received(response, now)
            if response.HasField("ack"):
                self._backoff.reset()
        self._unreachable_since, self._reached_at, self._ever_reached, self.problem = None, now, True, ""
        self._answer()
        self._stirred.set()

    def _asked(self) -> None:
        assert self._mailbox is not None
        now = self._now()
        asked = self._mailbox.read(now)
        if self.blobs is not None and asked.anew:
            self.blobs.stir()
        if asked.anew or not asked.writers:
            self._asked_at = self._busy_at = now
        if not asked.writers or any(writer not in self._by_writer for writer in asked.anew):
            self._look_around(now, at_once=True)
        for writer in asked.anew & self._by_writer.keys():
            self.session.hurry(self._by_writer[writer])
        self._answer(asked.writers)
        self._stirred.set()

    def _answer(self, asked: Collection[bytes] = ()) -> None:
        if self._mailbox is not None:
            self._mailbox.answer(self._how_far, self._now(), asked)

    def _how_far(self, writer: bytes) -> Answer:
        courier = self._by_writer.get(writer)
        if courier is None:
            return Answer(0, "its spool is not in the directory that the forwarder looks after")
        problem = self.problem or courier.problem
        durable = courier.durable(self.session.log_id)
        if durable and self.blobs is not None and not self.blobs.settled(courier.spool.directory):
            # A run is with the server when its files are: whoever waits for its last record waits for them.
            durable, problem = durable - 1, problem or self.blobs.problem or "its files are still on their way"
        return Answer(durable, problem, courier.state is State.FAILED, self._unreachable_since is not None)

    def _look_around(self, now: float, *, at_once: bool = False) -> None:
        if not at_once and now < self._looked_at + LOOK_INTERVAL_S:
            return
        self._looked_at = now
        for spool in self.lookout.look(now):
            self._by_writer.setdefault(spool.writer, self.session.add(spool))
            self._busy_at = now
        self._progressed(self)
        if now >= self._pruned_at + PRUNE_INTERVAL_S:
            self._pruned_at = now
            self._prune()

    def _prune(self) -> None:
        for courier in list(self.session.couriers):
            with contextlib.suppress(OSError):
                if courier.state is State.DONE and not courier.ledger.over():
                    self.session.doubt(courier)
                acked = courier.ledger.acked
                # What another log had, a restored or a new one may not have.
                known = acked is not None and acked.log_id == self.session.log_id
                if self.blobs is not None and not self.blobs.settled(courier.spool.directory):
                    continue
                if known and self._retention.prune(courier, self._surroundings.wall_time()):
                    self.session.forget(courier)
                    self.lookout.forget(courier.spool.directory)
                    self._by_writer.pop(courier.spool.writer, None)

    def _ask_about_what_is_done(self) -> None:
        """In the foreground, one spool that was sent before is asked about: this may be another server, or a restored one."""
        couriers = list(self.session.couriers)
        if not self._errand.follow and couriers and all(courier.settled for courier in couriers):
            self.session.doubt(couriers[-1])

    # ---- When it is over

    def _over(self, now: float) -> bool:
        if self._stopping:
            return True
        return self._follow_over(now) if self._errand.follow else self._foreground_over(now)

    def _follow_over(self, now: float) -> bool:
        if self._is_gone(self._errand.places[0]):
            return True
        sending_blobs = self.blobs is not None and self.blobs.pending
        if sending_blobs or not all(courier.settled for courier in self.session.couriers):
            self._busy_at = now
            return now - self._reached_at > GIVE_UP_AFTER_S
        return now - self._busy_at > LINGER_S

    def _is_gone(self, place: Path) -> bool:
        """A directory that cannot be looked at for now may come back."""
        try:
            return self._surroundings.disk.size(place) is None
        except OSError:
            return False

    def _foreground_over(self, now: float) -> bool:
        if self.session.connected and self.session.busy:
            # To look at every spool after every message would take the square of their number.
            return False
        couriers = list(self.session.couriers)
        sending_blobs = self.blobs is not None and self.blobs.pending
        if not sending_blobs and all(courier.settled or (courier.caught_up and courier.live) for courier in couriers):
            return True
        progress = tuple((courier.records_sent, courier.furthest) for courier in couriers)
        progress += ((self.blobs.progress if self.blobs is not None else 0, (0, 0)),)
        if progress != self._progress:
            self._progress, self._progress_at = progress, now
        patience_s = self._errand.patience_s
        return now - self._progress_at > (patience_s if self._ever_reached else min(patience_s, UNREACHABLE_PATIENCE_S))
