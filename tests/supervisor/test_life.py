"""The server's life: ready, a component dies, the whole stops, the supervisor itself is killed."""

import json
import os
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.server import Server, until

COMPONENTS = ("collector", "projector", "sweeps", "dashboard")


def alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def answer(address: str) -> dict:
    """What the server answers to a client that looks for it."""
    with urllib.request.urlopen(f"{address}/api/v1/server", timeout=10) as response:
        return json.load(response)


def test_a_ready_server_serves(server: Server):
    """Once server.json is there, every component serves, and the HTTP address leads to the gRPC port."""
    assert answer(server.http)["grpc_port"] == int(server.grpc.rpartition(":")[2])
    assert len({server.pid(name) for name in COMPONENTS}) == len(COMPONENTS)


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_killed_component_is_started_again_at_its_address(server: Server, component: str):
    """Clients know an address for the server's whole life, so a component that died comes back at the same one."""
    grpc_port = answer(server.http)["grpc_port"]
    server.kill(component)
    assert answer(server.http)["grpc_port"] == grpc_port
    assert server.process.poll() is None


def test_a_stopped_server_leaves_nothing(server: Server):
    """SIGTERM ends all components, exits with 0 and withdraws the address."""
    pids = [server.pid(name) for name in COMPONENTS]
    server.close()
    assert server.process.returncode == 0
    assert not [pid for pid in pids if alive(pid)]
    assert not (server.directory / "server.json").exists()
    assert not list((server.directory / "components").iterdir())


def test_components_do_not_outlive_a_killed_supervisor(server: Server):
    """After SIGKILL of `runwell up` its components end too, and another can start on the same directory."""
    pids = [server.pid(name) for name in COMPONENTS]
    server.process.kill()
    server.process.wait()
    until(lambda: not [pid for pid in pids if alive(pid)], "the components ended")
    second = Server.start(server.directory)
    assert second.pid("collector") not in pids
    second.close()


def test_the_hangup_of_a_terminal_stops_the_server(server: Server):
    """Closing the terminal is a graceful stop, as Ctrl-C is."""
    server.process.send_signal(signal.SIGHUP)
    assert server.process.wait(30) == 0
    assert os.listdir(server.directory / "components") == []
