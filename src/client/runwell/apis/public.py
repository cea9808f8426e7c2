"""wandb's path of the reading API."""

from runwell._api import Api
from runwell._api_runs import Run, Runs
from runwell.artifacts.artifact import Artifact

__all__ = ["Api", "Artifact", "Run", "Runs"]
