"""Reading from a server: connections, failures and pages."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from runwell._api import Api
from runwell._api_columns import ColumnPage, joined
from runwell._api_errors import ApiError, NotFoundError, RequestRefusedError
from runwell._api_http import find_server
from runwell.errors import Error, ServerUnreachableError
from tests.api.scene import HOSTILE_ID, component, send, write_plain, write_scene

NOT_OURS = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + b'{"projects":[]}'


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with each connection what it is told; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the scene."""
    root = tmp_path_factory.mktemp("api")
    send(write_scene(root / "spool"), root / "server")
    with component("runwell_projector", root / "server"), component("runwell_dashboard", root / "server") as said:
        yield said["http"]


def test_the_server_is_found(runwell_dir: Path, monkeypatch: pytest.MonkeyPatch):
    """The argument counts before RUNWELL_BASE_URL, and that before what `runwell up` wrote; none is an error that helps."""
    with pytest.raises(ServerUnreachableError, match="runwell up"):
        find_server()
    (runwell_dir / "server").mkdir()
    (runwell_dir / "server" / "server.json").write_text('{"http": "http://127.0.0.1:1"}')
    assert find_server() == "http://127.0.0.1:1"
    monkeypatch.setenv("RUNWELL_BASE_URL", "http://127.0.0.1:2/")
    assert find_server() == "http://127.0.0.1:2"
    assert find_server("http://127.0.0.1:3") == "http://127.0.0.1:3"
    for address in ("ftp://x", "http://[::1", "http://localhost:99999", "http://localhost:port"):
        with pytest.raises(ServerUnreachableError, match="is not an address"):
            Api(address)


def test_nobody_there_is_told():
    """Where no server listens the error names the address and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ServerUnreachableError, match=f":{port} .*runwell up"):
        Api(f"http://127.0.0.1:{port}").projects()


def test_a_server_that_hangs_is_given_up():
    """An answer that does not come within the time-out is an error, not a wait for ever."""
    release = threading.Event()
    with answering(lambda connection: (connection.recv(1000), release.wait(20))) as base:
        with pytest.raises(ServerUnreachableError, match=r"did not answer within 0\.2 s"):
            Api(base, timeout=0.2).projects()
        release.set()


@pytest.mark.parametrize(
    "answer", [NOT_OURS, b"nonsense\r\n\r\n", b"", NOT_OURS.replace(b"200 OK", b"502 Bad"), NOT_OURS[:-3]]
)
def test_a_server_that_is_not_ours_is_told(answer: bytes):
    """Whatever else listens there, the answer is one error of ours."""
    with (
        answering(lambda connection: (connection.recv(10_000), connection.sendall(answer))) as base,
        pytest.raises(Error),
    ):
        Api(base).projects()


def test_a_closed_connection_is_made_anew():
    """A server that closes a kept connection, as one that was restarted does, is asked again."""
    with answering(lambda connection: (connection.recv(10_000), connection.sendall(EMPTY))) as base:
        api = Api(base)
        assert [api.projects() for _ in range(3)] == [[], [], []]


def test_errors_of_the_server_are_told(base: str):
    """Missing runs, filters that cannot be read and unclear names each raise their error."""
    api = Api(base)
    for path in ("never", "digits/never", "ada/digits/never"):
        with pytest.raises(NotFoundError, match="there is no run"):
            api.run(path)
    with pytest.raises(RequestRefusedError, match="did you mean state"):
        api.runs(filters="stat == 'x'")
    with pytest.raises(RequestRefusedError, match=r"\$where is not known"):
        api.runs(filters={"config.a": {"$where": "1"}})
    with pytest.raises(ApiError, match="is not ENTITY/PROJECT"):
        api.runs("a/b/c")


def test_runs_load_page_by_page(base: str):
    """Only the pages that are looked at are asked for, and each run comes once."""
    runs = Api(base).runs("ada/digits", order="run_id", per_page=1)
    assert runs[0].id == "odd"
    assert len(runs._runs) == 1
    assert [run.id for run in runs] == ["odd", "plain", "resumed", HOSTILE_ID]
    assert len(runs) == 4 and runs[-1].id == HOSTILE_ID
    assert [run.id for run in Api(base).runs(filters={"name": HOSTILE_ID})] == [HOSTILE_ID]


@pytest.mark.parametrize("keys", [None, ["loss"], ["loss", "epoch"], ["loss", "never"], ["_step"]])
def test_columns_are_the_rows(base: str, keys: list[str] | None):
    """Of each key a value a row, None where the row has none, types as they were logged; from spools as from a server."""
    for run in Api(base).runs():
        rows = list(run.scan_history(keys, all=True))
        names = dict.fromkeys(key for row in rows for key in row)
        columns = run.columns(keys, all=True)
        assert repr({key: columns[key] for key in names}) == repr(
            {key: [row.get(key) for row in rows] for key in names}
        )
        assert repr(joined([ColumnPage.of_rows(rows)])) == repr({key: columns[key] for key in names})
        assert all(value is None for key in columns.keys() - names for value in columns[key])


def test_a_series_along_steps_and_times(base: str):
    """Whole series come as the rows have them."""
    run = Api(base).run("ada/digits/resumed")
    rows = list(run.scan_history(["loss"]))
    assert run.series("loss") == {"x": [row["_step"] for row in rows], "values": [row["loss"] for row in rows]}
    assert run.series("loss", "_timestamp")["x"] == [row["_timestamp"] for row in rows]
    assert run.series("never") == {"x": [], "values": []}


def test_threads_share_an_api(base: str):
    """Threads read through one Api at the same time, each on a connection of its own."""
    api = Api(base)
    with ThreadPoolExecutor(8) as threads:
        lengths = list(threads.map(lambda _: len(api.run("ada/digits/plain").history()), range(24)))
    assert lengths == [20] * 24


def test_a_forked_child_has_its_own_connection(base: str):
    """A child that inherits an Api does not read from its parent's connection."""
    api = Api(base)
    assert len(api.projects()) == 1
    child = os.fork()
    if child == 0:
        os._exit(0 if len(api.runs()) == 4 else 1)
    assert [len(api.runs()) for _ in range(10)] == [4] * 10
    assert os.waitpid(child, 0)[1] == 0


def test_a_run_that_goes_on_is_read_again(tmp_path: Path):
    """A run is a snapshot; load() brings what came since."""
    spool = write_plain(tmp_path / "spool")
    data_dir = tmp_path / "server"
    send(tmp_path / "spool", data_dir)
    with component("runwell_projector", data_dir), component("runwell_dashboard", data_dir) as said:
        run = Api(said["http"]).run(spool.run_id)
        later = type(spool)(tmp_path / "more", spool.run_id)
        later.event(run_resumed={"attempt": 2, "starting_step": 20})
        later.row(20, {"loss": 0.5})
        send(tmp_path / "more", data_dir)
        assert run.last_step == 19 and len(run.history()) == 21
        assert run.load().last_step == 20 and run.state == "crashed"
