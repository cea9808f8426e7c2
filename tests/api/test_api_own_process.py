"""Reading a run from within the process that writes it."""

import os
from pathlib import Path

import runwell
from runwell.forwarder.spools import list_writers
from tests.cli.terminal import in_terminal
from tests.forwarder.spool_writer import SpoolWriter


def test_reading_ones_own_spool_leaves_its_lock_alone(runwell_dir: Path):
    """A training process that reads its own run sees it running, and others still see that it is alive."""
    with runwell.init(project="p", mode="offline", config={"lr": 0.5}) as run:
        run.log({"loss": 0.25})
        api = runwell.Api(spool=runwell_dir)
        read = api.run(run.id)
        assert (read.state, read.config["lr"], read.summary["loss"]) == ("running", 0.5, 0.25)
        assert "running" in in_terminal("ls", "--spool", str(runwell_dir)).plain
    assert api.run(run.id).state == "finished"
    assert [row["loss"] for row in api.run(run.id).history()] == [0.25]


def test_every_run_id_is_found_again(runwell_dir: Path):
    """A run whose id begins with a dot, as hidden files do, is a run like any other."""
    with runwell.init(project="p", id=".hidden", mode="offline") as run:
        run.log({"loss": 1})
    assert [spool.run.run_id for spool in list_writers(runwell_dir / "spool")] == [".hidden"]
    assert runwell.Api(spool=runwell_dir).run(".hidden").summary["loss"] == 1


def test_a_dead_run_of_an_equal_process_is_dead(tmp_path: Path):
    """A container that starts again has the host name and process id of the one that died; its old run has crashed all the same."""
    spool = SpoolWriter(tmp_path / "spool")
    spool.event(run_started={"fields": {"name": "a"}, "process": {"host": os.uname().nodename, "pid": os.getpid()}})
    (spool.directory / "lock").touch()
    assert runwell.Api(spool=tmp_path).run("r1").state == "crashed"
