"""Real processes: killed, forked, ended in every way, and with a disk that takes no more."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.client.spool_reading import events, read_rows, read_spool, spools

PRELUDE = """
import os, sys
import runwell
run = runwell.init(mode="offline", project="p", settings={"git": False})
"""


def start(program: str, prelude: str = PRELUDE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", prelude + textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and standard error."""
    _, said = process.communicate(timeout=50)
    return process.returncode, said


def test_rows_survive_a_kill_right_after_log(runwell_dir: Path):
    """SIGKILL the moment log() has returned: every row is in the spool, the last one too."""
    code, said = finish(
        start("""
        import signal
        for number in range(1000):
            run.log({"a": number, "b": number * 0.5})
        os.kill(os.getpid(), signal.SIGKILL)
        """)
    )
    assert code == -signal.SIGKILL, said
    (spool,) = spools(runwell_dir)
    assert read_rows(spool) == [(number, {"a": number, "b": number * 0.5}) for number in range(1000)]
    assert not events(spool, "run_finished")


@pytest.mark.parametrize(
    ("ending", "status", "recorded"),
    [
        ("pass", 0, 0),
        ("sys.exit(7)", 7, 7),
        ("sys.exit('message')", 1, 1),
        ("sys.exit()", 0, 0),
        ("raise ValueError", 1, 1),
        ("raise KeyboardInterrupt", -signal.SIGINT, 255),
        ("sys.exit(True)", 1, 1),
        ("sys.exit(2**40)", 0, 0),
        ("run.finish(5)", 0, 5),
        ("run.finish(True)", 0, 1),
        ("run.finish(); run.finish(9)", 0, 0),
        ("runwell.finish(exit_code=3)", 0, 3),
        ("os.kill(os.getpid(), 15); import time; time.sleep(30)", -signal.SIGTERM, 143),
    ],
)
def test_the_end_of_a_process_is_recorded(ending: str, status: int, recorded: int, runwell_dir: Path):
    """However a process ends that can still act, the exit code that it ends with is the run's, and is written once."""
    code, said = finish(start(f'run.log({{"a": 1}})\n{ending}'))
    assert code == status, said
    (spool,) = spools(runwell_dir)
    assert events(spool, "run_finished") == [{"exit_code": recorded}]
    last = read_spool(spool)[-1].event
    assert last == {"run_finished": {"exit_code": recorded}}
    assert type(last["run_finished"]["exit_code"]) is int


def test_an_exception_in_a_with_block_fails_the_run_and_goes_on(runwell_dir: Path):
    """The run has exit code 1 even when the exception is caught outside and the process ends well."""
    code, said = finish(
        start("""
        try:
            with run:
                raise ValueError
        except ValueError:
            print("caught")
        """)
    )
    assert code == 0, said
    assert events(spools(runwell_dir)[0], "run_finished") == [{"exit_code": 1}]


def test_hooks_of_others_still_run(runwell_dir: Path):
    """sys.exit and sys.excepthook that were replaced before init() are called as before."""
    prelude = 'import sys\nsys.excepthook = lambda *_: print("mine", file=sys.stderr)\n' + PRELUDE
    code, said = finish(start("raise ValueError", prelude))
    assert (code, "mine" in said) == (1, True)
    assert events(spools(runwell_dir)[0], "run_finished") == [{"exit_code": 1}]


def test_a_handler_of_the_users_own_for_sigterm_stays(runwell_dir: Path):
    """A program that handles SIGTERM itself goes on logging after it."""
    prelude = 'import signal\nsignal.signal(signal.SIGTERM, lambda *_: run.log({"a": 2}))\n' + PRELUDE
    code, said = finish(start('run.log({"a": 1})\nos.kill(os.getpid(), 15)\nrun.log({"a": 3})', prelude))
    assert code == 0, said
    assert [row["a"] for _, row in read_rows(spools(runwell_dir)[0])] == [1, 2, 3]


def test_forked_children_write_spools_of_their_own(runwell_dir: Path):
    """Parent and children log at once; each child's first row makes a writer that names its parent, and no row is lost."""
    code, said = finish(
        start("""
        run.log({"a": 0})
        children = []
        for child in (1, 2):
            pid = os.fork()
            if pid == 0:
                log = run.log
                for number in range(300):
                    log({"a": 1000 * child + number})
                runwell.summary["child"] = child
                sys.exit(child)
            children.append(pid)
        for number in range(1, 300):
            run.log({"a": number})
        for pid in children:
            os.waitpid(pid, 0)
        """)
    )
    assert code == 0, said
    by_writer = {spool: [row["a"] for _, row in read_rows(spool)] for spool in spools(runwell_dir)}
    assert sorted(by_writer.values()) == [[base + number for number in range(300)] for base in (0, 1000, 2000)]
    (parent,) = [spool for spool in by_writer if not events(spool, "writer_attached")]
    for spool in set(by_writer) - {parent}:
        (attached,) = events(spool, "writer_attached")
        assert (attached["attempt"], attached["starting_step"]) == (1, 1)
        assert read_rows(spool)[0][0] == 1
        assert events(spool, "run_finished")[0]["exit_code"] in (1, 2)
    assert events(parent, "run_finished") == [{"exit_code": 0}]


def test_a_child_that_logs_nothing_leaves_no_trace(runwell_dir: Path):
    """A forked worker that never logs, and ends as it likes, neither makes a spool nor ends its parent's run."""
    code, said = finish(
        start("""
        import multiprocessing
        worker = multiprocessing.get_context("fork").Process(target=len, args=("x",))
        worker.start()
        if os.fork() == 0:
            sys.exit(3)
        os.wait()
        worker.join()
        run.log({"a": 1})
        """)
    )
    assert code == 0, said
    (spool,) = spools(runwell_dir)
    assert events(spool, "run_finished") == [{"exit_code": 0}]


def test_forks_while_threads_log(runwell_dir: Path):
    """Children of a process whose threads are in the middle of log() can log, and none of them hangs."""
    code, said = finish(
        start("""
        import threading
        stop = threading.Event()
        def work():
            while not stop.is_set():
                run.log({"a": 1.0, "b": 2})
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            pid = os.fork()
            if pid == 0:
                run.log({"child": 1})
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        for thread in threads:
            thread.join()
        """)
    )
    assert code == 0, said
    children = [spool for spool in spools(runwell_dir) if events(spool, "writer_attached")]
    assert [[row for _, row in read_rows(spool)] for spool in children] == [[{"child": 1}]] * 10


def test_a_disk_that_takes_no_more_does_not_end_training(runwell_dir: Path):
    """Past the largest file that the process may write, rows are dropped and counted, and the program ends well."""
    code, said = finish(
        start("""
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        for number in range(2000):
            run.log({"a": number})
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        run.log({"a": 2000})
        print(run.step)
        """)
    )
    assert code == 0, said
    assert said.count("takes no more rows: File too large") == 1
    (spool,) = spools(runwell_dir)
    kept = [row["a"] for _, row in read_rows(spool)]
    assert kept == [*range(len(kept) - 1), 2000]
    assert events(spool, "records_dropped") == [{"count": 2001 - len(kept), "reason": "File too large"}]


def test_a_full_disk_at_the_start_is_one_clear_error(runwell_dir: Path):
    """init() says where it could not write and what to do; nothing half-made is left."""
    prelude = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))\n"
    code, said = finish(start("", prelude + PRELUDE))
    assert code == 1
    assert said.strip().splitlines()[-1].startswith("runwell.errors.Error: the run cannot be kept in")
    assert "RUNWELL_DIR" in said
    assert spools(runwell_dir) == []


@pytest.mark.parametrize("bytes_max", [0, 10])
def test_a_disk_without_room_for_the_lock_keeps_nothing_half_made(bytes_max: int, runwell_dir: Path):
    """The process may go on without a run; nothing of the attempt stays in the spool directory."""
    prelude = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({bytes_max}, resource.RLIM_INFINITY))\n"
    code, said = finish(start("", prelude + PRELUDE))
    assert code == 1, said
    assert spools(runwell_dir) == []


def test_a_process_without_a_free_file_descriptor_loses_no_row(runwell_dir: Path):
    """The spool's own files are open: rows, syncs and the end of the run need no further one."""
    code, said = finish(
        start("""
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        for number in range(5):
            run.log({"a": number})
            run._lane.sync()
        """)
    )
    assert code == 0, said
    assert "warning" not in said
    (spool,) = spools(runwell_dir)
    assert [row["a"] for _, row in read_rows(spool)] == list(range(5))
    assert events(spool, "run_finished") == [{"exit_code": 0}]


def test_every_open_run_ends_with_the_process(runwell_dir: Path):
    """The end of one run does not hang on that of another, nor on the thread that made the first one."""
    program = """
    import signal, threading
    other = []
    make = lambda: other.append(runwell.init(mode="offline", project="p", settings={"git": False}, reinit="create_new"))
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    vars(other[0])["_deliver"] = vars(run)["_deliver"] = None
    """
    code, said = finish(start(program))
    assert code == 0
    assert "TypeError" in said
    assert [events(spool, "run_finished") for spool in spools(runwell_dir)] == [[{"exit_code": 0}]] * 2


def test_a_first_run_of_a_thread_does_not_switch_sigterm_off(runwell_dir: Path):
    """Only the main thread can set a handler; it does at its own init()."""
    begin = 'runwell.init(mode="offline", project="p", settings={"git": False}, reinit="create_new")'
    prelude = f"import os, runwell, threading\ndef begin():\n    {begin}\n"
    program = """
    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    begin()
    os.kill(os.getpid(), 15)
    """
    assert finish(start(program, prelude))[0] == -signal.SIGTERM
    assert [events(spool, "run_finished") for spool in spools(runwell_dir)] == [[{"exit_code": 143}]] * 2


@pytest.mark.parametrize(
    ("number", "recorded"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)], ids=["terminated", "interrupted"]
)
def test_a_signal_while_finish_waits_for_git_still_ends_the_run(
    number: signal.Signals, recorded: int, runwell_dir: Path, tmp_path: Path
):
    """Uncommitted changes are waited for before the last record is written; it is written all the same."""
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text("#!/bin/sh\nexec sleep 5\n")
    git.chmod(0o755)
    (tmp_path / "code" / ".git").mkdir(parents=True)
    (tmp_path / "code" / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    prelude = f"""
import os, runwell, signal, threading
# Jobs that a shell has put into the background ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["PATH"] = {str(git.parent)!r} + os.pathsep + os.environ["PATH"]
os.chdir({str(tmp_path / "code")!r})
run = runwell.init(mode="offline", project="p")
wait = run._source.wait
def told_wait():
    print("waiting", flush=True)
    wait()
run._source.wait = told_wait
"""
    process = start("run.finish()", prelude)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(number)
    code, said = finish(process)
    assert code != 0, said
    (spool,) = spools(runwell_dir)
    assert events(spool, "run_finished") == [{"exit_code": recorded}]


def test_finish_in_a_handler_that_interrupts_log_loses_nothing(runwell_dir: Path):
    """A handler that ends the run, wherever it meets log(), leaves each row that log() returned for, and one end."""
    code, said = finish(
        start("""
        import signal
        def handler(*_):
            run.log({"a": -1})
            run.finish(4)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        written = 0
        try:
            while True:
                run.log({"a": written})
                written += 1
        except runwell.UsageError:
            print(written)
        """)
    )
    assert code == 0, said
    (spool,) = spools(runwell_dir)
    records = read_spool(spool)
    values = [record.values["a"] for record in records if record.event is None]
    assert values.count(-1) == 1
    assert [value for value in values if value >= 0] == list(range(len(values) - 1))
    assert records[-1].event == {"run_finished": {"exit_code": 4}}


def test_a_worker_that_is_terminated_does_not_end_the_run(runwell_dir: Path):
    """A pool ends its workers by SIGTERM: their rows are there, and no exit code of theirs stands for the run's."""
    code, said = finish(
        start("""
        import multiprocessing, time
        def work(ready):
            runwell.log({"a": 1})
            ready.set()
            time.sleep(30)
        fork = multiprocessing.get_context("fork")
        ready = fork.Event()
        worker = fork.Process(target=work, args=(ready,))
        worker.start()
        ready.wait()
        run.finish()
        worker.terminate()
        worker.join()
        """)
    )
    assert code == 0, said
    found = [(read_rows(spool), events(spool, "run_finished")) for spool in spools(runwell_dir)]
    assert sorted(found) == [([], [{"exit_code": 0}]), ([(0, {"a": 1})], [])]


def test_a_live_writer_holds_its_lock_and_a_dead_one_does_not(runwell_dir: Path):
    """Others see by the lock whether a writer lives, however it died."""
    import fcntl

    process = start('print("ready", flush=True)\ninput()')
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with open(spools(runwell_dir)[0] / "lock", "r+") as lock:
        with pytest.raises(OSError):
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        process.kill()
        process.communicate()
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_standard_output_is_the_programs_own(runwell_dir: Path):
    """Messages go to standard error, and none come when RUNWELL_SILENT is set or standard error is closed."""
    process = start('run.log({"a": 1})')
    out, said = process.communicate(timeout=50)
    assert (out, "runwell: " in said) == ("", True)
    quiet = start("", 'import os\nos.environ["RUNWELL_SILENT"] = "1"\n' + PRELUDE)
    assert quiet.communicate(timeout=50) == ("", "")
    closed = start("", "import os\nos.close(2)\n" + PRELUDE)
    closed.communicate(timeout=50)
    assert closed.returncode == 0
