"""Plays a script under one client in a directory of its own, and reads back what was observed and kept."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import runwell
from tests.differential import environment

SCRIPTS = ("rows", "values", "metrics", "summary", "config", "life")
CHOSEN_ID = re.compile("[0-9a-z]{8}")
NOWHERE = "http://127.0.0.1:9"
"""Port 9 answers nobody: a client that looked for a server or a proxy would find none."""

TIMEOUT_S = 900
TIME_MAX_S = 1e6
"""A time below is one that a script gave, and not a clock's."""

Outcome = dict[str, Any]
"""Values by place, such as ``rows/two_drops: row 0 n``."""


def played(script: str, client: str, directory: Path) -> Outcome:
    """What the script leaves behind under the client, "wandb" or "runwell"."""
    notes = directory / "notes.jsonl"
    play = [environment.python(), "-m", "tests.differential.play", script]
    work = directory / "work"
    work.mkdir()
    ended = subprocess.run(
        play, env=variables(client, directory), cwd=work, check=False, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    runs = runs_of_wandb(directory) if client == "wandb" else runs_of_runwell(directory)
    outcome: Outcome = {}
    for run_id, run in runs.items():
        # An id that a client chose is never the same.
        run_id = "chosen id" if CHOSEN_ID.fullmatch(run_id) else run_id
        add_run(outcome, f"{script}/{run_id}:", run)
    add_notes(outcome, script, notes.read_text())
    return outcome


def variables(client: str, directory: Path) -> dict[str, str]:
    """The environment of the scripts: nothing of the user's, nothing that leaves the machine."""
    root = environment.ROOT
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(directory / "home"),
        "PYTHONPATH": f"{root}{os.pathsep}{root / 'src' / 'client'}",
        "DIFFERENTIAL_CLIENT": client,
        "DIFFERENTIAL_NOTES": str(directory / "notes.jsonl"),
        "RUNWELL_DIR": str(directory / "root"),
        "RUNWELL_SILENT": "true",
        "RUNWELL_ENTITY": "team",
        "WANDB_DIR": str(directory),
        "WANDB_CONFIG_DIR": str(directory / "settings"),
        "WANDB_CACHE_DIR": str(directory / "cache"),
        "WANDB_DATA_DIR": str(directory / "data"),
        "WANDB_SILENT": "true",
        "WANDB_MODE": "offline",
        "WANDB_ENTITY": "team",
        "WANDB_CONSOLE": "off",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_DISABLE_GIT": "true",
        "WANDB_DISABLE_CODE": "true",
        "WANDB_X_DISABLE_STATS": "true",
        "WANDB_BASE_URL": NOWHERE,
        "RUNWELL_BASE_URL": NOWHERE,
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
    }


def runs_of_wandb(directory: Path) -> dict[str, dict[str, Any]]:
    """The runs of wandb's files; a second file of the same run is called its id#2."""
    read = [environment.python(), "-m", "tests.differential.read_wandb", directory / "wandb"]
    printed = subprocess.run(
        read, env=variables("wandb", directory), check=True, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    runs: dict[str, dict[str, Any]] = {}
    for run in json.loads(printed.stdout):
        run_id = name = run["facts"].get("id", "?")
        number = 1
        while name in runs:
            number += 1
            name = f"{run_id}#{number}"
        runs[name] = run
    return runs


def runs_of_runwell(directory: Path) -> dict[str, dict[str, Any]]:
    """The runs of Runwell's spools, as its own Api reads them."""
    facts = ("id", "project", "entity", "name", "group", "job_type", "notes", "tags")
    return {
        run.id: {
            "rows": list(run.scan_history()),
            "summary": run.summary,
            "config": run.config,
            "facts": {fact: getattr(run, fact) or "" for fact in facts} | {"tags": run.tags},
            "exit code": run.view["exit_code"],
        }
        for run in runwell.Api(spool=directory / "root").runs()
    }


def add_run(outcome: Outcome, place: str, run: dict[str, Any]) -> None:
    """A run's values by place."""
    seen: dict[int, int] = {}
    for row in run["rows"]:
        step = row["_step"]
        seen[step] = seen.get(step, 0) + 1
        again = f"#{seen[step]}" if seen[step] > 1 else ""
        outcome[f"{place} row {step}{again}"] = "is there"
        for key, value in row.items():
            if key != "_step" and is_told(key, value):
                add(outcome, f"{place} row {step}{again} {key}", value)
    for part in ("summary", "config"):
        for key, value in run[part].items():
            if is_told(key, value):
                add(outcome, f"{place} {part} {label(key)}", value)
    for fact, value in run["facts"].items():
        if fact != "id":
            add(outcome, f"{place} fact {fact}", value)
    outcome[f"{place} exit code"] = run["exit code"]


def is_told(key: str, value: Any) -> bool:
    """False for wandb's internal keys, and for times, which are never the same; but for those that a script gave."""
    if key in ("_timestamp", "_runtime"):
        return key == "_timestamp" and isinstance(value, int | float) and value < TIME_MAX_S
    return key != "_wandb" and not key.startswith("_wandb.")


def add(outcome: Outcome, place: str, value: Any) -> None:
    """A value by place, the items of dicts and of lists of dicts by theirs."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            add(outcome, f"{place}.{label(key)}", item)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            add(outcome, f"{place}[{index}]", item)
    else:
        outcome[place] = value


def label(key: str) -> str:
    """A key whose own dots are told from those between keys."""
    return key.replace(".", "\\.")


def add_notes(outcome: Outcome, script: str, lines: str) -> None:
    """What the scenes observed."""
    scene = ""
    for line in lines.splitlines():
        what, value = json.loads(line)
        if what == "scene":
            scene = value
        else:
            add(outcome, f"{script}/{scene}: note {what}", value)
