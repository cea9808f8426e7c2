"""The environment of the differential test: wandb and what it is given, at fixed versions, made once for each checkout."""

import fcntl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
DIRECTORY = ROOT / ".venv-wandb"


def python() -> Path:
    """The interpreter of the environment, which is made when it is not there or its requirements have changed."""
    with (ROOT / ".venv-wandb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        interpreter, ready = DIRECTORY / "bin" / "python", DIRECTORY / "ready"
        wanted = f"{sys.version}\n{DIRECTORY}\n{REQUIREMENTS.read_text()}"
        if not ready.exists() or ready.read_text() != wanted:
            subprocess.run([sys.executable, "-m", "venv", "--clear", DIRECTORY], check=True)
            install = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*install, "--requirement", REQUIREMENTS], check=True)
            ready.write_text(wanted)
        return interpreter
