"""The end of the interpreter: what still logs then, and Ctrl-C while the end of a run waits for its server."""

import re
import signal
from pathlib import Path

from tests.client.spool_reading import events, read_rows, spools
from tests.client.test_processes import PRELUDE, finish, start

UNREACHABLE = """
import os, signal, sys
import runwell
from runwell.forwarder import spawn
signal.signal(signal.SIGINT, signal.default_int_handler)
deliver = spawn.deliver
def told_deliver(*arguments):
    print("waiting", flush=True)
    return deliver(*arguments)
spawn.deliver = told_deliver
spawn.UNREACHABLE_PATIENCE_S = 60
settings = {"git": False, "base_url": "http://127.0.0.1:9", "finish_timeout_s": 60}
run = runwell.init(project="p", settings=settings)
"""


def test_what_a_program_registers_for_its_end_still_logs(runwell_dir: Path):
    """atexit functions that were registered after the import of runwell run before the run ends."""
    prelude = "import atexit, runwell\natexit.register(lambda: run.log({'a': 2}))\n" + PRELUDE
    code, said = finish(start('atexit.register(lambda: run.log({"a": 1}))', prelude))
    assert code == 0, said
    (spool,) = spools(runwell_dir)
    assert [row["a"] for _, row in read_rows(spool)] == [1, 2]
    assert events(spool, "run_finished") == [{"exit_code": 0}]


def test_what_logs_after_the_end_is_told_and_changes_nothing(runwell_dir: Path):
    """Earlier atexit functions and finalizers of the interpreter's end: the row is refused aloud, the exit status stays."""
    prelude = "import atexit\natexit.register(lambda: run.log({'a': 2}))\n" + PRELUDE
    code, said = finish(
        start(
            """
            class Model:
                def __del__(self):
                    run.log({"a": 3})
            model = Model()
            run.log({"a": 1})
            sys.exit(5)
            """,
            prelude,
        )
    )
    assert code == 5, said
    assert said.count("is finished: the call to `log` is ignored") == 2
    (spool,) = spools(runwell_dir)
    assert [row["a"] for _, row in read_rows(spool)] == [1]
    assert events(spool, "run_finished") == [{"exit_code": 5}]


def test_a_daemon_thread_that_logs_does_not_hold_up_the_end(runwell_dir: Path):
    """It logs until the process is gone: whole rows, the run's end after them, and no exit status but the program's."""
    code, said = finish(
        start("""
        import threading
        begun = threading.Event()
        def work():
            number = 0
            while True:
                run.log({"a": number})
                number += 1
                begun.set()
        threading.Thread(target=work, daemon=True).start()
        begun.wait()
        """)
    )
    assert code == 0, said
    (spool,) = spools(runwell_dir)
    rows = [row["a"] for _, row in read_rows(spool)]
    assert rows == list(range(len(rows)))
    assert events(spool, "run_finished") == [{"exit_code": 0}]


def test_a_thread_that_outlives_the_main_one_logs_all_its_rows(runwell_dir: Path):
    """The run ends when the process does, not when its main thread does."""
    code, said = finish(
        start("""
        import threading
        def work():
            threading.main_thread().join()
            for number in range(100):
                run.log({"a": number})
        threading.Thread(target=work).start()
        """)
    )
    assert code == 0, said
    (spool,) = spools(runwell_dir)
    assert [row["a"] for _, row in read_rows(spool)] == list(range(100))
    assert events(spool, "run_finished") == [{"exit_code": 0}]


def test_a_second_ctrl_c_ends_the_waiting_for_the_server(runwell_dir: Path):
    """The first ends the program, the second only the waiting: the end is recorded, and it is said where everything is."""
    process = start('run.log({"a": 1})\nos.kill(os.getpid(), signal.SIGINT)', UNREACHABLE)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    code, said = finish(process)
    assert code == -signal.SIGINT
    assert said.count("Traceback") == 1, said
    assert re.search(r"interrupted: \d+ records", said)
    (spool,) = [path for path in spools(runwell_dir) if path.name != ".forwarder"]
    assert events(spool, "run_finished") == [{"exit_code": 255}]


def test_ctrl_c_in_finish_is_the_programs(runwell_dir: Path):
    """finish() that the program called raises KeyboardInterrupt; the run has ended with the program's own word."""
    program = """
    try:
        run.finish(2)
    except KeyboardInterrupt:
        print(runwell.run, flush=True)
    """
    process = start(program, UNREACHABLE)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    output, said = process.communicate(timeout=50)
    assert (process.returncode, output) == (0, "None\n"), said
    (spool,) = [path for path in spools(runwell_dir) if path.name != ".forwarder"]
    assert events(spool, "run_finished") == [{"exit_code": 2}]


def test_an_exit_that_was_held_back_is_not_the_next_runs(runwell_dir: Path):
    """sys.exit(3), caught, then another run that ends well: it has finished, as the process has."""
    code, said = finish(
        start("""
        try:
            sys.exit(3)
        except SystemExit:
            run.finish()
        runwell.init(mode="offline", project="p", settings={"git": False})
        """)
    )
    assert code == 0, said
    assert [events(spool, "run_finished") for spool in spools(runwell_dir)] == [[{"exit_code": 0}]] * 2
