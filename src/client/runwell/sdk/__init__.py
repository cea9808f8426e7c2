"""Import paths of wandb's that other libraries use. Each leads to the very same objects as the names of ``runwell``."""

from runwell.sdk import lib, wandb_run

__all__ = ["lib", "wandb_run"]
