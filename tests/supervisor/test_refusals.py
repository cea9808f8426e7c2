"""`runwell up` says in one line what has to be changed, and exits with 2."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import Server

UP = ("-m", "runwell", "up", "--http-port", "0", "--grpc-port", "0")


def refused(*arguments: str) -> str:
    """The one line of a `runwell up` that must not start."""
    ended = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=50)
    assert ended.returncode == 2, ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


@pytest.mark.parametrize("option", ["--http-port", "--grpc-port"])
def test_a_busy_port_is_named_with_the_option_that_chooses_another(option: str):
    """Whoever finds 8080 taken reads which flag to use."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(*UP, option, str(port))
    assert f"port {port}" in line
    assert option in line


def test_a_second_server_on_a_directory_names_the_first(server: Server):
    """The data directory belongs to one server: the second says which process has it, and its address."""
    line = refused(*UP, "--dir", str(server.directory))
    assert str(server.process.pid) in line
    assert server.http in line


def test_a_missing_server_extra_is_named():
    """After a bare `pip install runwell` the server says what to install."""
    bare = "import sys; sys.modules['starlette'] = None; from runwell.cli import main; sys.exit(main(['up']))"
    assert "pip install 'runwell[server]'" in refused("-c", bare)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_an_address_beyond_this_machine_needs_a_flag(host: str):
    """Nothing asks who is there, so nobody opens the server to a network by accident."""
    assert "--allow-remote" in refused(*UP, "--host", host)


def test_an_address_of_another_machine_is_refused():
    """An address that this machine does not have is told apart from a busy port."""
    assert "not an address of this machine" in refused(*UP, "--host", "192.0.2.1", "--allow-remote")


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path):
    """A data directory that cannot be written is named with the flag that chooses another."""
    (tmp_path / "file").touch()
    line = refused(*UP, "--dir", str(tmp_path / "file" / "data"))
    assert str(tmp_path / "file" / "data") in line
    assert "--dir" in line


def test_a_port_that_is_no_port_is_refused():
    """Nonsense is refused by the command line itself."""
    ended = subprocess.run([sys.executable, *UP, "--http-port", "70000"], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "0 to 65535" in ended.stderr
