"""``runwell agent``: trials run as commands, several at once where that is asked for."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from runwell._messages import say, warn
from runwell._settings import Settings
from runwell.core.sweeps.command import command_line
from runwell.core.sweeps.config import read_config
from runwell.core.sweeps.stream import SweepName
from runwell.errors import UsageError
from runwell.sweeps.agent_loop import LATER_S, LATER_S_MAX, Agent
from runwell.sweeps.calls import Given, Later, NoMore, SweepCalls
from runwell.sweeps.devices import DevicePool

STOP_GRACE_S = 15.0
"""A trial that was asked to stop by SIGTERM and is still there after this long gets SIGKILL."""

CHILD = Path(__file__).with_name("child.py")


class Terminated(BaseException):
    """The agent itself was asked to end."""


@dataclass(slots=True)
class RunningTrial:
    """A trial whose process runs."""

    given: Given
    process: subprocess.Popen[bytes]
    devices: Sequence[str]
    stopping: str | None = None
    """The state to report once it has ended, when it was asked to."""
    killer: threading.Timer | None = field(default=None)

    def stop(self, state: str, grace_s: float) -> None:
        """Asks the process and its children to end, and makes them after a while."""
        if self.stopping is not None:
            return
        self.stopping = state
        self._signal(signal.SIGTERM)
        self.killer = threading.Timer(grace_s, self._signal, [signal.SIGKILL])
        self.killer.daemon = True
        self.killer.start()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def run_commands(
    calls: SweepCalls, settings: Settings, count: int | None, jobs: int | None, gpus_per_trial: int
) -> int:
    """Works until the sweep is over or ``count`` trials were begun; returns the exit status.

    Raises UsageError when the sweep has no command, or the machine too few GPUs.
    """
    config = read_config(calls.document())
    if config.program is None and "${program}" in config.command:
        raise UsageError(
            f"sweep {calls.name} says neither 'program' nor a 'command' without ${{program}}: give one in its configuration, or "
            "work on it from Python with runwell.agent(sweep_id, function)"
        )
    pool = DevicePool.of(gpus_per_trial, jobs)
    return CommandAgent(calls, settings, (config.command, config.program), pool).work(count)


class CommandAgent:
    """Runs the sweep's command once for each trial, ``pool.jobs`` at a time."""

    def __init__(
        self, calls: SweepCalls, settings: Settings, command: tuple[Sequence[str], str | None], pool: "DevicePool"
    ) -> None:
        self._command = command
        self._settings = settings
        self._pool = pool
        self._agent = Agent(calls, settings, pool.jobs, self._stop_early)
        self._trials: dict[tuple[int, int], RunningTrial] = {}
        self._ended: queue.SimpleQueue[RunningTrial] = queue.SimpleQueue()
        self.grace_s = STOP_GRACE_S

    def work(self, count: int | None) -> int:
        """Returns 0, or 1 when it stopped since too many trials failed."""
        handlers = {number: signal.signal(number, _terminate) for number in (signal.SIGTERM, signal.SIGHUP)}
        try:
            with self._agent:
                try:
                    return self._work(count)
                except Terminated:
                    self._end_all("preempted")
                    return 128 + signal.SIGTERM
                except BaseException:
                    self._end_all("lost")
                    raise
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _work(self, count: int | None) -> int:
        begun, wait_s, more, flaps = 0, LATER_S, True, None
        while True:
            while more and len(self._trials) < self._pool.jobs:
                answer = self._agent.ask()
                if isinstance(answer, NoMore):
                    say(f"the agent takes no more trials: {answer.reason}")
                    more = False
                elif isinstance(answer, Later):
                    break
                else:
                    self._start(answer)
                    begun, wait_s = begun + 1, LATER_S
                    more = count is None or begun < count
            if not more and not self._trials:
                break
            wait_s = self._wait(wait_s if more else None)
            flaps = flaps or self._agent.flaps()
            if flaps is not None and more:
                warn(flaps)
                more = False
        return 1 if flaps else 0

    def _wait(self, timeout_s: float | None) -> float:
        """Until a trial ends, or it is worth asking again; returns how long to wait the next time."""
        try:
            ended = self._ended.get(timeout=timeout_s)
        except queue.Empty:
            assert timeout_s is not None
            return min(timeout_s * 1.5, LATER_S_MAX)
        self._finish(ended)
        return LATER_S

    def _start(self, given: Given) -> None:
        name = self._agent.calls.name
        devices = self._pool.take()
        path = self._parameter_file(given)
        line = command_line(*self._command, given.parameters, str(path) + ".json", dict(os.environ), sys.executable)
        environment = {
            **os.environ,
            **trial_environment(name, given, path, self._settings),
            **self._pool.environment(devices),
        }
        say(f"trial {given.trial} of sweep {name.sweep_id}: {' '.join(line)}")
        # The child ends with the agent, and is the first of a group that is told of everything together.
        child = [sys.executable, "-I", "-S", str(CHILD), str(os.getpid()), *line]
        process = subprocess.Popen(child, env=environment, start_new_session=True, stdin=subprocess.DEVNULL)
        trial = self._trials[given.trial, given.attempt] = RunningTrial(given, process, devices)
        self._agent.record.started(given, process.pid)
        threading.Thread(target=self._await, args=[trial], daemon=True).start()

    def _await(self, trial: RunningTrial) -> None:
        trial.process.wait()
        self._ended.put(trial)

    def _parameter_file(self, given: Given) -> Path:
        """The trial's parameters, as ``init()`` reads them, and beside it plain for ${args_json_file}."""
        name = self._agent.calls.name
        directory = self._settings.root / "trials"
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{name.sweep_id}-{given.trial}-{given.attempt}"
        path.write_text(json.dumps({key: {"value": value} for key, value in given.parameters.items()}))
        Path(f"{path}.json").write_text(json.dumps(given.parameters))
        return path

    def _finish(self, trial: RunningTrial) -> None:
        if trial.killer is not None:
            trial.killer.cancel()
        given = trial.given
        del self._trials[given.trial, given.attempt]
        self._pool.give_back(trial.devices)
        state, reason = _outcome(trial)
        self._agent.report(given, state, reason)
        path = self._settings.root / "trials" / f"{self._agent.calls.name.sweep_id}-{given.trial}-{given.attempt}"
        for file in (path, Path(f"{path}.json")):
            file.unlink(missing_ok=True)

    def _stop_early(self, given: Given) -> None:
        trial = self._trials.get((given.trial, given.attempt))
        if trial is not None:
            say(f"trial {given.trial} is stopped")
            trial.stop("stopped", self.grace_s)

    def _end_all(self, state: str) -> None:
        for trial in list(self._trials.values()):
            trial.stop(state, self.grace_s)
        while self._trials:
            self._finish(self._ended.get())


def trial_environment(name: SweepName, given: Given, path: Path, settings: Settings) -> dict[str, str]:
    """What ``init()`` in the trial's process reads, also under wandb's names."""
    said: Mapping[str, Any] = {
        "RUNWELL_ENTITY": name.entity,
        "RUNWELL_PROJECT": name.project,
        "RUNWELL_SWEEP_ID": name.sweep_id,
        "RUNWELL_SWEEP_TRIAL": str(given.trial),
        "RUNWELL_SWEEP_PARAM_PATH": str(path),
        "RUNWELL_MODE": "offline" if settings.mode == "offline" else None,
        "RUNWELL_DIR": str(settings.root),
        "RUNWELL_BASE_URL": settings.base_url,
        "WANDB_ENTITY": name.entity,
        "WANDB_PROJECT": name.project,
        "WANDB_SWEEP_ID": name.sweep_id,
        "WANDB_SWEEP_PARAM_PATH": str(path),
    }
    return {key: value for key, value in said.items() if value is not None}


def _outcome(trial: RunningTrial) -> tuple[str, str]:
    code = trial.process.returncode
    if trial.stopping is not None:
        return trial.stopping, "the sweep wanted it" if trial.stopping == "stopped" else "its agent was ended"
    if code == 0:
        return "finished", ""
    return "failed", signal.Signals(-code).name if code < 0 else f"exit status {code}"


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
