"""Threads, tasks and processes that log to one run at once."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.spool_reading import events, read_rows, spools
from tests.client.test_processes import finish, start


def test_many_threads_log_without_losing_a_row(runwell_dir: Path):
    """Rows of 16 threads get a step each, one after the other; each thread's own stay in its order."""
    code, said = finish(
        start("""
        import threading
        sys.setswitchinterval(1e-5)
        def work(thread):
            for number in range(200):
                run.log({"thread": thread, "number": number})
                if number % 50 == 0:
                    run.summary[f"of.{thread}"] = number
                    run.config.update({f"c{thread}": number}, allow_val_change=True)
        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """)
    )
    assert code == 0, said
    (spool,) = spools(runwell_dir)
    rows = read_rows(spool)
    assert [step for step, _ in rows] == list(range(3200))
    for thread in range(16):
        assert [row["number"] for _, row in rows if row["thread"] == thread] == list(range(200))


def test_a_run_of_a_thread_is_the_processs(runwell_dir: Path):
    """init() in a thread: the main thread logs to the run, and the process ends it with its own exit status."""
    prelude = """
import sys, threading
import runwell
def begin():
    runwell.init(mode="offline", project="p", settings={"git": False})
thread = threading.Thread(target=begin)
thread.start()
thread.join()
run = runwell.run
"""
    code, said = finish(start('runwell.log({"a": 1})\nsys.exit(4)', prelude))
    assert code == 4, said
    (spool,) = spools(runwell_dir)
    assert read_rows(spool) == [(0, {"a": 1})]
    assert events(spool, "run_finished") == [{"exit_code": 4}]


def test_tasks_of_an_event_loop(runwell_dir: Path):
    """Coroutines log as functions do, also while others wait, from executors, and when they are cancelled."""
    code, said = finish(
        start("""
        import asyncio
        async def work(task):
            try:
                for number in range(50):
                    run.log({"task": task, "number": number})
                    await asyncio.sleep(0)
                await asyncio.to_thread(run.log, {"task": task, "number": 50})
                await asyncio.Event().wait()
            finally:
                run.log({"task": task, "number": 51})
        async def main():
            tasks = [asyncio.create_task(work(task)) for task in range(20)]
            while run.step < 20 * 51:
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        asyncio.run(main())
        """)
    )
    assert code == 0, said
    (spool,) = spools(runwell_dir)
    rows = read_rows(spool)
    assert [step for step, _ in rows] == list(range(20 * 52))
    for task in range(20):
        assert [row["number"] for _, row in rows if row["task"] == task] == list(range(52))


def test_sixty_four_forked_data_loader_workers(runwell_dir: Path):
    """As torch's loader has them: workers that live on queues. Those that log get writers of their own, the others none."""
    code, said = finish(
        start("""
        import multiprocessing
        fork = multiprocessing.get_context("fork")
        def work(number, questions, answers):
            while (question := questions.get()) is not None:
                if number % 2:
                    runwell.log({"worker": number, "seen": question})
                answers.put((number, question))
        questions = [fork.SimpleQueue() for _ in range(64)]
        answers = fork.SimpleQueue()
        workers = [fork.Process(target=work, args=(n, questions[n], answers), daemon=True) for n in range(64)]
        for worker in workers:
            worker.start()
        for batch in range(3):
            for number in range(64):
                questions[number].put(batch)
            for _ in range(64):
                answers.get()
            run.log({"batch": batch})
        for number in range(64):
            questions[number].put(None)
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
        """)
    )
    assert code == 0, said
    found = spools(runwell_dir)
    assert len(found) == 1 + 32
    rows = [[row for _, row in read_rows(spool)] for spool in found]
    seen = [row for of_writer in rows for row in of_writer if "worker" in row]
    assert sorted((row["worker"], row["seen"]) for row in seen) == [(n, s) for n in range(1, 64, 2) for s in range(3)]
    assert [{"batch": batch} for batch in range(3)] in rows
    assert sum(bool(events(spool, "run_finished")) for spool in found) == 1


def test_a_child_that_ends_the_run_ends_its_own_part(runwell_dir: Path):
    """finish() in a forked child ends the child's writer; there log() is refused from then on, and the parent goes on."""
    code, said = finish(
        start("""
        if os.fork() == 0:
            run.log({"child": 1})
            run.finish(3)
            try:
                run.log({"child": 2})
            except runwell.UsageError:
                os._exit(0)
            os._exit(1)
        assert os.wait()[1] == 0
        run.log({"parent": 1})
        """)
    )
    assert code == 0, said
    found = [([row for _, row in read_rows(spool)], events(spool, "run_finished")) for spool in spools(runwell_dir)]
    assert sorted(found, key=lambda entry: list(entry[0][0])) == [
        ([{"child": 1}], [{"exit_code": 3}]),
        ([{"parent": 1}], [{"exit_code": 0}]),
    ]


def test_children_of_children(runwell_dir: Path):
    """Each generation that logs has a writer of its own, which names the one it came from."""
    code, said = finish(
        start("""
        run.log({"generation": 0})
        if os.fork() == 0:
            run.log({"generation": 1})
            if os.fork() == 0:
                run.log({"generation": 2})
                os._exit(0)
            os._exit(os.wait()[1])
        assert os.wait()[1] == 0
        """)
    )
    assert code == 0, said
    generations = {read_rows(spool)[0][1]["generation"]: spool for spool in spools(runwell_dir)}
    assert sorted(generations) == [0, 1, 2]
    writers = [generations[number].name.rpartition(".")[2] for number in range(3)]
    for number in (1, 2):
        (attached,) = events(generations[number], "writer_attached")
        assert base64.b64decode(attached["parent"]).hex() == writers[number - 1]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_that_share_no_memory_start_without_a_run(method: str, runwell_dir: Path, tmp_path: Path):
    """A spawned worker imports the script anew: it has no run of its own accord, and its end is none of the run's."""
    script = tmp_path / "train.py"
    script.write_text(
        f"""
import multiprocessing, os, sys
import runwell

def work(number):
    assert runwell.run is None
    sys.exit(number)

if __name__ == "__main__":
    run = runwell.init(mode="offline", project="p", settings={{"git": False}})
    context = multiprocessing.get_context({method!r})
    worker = context.Process(target=work, args=(3,))
    worker.start()
    worker.join()
    assert worker.exitcode == 3
    run.log({{"a": 1}})
"""
    )
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=50)
    assert ended.returncode == 0, ended.stderr
    (spool,) = spools(runwell_dir)
    assert events(spool, "run_finished") == [{"exit_code": 0}]
