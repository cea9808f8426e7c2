"""One run written by several processes at once: handed to workers, or joined by its id."""

import base64
import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import runwell
from tests.client.spool_reading import events, read_rows, spools, untimed

SCRIPT = """
import multiprocessing, sys
import runwell

class Dataset:
    def __init__(self, run):
        self.run = run

def work(number, dataset, answers):
    assert runwell.run is dataset.run
    if number % 2 == 0:
        dataset.run.log({"worker": number})
        dataset.run.summary["worker"] = number
    answers.put((number, dataset.run.config.lr, dataset.run.id))

if __name__ == "__main__":
    method, workers = sys.argv[1], int(sys.argv[2])
    run = runwell.init(mode="offline", project="p", config={"lr": 0.5}, settings={"git": False})
    run.log({"main": 1})
    context = multiprocessing.get_context(method)
    answers = context.SimpleQueue()
    children = [context.Process(target=work, args=(n, Dataset(run), answers)) for n in range(workers)]
    for child in children:
        child.start()
    assert sorted(answers.get() for _ in children) == [(n, 0.5, run.id) for n in range(workers)]
    for child in children:
        child.join()
        assert child.exitcode == 0, child.exitcode
    run.log({"main": 2})
"""


@pytest.mark.parametrize(
    ("method", "workers"),
    [("spawn", 2), ("forkserver", 2), ("fork", 2), pytest.param("spawn", 64, marks=pytest.mark.slow)],
)
def test_a_run_that_is_handed_to_workers(method: str, workers: int, runwell_dir: Path, tmp_path: Path):
    """As a data set that holds the run: each worker writes the same run, with its config, and only the main process ends it."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, str(script), method, str(workers)], capture_output=True, text=True, check=False, timeout=55
    )
    assert ended.returncode == 0, ended.stderr
    found = spools(runwell_dir)
    rows = {spool: [row for _, row in read_rows(spool)] for spool in found}
    (main,) = [spool for spool in found if events(spool, "run_started")]
    assert rows[main] == [{"main": 1}, {"main": 2}]
    assert events(main, "run_finished") == [{"exit_code": 0}]
    logged = [row for spool in found if spool != main for row in rows[spool]]
    assert sorted(row["worker"] for row in logged) == list(range(0, workers, 2))
    for spool in set(found) - {main}:
        (attached,) = events(spool, "writer_attached")
        assert (attached["attempt"], attached["starting_step"]) == (1, 1)
        assert base64.b64decode(attached["parent"]).hex() == main.name.rpartition(".")[2]
    (run,) = runwell.Api(spool=runwell_dir).runs("tester/p")
    assert (run.state, run.view["attempts"], len(list(run.scan_history()))) == ("finished", 1, 2 + len(logged))


WORKER = """
import base64, json, pickle
run = pickle.loads(base64.b64decode({handed!r}))
before = run.summary.as_dict()
run.log({{"loss": 0.25, "accuracy": 0.75}})
run.log({{"loss": 2.0, "accuracy": 0.25}})
print(json.dumps([before, run.summary.as_dict()]))
"""


def test_a_worker_knows_what_was_defined(runwell_dir: Path):
    """Its summary goes on from that of the process which it was handed from, and what it logs counts for readers."""
    with runwell.init(mode="offline", project="p", settings={"git": False}) as run:
        run.define_metric("loss", summary="min,max")
        run.define_metric("accuracy", at="loss")
        run.log({"loss": 0.5, "accuracy": 0.5})
        handed = base64.b64encode(pickle.dumps(run)).decode()
        program = WORKER.format(handed=handed)
        worker = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True, timeout=50)
    before, after = json.loads(worker.stdout)
    assert untimed(before) == {"loss": {"min": 0.5, "max": 0.5}, "accuracy": {"best": 0.5}}
    assert untimed(after) == {"loss": {"min": 0.25, "max": 2.0}, "accuracy": {"best": 0.75}}
    (read,) = runwell.Api(spool=runwell_dir).runs("tester/p")
    assert dict(read.summary)["accuracy"] == {"best": 0.75}


def test_a_copy_in_the_same_process_is_the_run_itself(runwell_dir: Path):
    """A logger that is copied or pickled and read again here still has the one run, whose name stays right."""
    with runwell.init(mode="offline", project="p", settings={"git": False}) as run:
        assert copy.deepcopy({"run": run})["run"] is run
        assert pickle.loads(pickle.dumps(run)) is run
    assert len(spools(runwell_dir)) == 1
    with pytest.raises(runwell.UsageError, match="is finished"):
        pickle.dumps(run)


def test_a_disabled_run_is_handed_on_as_one(runwell_dir: Path):
    """Nothing is kept in the other process either."""
    with runwell.init(mode="disabled") as run:
        text = base64.b64encode(pickle.dumps(run)).decode()
    program = f"import base64, pickle\nrun = pickle.loads(base64.b64decode({text!r}))\nrun.log({{'a': 1}})\nassert run.disabled"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=50)
    assert not (runwell_dir / "spool").exists()


def join(run_id: str, rank: int, *, attempt: int) -> subprocess.Popen[str]:
    """A process of a job: all of them give the same id and nothing else of each other."""
    program = f"""
import runwell
settings = {{"git": False, "mode": "offline", "shared": True}}
run = runwell.init(project="p", id={run_id!r}, settings=settings, config={{"rank{rank}": True}})
assert (run.attempt, run.resumed) == ({attempt}, False), (run.attempt, run.resumed)
for step in range(5):
    run.log({{"loss/{rank}": step / 2, "all": {rank}}}, step=step)
"""
    return subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)


def test_processes_that_join_a_run_by_its_id_are_one_attempt(runwell_dir: Path):
    """Ranks that begin at once, in any order: one attempt, each rank's rows its own lane, none hides another's."""
    ranks = [join("job", rank, attempt=1) for rank in range(4)]
    for rank in ranks:
        assert rank.communicate(timeout=50)[1] is not None
        assert rank.returncode == 0
    (run,) = runwell.Api(spool=runwell_dir).runs("tester/p")
    assert (run.state, run.view["attempts"], len(run.view["writers"])) == ("finished", 1, 4)
    assert dict(run.config) == {f"rank{rank}": True for rank in range(4)}
    rows = list(run.scan_history())
    assert len(rows) == 20
    assert [row["_step"] for row in rows] == sorted(row["_step"] for row in rows)
    assert sorted(row["all"] for row in rows) == [rank for rank in range(4) for _ in range(5)]


def test_who_joins_a_resumed_run_joins_its_latest_attempt(runwell_dir: Path):
    """A further attempt is begun by resume; shared processes are part of it, not attempts of their own."""
    options = {"mode": "offline", "project": "p", "id": "job", "settings": {"git": False}}
    runwell.init(**options).finish()
    with runwell.init(resume="must", **options) as run:
        rank = join("job", 1, attempt=2)
        assert rank.communicate(timeout=50)[1] is not None
        assert rank.returncode == 0
        assert run.attempt == 2
    kinds = [json.dumps(events(spool, "run_resumed")) for spool in spools(runwell_dir)]
    assert sum('"attempt": 2' in kind for kind in kinds) == 2


def test_shared_is_a_mode(monkeypatch: pytest.MonkeyPatch, runwell_dir: Path):
    """mode="shared", as wandb has it, is online and shared."""
    with runwell.init(mode="shared", project="p", id="job", settings={"git": False, "silent": True}) as run:
        assert (run.settings.mode, run.settings.shared, run.attempt) == ("online", True, 1)
