"""Plays a script's scenes: ``python -m tests.differential.play SCRIPT [SCENE]``, with the client named in the environment."""

import importlib
import os
import subprocess
import sys
import traceback

from tests.differential import stage


def main(script: str, chosen: str | None = None) -> None:
    """Plays one scene, or all, those that need it in processes of their own."""
    importlib.import_module(f"tests.differential.scripts.{script}")
    if chosen is not None:
        stage.note("scene", chosen)
        stage.SCENES[chosen]()
        return
    for name, scene in stage.SCENES.items():
        if name in stage.ALONE:
            play_alone(script, name)
        else:
            play_here(name, scene)


def play_alone(script: str, name: str) -> None:
    """Plays a scene in a process of its own, and notes how that ended."""
    # By this variable wandb's children find the service of their parent, which then ends their runs.
    variables = {key: value for key, value in os.environ.items() if key != "WANDB_SERVICE"}
    ended = subprocess.run([sys.executable, "-m", "tests.differential.play", script, name], check=False, env=variables)
    stage.note("exit status of the process", ended.returncode)


def play_here(name: str, scene: stage.Scene) -> None:
    """Plays a scene, and ends the run that it leaves open."""
    stage.note("scene", name)
    try:
        scene()
    except Exception as error:  # noqa: BLE001  what a client refuses is what is compared
        traceback.print_exc()
        stage.note("the scene is ended by", type(error).__name__)
    if stage.wandb.run is not None:
        stage.wandb.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
