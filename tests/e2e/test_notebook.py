"""A real notebook kernel: cells run one by one, again, interrupted, and the kernel restarted."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import nbclient
import nbformat
import pytest
from jupyter_core.utils import run_sync

from tests.client.spool_reading import events, read_rows, spools
from tests.server import until

# The kernel's own libraries leave sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

INIT = "import runwell\nrun = runwell.init(mode='offline', project='p', settings={'git': False}, reinit=True)"


class Notebook:
    """Cells given to a kernel, as a person would run them."""

    def __init__(self, directory: Path) -> None:
        notebook = nbformat.v4.new_notebook()
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        self.client = nbclient.NotebookClient(notebook, timeout=50, allow_errors=True)
        self.client.create_kernel_manager()
        self.client.start_new_kernel(cwd=str(directory))
        self.client.start_new_kernel_client()

    def run(self, source: str) -> str:
        """Runs a cell; returns all that it shows."""
        cell = nbformat.v4.new_code_cell(source)
        self.client.nb.cells.append(cell)
        self.client.execute_cell(cell, len(self.client.nb.cells) - 1)
        return "\n".join(str(output) for output in cell.outputs)

    def interrupt(self) -> None:
        run_sync(self.client.km.interrupt_kernel)()

    def restart(self) -> None:
        run_sync(self.client.km.restart_kernel)()
        run_sync(self.client.kc.wait_for_ready)(timeout=50)

    def close(self) -> None:
        self.client._cleanup_kernel()


@pytest.fixture
def notebook(runwell_dir: Path, tmp_path: Path) -> Iterator[Notebook]:
    """A running kernel, shut down at the end."""
    opened = Notebook(tmp_path)
    yield opened
    opened.close()


def test_cells_of_a_notebook(notebook: Notebook, runwell_dir: Path):
    """A run lives from cell to cell, through errors; it shows itself; the cell with init, run again, begins another."""
    assert "is kept" not in notebook.run(INIT)
    notebook.run("run.log({'a': 1})")
    assert "ZeroDivisionError" in notebook.run("1 / 0")
    assert "SystemExit" in notebook.run("import sys\nsys.exit(3)")
    notebook.run("run.log({'a': 2})")
    shown = notebook.run("run")
    assert "text/html" in shown
    assert "kept in <code>" in shown
    (first,) = spools(runwell_dir)
    assert events(first, "run_finished") == []
    notebook.run(INIT)
    assert read_rows(first) == [(0, {"a": 1}), (1, {"a": 2})]
    assert events(first, "run_finished") == [{"exit_code": 0}]
    notebook.run("run.log({'b': 1})\nrun.finish()")
    (second,) = set(spools(runwell_dir)) - {first}
    assert read_rows(second) == [(0, {"b": 1})]
    assert events(second, "run_finished") == [{"exit_code": 0}]


def test_an_interrupted_cell_leaves_the_run_open(notebook: Notebook, runwell_dir: Path, tmp_path: Path):
    """The stop button ends the cell, and the next one goes on logging to the same run."""
    notebook.run(INIT)

    def interrupt() -> None:
        until((tmp_path / "begun").exists, "the cell runs")
        notebook.interrupt()

    stopper = threading.Thread(target=interrupt)
    stopper.start()
    shown = notebook.run("open('begun', 'w').close()\nwhile True:\n    run.log({'a': 1})")
    stopper.join()
    assert "KeyboardInterrupt" in shown
    notebook.run("run.log({'b': 1})\nstep = run.step")
    (spool,) = spools(runwell_dir)
    rows = read_rows(spool)
    steps = [step for step, _ in rows]
    assert rows[-1] == (steps[-1], {"b": 1})
    # The call that was interrupted may have written its row and not yet moved on.
    assert sorted(set(steps)) == list(range(steps[-1] + 1))
    assert len(steps) - len(set(steps)) <= 1
    assert events(spool, "run_finished") == []


def test_a_kernel_that_is_restarted_ends_its_run(notebook: Notebook, runwell_dir: Path):
    """What was open has finished, whether or not a cell had called finish(); the new kernel knows of no run."""
    notebook.run(INIT)
    notebook.run("run.log({'a': 1})")
    pid = int(notebook.run("import os\nprint(f'<{os.getpid()}>')").partition("<")[2].partition(">")[0])
    notebook.restart()
    (spool,) = spools(runwell_dir)
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the old kernel is gone")
    assert read_rows(spool) == [(0, {"a": 1})]
    assert events(spool, "run_finished") == [{"exit_code": 0}]
    assert "None" in notebook.run("import runwell\nprint(runwell.run)")
