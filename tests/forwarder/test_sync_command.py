"""``runwell sync`` as people run it, against collectors that are honest, absent, hanging or mad."""

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from runwell.forwarder.errand import Errand
from runwell.forwarder.forwarder import Forwarder
from runwell.v1 import collector_pb2 as wire
from tests.forwarder.adverse_collector import AdverseCollector, Behaviour, changed, honest, in_background
from tests.forwarder.model_collector import ModelCollector
from tests.forwarder.spool_writer import SpoolWriter

NewSpool = Callable[..., SpoolWriter]

URL = "http://127.0.0.1:9"
"""Nobody listens there: the collector is known from server.json."""


def announce(root: Path, port: int) -> None:
    """Says where a local server is, as ``runwell up`` does."""
    (root / "server").mkdir(parents=True, exist_ok=True)
    (root / "server" / "server.json").write_text(json.dumps({"http": URL, "grpc": f"127.0.0.1:{port}", "pid": 1}))


async def sync(*arguments: object) -> tuple[int, str, str]:
    return await in_background([sys.executable, "-m", "runwell", "sync", *map(str, arguments)])


def filled(spool: SpoolWriter, rows: int = 20) -> SpoolWriter:
    spool.start()
    spool.rows_of(rows)
    spool.finish()
    return spool


async def test_sync_sends_once_and_says_what_it_did(new_spool: NewSpool, tmp_path: Path) -> None:
    """The first time everything is sent, the second time nothing; both end with status 0 and a line for each run."""
    one, two = filled(new_spool("one")), filled(new_spool("two"), 1200)
    model = ModelCollector()
    async with AdverseCollector(honest(model)) as collector:
        announce(tmp_path, collector.port)
        first = await sync(tmp_path)
        second = await sync(tmp_path / "spool")
        third = await sync(one.directory)
    assert first == (0, "ada/digits/one: 22 records sent, complete\nada/digits/two: 1,202 records sent, complete\n", "")
    assert second == (0, "ada/digits/one: nothing new, complete\nada/digits/two: nothing new, complete\n", "")
    assert third == (0, "ada/digits/one: nothing new, complete\n", "")
    assert model.writers[one.writer].steps() == list(range(1, 21))
    assert model.writers[two.writer].steps() == list(range(1, 1201))


async def test_a_server_that_is_away_is_named(new_spool: NewSpool, tmp_path: Path) -> None:
    """Status 1, and one line that says what was not sent, why, and what to do."""
    filled(new_spool())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        announce(tmp_path, taken.getsockname()[1])
        status, output, errors = await sync(tmp_path)
    assert status == 1
    assert output == "ada/digits/r1: nothing new, NOT complete\n"
    assert errors.count("\n") == 1
    assert f"ada/digits/r1 could not be sent to {URL}" in errors
    assert "refused" in errors
    assert "run `runwell sync` again" in errors


async def test_without_a_server_it_says_how_to_have_one(new_spool: NewSpool, tmp_path: Path) -> None:
    """No address anywhere is one clear line, and so is an address of something else."""
    filled(new_spool())
    assert await sync(tmp_path) == (
        1,
        "",
        "runwell: no server is known: start one with `runwell up`, or name it with --base-url or RUNWELL_BASE_URL\n",
    )
    for address in ("not an address", "http://[::1", "http://localhost:port", "http://localhost:99999", "ftp://x"):
        status, _, errors = await sync("--base-url", address, tmp_path)
        assert (status, errors.count("\n")) == (1, 1)
        assert "is no address of a server" in errors


async def test_the_address_of_something_else_is_told(new_spool: NewSpool, tmp_path: Path) -> None:
    """The gRPC port given for the server's address, without a scheme: one line says that it is something else."""
    filled(new_spool())
    async with AdverseCollector(honest(ModelCollector())) as collector:
        status, _, errors = await sync("--base-url", f"127.0.0.1:{collector.port}", tmp_path)
    assert (status, errors.count("\n")) == (1, 1)
    assert "does not answer as a Runwell server" in errors


async def test_problems_of_some_spools_do_not_stop_the_others(new_spool: NewSpool, tmp_path: Path) -> None:
    """A spool of a newer version is told with what to do, status 1; what can be sent is sent."""
    newer, fine = new_spool("newer", version=3), filled(new_spool("fine"))
    model = ModelCollector()
    async with AdverseCollector(honest(model)) as collector:
        announce(tmp_path, collector.port)
        status, output, errors = await sync(tmp_path)
    assert status == 1
    assert output == "ada/digits/fine: 22 records sent, complete\n"
    assert str(newer.directory) in errors
    assert "version 3" in errors
    assert "upgrade runwell" in errors
    assert model.writers[fine.writer].durable == 22


def _beyond(response: wire.Response) -> wire.Response:
    if response.HasField("welcome"):
        response.welcome.durable, response.welcome.chain = 10**12, 7
    return response


def _far_acks(response: wire.Response) -> wire.Response:
    if response.HasField("ack"):
        response.ack.durable += 1000
    return response


def _strangers(response: wire.Response) -> wire.Response:
    if response.HasField("ack"):
        response.ack.writer_id = b"stranger"
    return response


def _empty(response: wire.Response) -> wire.Response:
    return wire.Response()


def _rewinds(response: wire.Response) -> wire.Response:
    if response.HasField("ack"):
        return wire.Response(rewind=wire.Rewind(writer_id=response.ack.writer_id, durable=0, chain=0))
    return response


def _refuses(response: wire.Response) -> wire.Response:
    if response.HasField("welcome"):
        refused = wire.Refused(writer_id=response.welcome.writer_id, final=True, message="not today")
        return wire.Response(refused=refused)
    return response


@pytest.mark.parametrize(
    ("change", "convincing"),
    [(_beyond, False), (_empty, False), (_refuses, False), (_far_acks, True), (_strangers, True), (_rewinds, False)],
)
async def test_nonsense_is_told_and_the_spool_stays(
    new_spool: NewSpool,
    tmp_path: Path,
    change: Callable[[wire.Response], wire.Response],
    convincing: bool,
) -> None:
    """Of a mad collector only a Welcome with the right chain is believed; the spool stays, and an honest one gets it."""
    spool = filled(new_spool())
    before = spool.path.read_bytes()
    async with AdverseCollector(changed(change, ModelCollector())) as collector:
        announce(tmp_path, collector.port)
        forwarder = Forwarder(Errand((tmp_path / "spool",), (), URL, tmp_path, follow=False, patience_s=1.5))
        await forwarder.run()
    (courier,) = forwarder.session.couriers
    assert courier.caught_up == convincing
    assert spool.path.read_bytes() == before
    model = ModelCollector("another log")
    async with AdverseCollector(honest(model)) as collector:
        announce(tmp_path, collector.port)
        assert (await sync(tmp_path))[0] == 0
    assert model.writers[spool.writer].steps() == list(range(1, 21))


def _broken_off(model: ModelCollector, code: grpc.StatusCode) -> Behaviour:
    """Ends every stream after six answers."""

    async def behaviour(requests, context):  # type: ignore[no-untyped-def]
        stream: dict[bytes, int] = {}
        answered = 0
        async for request in requests:
            for response in model.answer(stream, request):
                yield response
                answered += 1
            if answered >= 6:
                await context.abort(code, "out of order")

    return behaviour


async def test_streams_that_break_off_are_taken_up_again(new_spool: NewSpool, tmp_path: Path) -> None:
    """A collector that ends stream after stream gets everything in the end, each row once."""
    spools = [filled(new_spool(f"r{n}")) for n in range(4)]
    model = ModelCollector()
    async with AdverseCollector(_broken_off(model, grpc.StatusCode.INTERNAL)) as collector:
        announce(tmp_path, collector.port)
        status, _, errors = await sync(tmp_path)
        assert (status, errors) == (0, "")
        assert collector.streams > 1
    for spool in spools:
        assert model.writers[spool.writer].steps() == list(range(1, 21))
