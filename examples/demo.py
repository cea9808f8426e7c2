#!/usr/bin/env python3
"""`make demo`: starts a server, trains real models, kills one, syncs one, and shows that every point is there once.

python examples/demo.py          stays up until Ctrl-C, so that one can look around
python examples/demo.py --exit   ends by itself: status 0 when every point was found exactly once
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo_sweep import run_sweep  # type: ignore[import-not-found]
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

HERE = Path(__file__).resolve().parent
TRAININGS_AT_ONCE = 2
SERVER_START_S = 90.0
EPOCHS = 40
KILLED_AFTER_EPOCHS = 23
KEYS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate")

GRID = {
    f"mlp-{hidden}-{rate:g}": ["--model", "mlp", "--hidden", str(hidden), "--learning-rate", str(rate)]
    for hidden in (16, 64)
    for rate in (0.001, 0.01)
} | {
    f"linear-{alpha:g}": ["--model", "linear", "--learning-rate", "0.05", "--alpha", str(alpha)]
    for alpha in (0.0001, 0.01)
}
KILLED, OFFLINE = "mlp-32-killed", "linear-offline"


@dataclass(frozen=True)
class Place:
    """Where the demo keeps everything: the server's machine, one without a network, and notes to compare with."""

    root: Path
    elsewhere: Path
    notes: Path
    console: Console

    def run(
        self, command: Sequence[str | Path], quiet: bool = False, offline: bool = False
    ) -> subprocess.CompletedProcess[bytes]:
        """A command as the user would type it, with this demo's directory."""
        return subprocess.run(command, env=self.environment(offline), capture_output=quiet, check=False)

    def environment(self, offline: bool = False) -> dict[str, str]:
        """What its programs are told."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNWELL_")}
        environment |= {"RUNWELL_DIR": str(self.elsewhere if offline else self.root), "RUNWELL_ENTITY": "demo"}
        return environment | {
            "COLUMNS": str(self.console.width),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }

    def start(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        """A `runwell` command beside the demo; what it says goes to a file."""
        with (self.notes / f"{arguments[0]}.log").open("ab") as output:
            command = [sys.executable, "-m", "runwell", *arguments]
            return subprocess.Popen(command, env=self.environment(), stdout=subprocess.PIPE, stderr=output)

    def runwell(self, *arguments: str) -> None:
        """Shows and runs a `runwell` command; raises SystemExit where it fails."""
        self.console.print(f"\n[bold cyan]$ runwell {' '.join(arguments)}[/]", highlight=False)
        status = self.run([sys.executable, "-m", "runwell", *arguments]).returncode
        if status:
            raise SystemExit(f"demo: runwell {arguments[0]} failed with exit status {status}")

    def train(self, name: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """One training process."""
        command = [
            sys.executable,
            HERE / "train_digits.py",
            "--id",
            name,
            "--name",
            name,
            "--epochs",
            str(EPOCHS),
            *arguments,
        ]
        files = ["--checkpoint", self.notes / f"{name}.checkpoint", "--ledger", self.notes / f"{name}.jsonl"]
        return self.run([*command, *files], quiet=True, offline="offline" in arguments)

    def trained(self, name: str, *arguments: str) -> None:
        """One training process that must succeed. Raises SystemExit with its last words."""
        ended = self.train(name, *arguments)
        if ended.returncode:
            raise SystemExit(f"demo: training {name} failed:\n{ended.stderr.decode()}")


@contextmanager
def server(place: Place) -> Iterator[dict[str, Any]]:
    """`runwell up` on free ports; what it prints goes to a file."""
    command = [
        sys.executable,
        "-m",
        "runwell",
        "up",
        "--dir",
        place.root / "server",
        "--http-port",
        "0",
        "--grpc-port",
        "0",
    ]
    log = place.notes / "up.log"
    with log.open("wb") as output:
        # Ctrl-C is for the demo, which still reads from the server when it comes.
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        yield wait_for_server(process, place.root / "server" / "server.json", log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def wait_for_server(process: subprocess.Popen[bytes], announcement: Path, log: Path) -> dict[str, Any]:
    """What the server says of itself once it is ready."""
    deadline = time.monotonic() + SERVER_START_S
    while not announcement.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"demo: the server did not start:\n{log.read_text()}")
        time.sleep(0.05)
    said: dict[str, Any] = json.loads(announcement.read_text())
    return said


def train_grid(place: Place) -> None:
    """Six models, two at a time, each in a process of its own."""
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=place.console, transient=True) as progress,
        ThreadPoolExecutor(TRAININGS_AT_ONCE) as pool,
    ):
        bar = progress.add_task("", total=len(GRID))
        trainings = [pool.submit(place.trained, name, *arguments) for name, arguments in GRID.items()]
        for name, training in zip(GRID, trainings, strict=True):
            training.result()
            progress.advance(bar)
            progress.console.print(f"  [green]✓[/] {name:14} {last_accuracy(place, name)}", highlight=False)


def last_accuracy(place: Place, name: str) -> str:
    """How well a model did in its last epoch."""
    row = ledger(place, name)[-1]
    return f"val_accuracy {row['val_accuracy']:.4f} after {row['step'] + 1} epochs"


def ledger(place: Place, name: str) -> list[dict[str, Any]]:
    """What the training process wrote down, apart from Runwell, each time that log() had returned."""
    return [json.loads(line) for line in (place.notes / f"{name}.jsonl").read_text().splitlines()]


def kill_and_resume(place: Place) -> None:
    """SIGKILL in the middle of a training; the same command goes on."""
    arguments = [
        "--model",
        "mlp",
        "--hidden",
        "32",
        "--learning-rate",
        "0.003",
        "--die-after",
        str(KILLED_AFTER_EPOCHS),
    ]
    status = place.train(KILLED, *arguments).returncode
    if status != -signal.SIGKILL:
        raise SystemExit(f"demo: {KILLED} should have been killed, and ended with {status}")
    place.console.print(
        f"  [red]✗[/] {KILLED:14} killed by SIGKILL after {len(ledger(place, KILLED))} epochs", highlight=False
    )
    place.trained(KILLED, *arguments)
    place.console.print(f"  [green]✓[/] {KILLED:14} resumed: {last_accuracy(place, KILLED)}", highlight=False)


def train_offline(place: Place) -> None:
    """A run on a machine without a network: the server hears of it only through `runwell sync`."""
    place.trained(OFFLINE, "--model", "linear", "--learning-rate", "0.02", "--mode", "offline")
    place.console.print(f"  [green]✓[/] {OFFLINE:14} offline: {last_accuracy(place, OFFLINE)}", highlight=False)
    place.runwell("sync", str(place.elsewhere))


def verify(place: Place, base_url: str) -> int:
    """Compares what `runwell.Api` reads with what the training processes wrote down; returns the number of points."""
    import runwell

    points = 0
    api = runwell.Api(base_url)
    for name in [*GRID, KILLED, OFFLINE]:
        rows = api.run(f"demo/digits/{name}").scan_history()
        found = [{"step": row["_step"], **{key: row.get(key) for key in KEYS}} for row in rows]
        if found != ledger(place, name):
            raise SystemExit(
                f"demo: {name} has {len(found)} rows that differ from the {len(ledger(place, name))} logged"
            )
        points += len(found) * len(KEYS)
    return points


def demonstrate(place: Place, stay: bool) -> None:
    """The whole demo, in the order in which one would tell it."""
    say = place.console.print
    started = time.monotonic()
    say("\n[bold]Runwell demo[/]: small real models on scikit-learn's handwritten digits\n")
    with server(place) as said:
        say(f"Server ready at [bold]{said['http']}[/] after {time.monotonic() - started:.1f} s\n", highlight=False)
        say(f"[bold]Six models[/], {TRAININGS_AT_ONCE} at a time")
        train_grid(place)
        say("\n[bold]One killed[/] in the middle, then resumed")
        kill_and_resume(place)
        say("\n[bold]One offline[/], then synced")
        train_offline(place)
        say("\n[bold]A sweep[/] of twenty trials, two agents")
        run_sweep(place.start, place.notes, said["http"], lambda text: say(text, highlight=False))
        columns = "name,state,config.hidden,config.learning_rate,summary.val_accuracy,attempts"
        place.runwell("ls", "digits", "--order=-summary.val_accuracy", f"--columns={columns}")
        place.runwell("history", f"digits/{KILLED}", "--plot", "val_loss")
        points = verify(place, said["http"])
        say(
            f"\n[bold green]✓ Every point is there exactly once[/]: {points:,} points of {len(GRID) + 2} runs equal what "
            f"log() returned for, through SIGKILL and sync, after {time.monotonic() - started:.0f} s.\n",
            highlight=False,
        )
        if stay:
            wait_for_ctrl_c(place, said["http"])


def wait_for_ctrl_c(place: Place, base_url: str) -> None:
    """Says where to look, and leaves the server up."""
    place.console.print(
        f"Look around in another terminal:\n\n  export RUNWELL_BASE_URL={base_url}\n"
        f"  {Path(sys.executable).with_name('runwell')} ls digits --filter 'summary.val_accuracy > 0.97'\n"
        f"  curl {base_url}/api/v1/runs\n\nCtrl-C ends the demo and removes its data.\n\n"
        f"Or in a browser: [bold]{base_url}/demo/digits[/]\n",
        highlight=False,
        soft_wrap=True,
    )
    try:
        signal.pause()
    except KeyboardInterrupt:
        place.console.print("\nstopping")


def main() -> int:
    """Runs the demo in a directory of its own, which is removed at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exit", action="store_true", help="end after the last step")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="runwell-demo-", ignore_cleanup_errors=True) as folder:
        place = Place(
            Path(folder, "runwell"), Path(folder, "elsewhere"), Path(folder, "notes"), Console(soft_wrap=True)
        )
        place.notes.mkdir()
        demonstrate(place, stay=not options.exit)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
