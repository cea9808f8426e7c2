"""Processes in odd surroundings: without a home, with closed streams, elsewhere than they began, inside others."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.spool_reading import events, read_rows, spools
from tests.client.test_processes import PRELUDE, finish, start

NOBODY = 54_321
"""A user id that no account has."""

AS_NOBODY = f"""
import os, html, json, tempfile
import runwell, runwell.forwarder.presence
os.setuid({NOBODY})
"""
"""Everything is imported before, since Python itself may be where only its owner can read."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def run_program(program: str, environment: dict[str, str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        **options,  # type: ignore[call-overload]
    )


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in names}


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory for everybody, as /tmp is: pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o777)
        yield Path(directory)


@as_root
@pytest.mark.parametrize(
    "home",
    [None, "", "/", str(Path("~root").expanduser() / "none")],
    ids=["unset", "empty", "read-only", "somebody else's"],
)
def test_a_user_without_a_home_still_trains(home: str | None, runwell_dir: Path, open_directory: Path):
    """No account, no home, or one that cannot be written to: the run is kept in a temporary directory, and it is said where."""
    environment = without("RUNWELL_DIR", "HOME") | {"TMPDIR": str(open_directory)}
    environment |= {} if home is None else {"HOME": home}
    ended = subprocess.run(
        [sys.executable, "-c", AS_NOBODY + PRELUDE + 'run.log({"a": 1})'],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert ended.returncode == 0, ended.stderr
    root = open_directory / f"runwell-{NOBODY}"
    assert f"runs are kept in {root}" in ended.stderr
    assert "RUNWELL_DIR" in ended.stderr
    (spool,) = spools(root)
    assert read_rows(spool) == [(0, {"a": 1})]
    assert root.stat().st_mode & 0o077 == 0


@as_root
def test_a_directory_that_was_asked_for_is_never_replaced(runwell_dir: Path):
    """RUNWELL_DIR that cannot be written to is one clear error: whoever named it looks for the runs there."""
    runwell_dir.chmod(0o500)
    ended = subprocess.run([sys.executable, "-c", AS_NOBODY + PRELUDE], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].startswith("runwell.errors.Error: the run cannot be kept in")


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1, 2]])
def test_closed_standard_streams(closed: list[int], runwell_dir: Path):
    """As under a daemon: what others write to the numbers of standard streams never lands in a spool."""
    close = "import os\n" + "".join(f"os.close({number})\n" for number in closed)
    # What a library writes to standard error, whoever has its number.
    program = (
        "for number in range(3):\n    try:\n        os.write(number, b'noise')\n    except OSError:\n        pass\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", close + PRELUDE + program + "run.log({'a': 1})"],
        capture_output=True,
        check=False,
        timeout=50,
    )
    assert ended.returncode == 0, ended.stderr
    (spool,) = spools(runwell_dir)
    assert read_rows(spool) == [(0, {"a": 1})]
    assert events(spool, "run_finished") == [{"exit_code": 0}]


def test_a_terminal_that_goes_away(runwell_dir: Path):
    """As under nohup with a broken pipe: messages that nobody can read end nothing."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + 'sys.stdin.readline()\nrun.log({"a": 1})'],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=writing,
        text=True,
    )
    os.close(reading)
    os.close(writing)
    process.communicate("\n", timeout=50)
    assert process.returncode == 0
    assert events(spools(runwell_dir)[0], "run_finished") == [{"exit_code": 0}]


def test_a_program_that_moves_goes_on_in_its_spool(tmp_path: Path):
    """A relative root directory is meant where init() was called, wherever the program goes afterwards."""
    environment = without("RUNWELL_DIR") | {"RUNWELL_DIR": "runs"}
    program = 'os.mkdir("elsewhere")\nos.chdir("elsewhere")\nrun.log({"a": 1})\nopen(run.dir + "/notes", "w").close()'
    ended = run_program(program, environment, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    (spool,) = spools(tmp_path / "runs")
    assert read_rows(spool) == [(0, {"a": 1})]
    assert [path.parent.name for path in (tmp_path / "runs").rglob("notes")] == ["files"]


def test_a_working_directory_that_is_gone(runwell_dir: Path, tmp_path: Path):
    """A program whose directory was removed under it trains all the same."""
    prelude = (
        f"import os\nos.chdir({str(tmp_path)!r})\nos.mkdir('gone')\nos.chdir('gone')\nos.rmdir('../gone')\n" + PRELUDE
    )
    code, said = finish(start('run.log({"a": 1})', prelude))
    assert code == 0, said
    assert read_rows(spools(runwell_dir)[0]) == [(0, {"a": 1})]


@pytest.mark.parametrize("mask", ["0o000", "0o027", "0o077"])
def test_files_are_made_as_the_users_mask_says(mask: str, runwell_dir: Path):
    """Nothing of a run is readable for more people than the user's other files."""
    code, said = finish(start('run.log({"a": 1})', f"import os\nos.umask({mask})\n" + PRELUDE))
    assert code == 0, said
    (spool,) = spools(runwell_dir)
    assert all(path.stat().st_mode & int(mask, 8) == 0 for path in (spool, *spool.iterdir()))


def test_init_without_a_free_file_descriptor_is_one_clear_error(runwell_dir: Path):
    """The program may go on without a run; nothing half-made stays, and the next init(), when there are some, is fine."""
    program = """
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    run.finish()
    taken = len(os.listdir("/proc/self/fd")) - 1
    for room in range(6):
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken + room, hard))
        try:
            other = runwell.init(mode="offline", project="p", settings={"git": False})
        except runwell.Error as error:
            assert "Too many open files" in str(error)
        else:
            other.log({"a": 1})
            other.finish()
    # The C library opens a file when a daemon thread is ended by the interpreter's end.
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    """
    code, said = finish(start(program))
    assert code == 0, said
    found = [events(spool, "run_finished") for spool in spools(runwell_dir)]
    assert found
    assert found == [[{"exit_code": 0}]] * len(found)


def test_a_subprocess_has_runs_of_its_own(runwell_dir: Path):
    """A program that a training job starts inherits its environment, and neither its run, its lock nor its descriptors."""
    inner = "import os, runwell\nassert runwell.run is None\nruns = runwell.init(mode='offline', project='p', settings={'git': False})\n"
    inner += "assert not [d for d in os.listdir('/proc/self/fd') if os.path.realpath('/proc/self/fd/' + d).startswith(OUTER)]\n"
    inner += "runs.log({'inner': 1})"
    code, said = finish(
        start(f"""
        import subprocess
        run.log({{"outer": 1}})
        subprocess.run([sys.executable, "-c", f"OUTER = {{str(run.spool)!r}}\\n" + {inner!r}], check=True, close_fds=False)
        run.log({{"outer": 2}})
        """)
    )
    assert code == 0, said
    rows = [[row for _, row in read_rows(spool)] for spool in spools(runwell_dir)]
    assert sorted(rows, key=len) == [[{"inner": 1}], [{"outer": 1}, {"outer": 2}]]
