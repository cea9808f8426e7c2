"""wandb's path of ``Run``."""

from runwell._run import Run

__all__ = ["Run"]
