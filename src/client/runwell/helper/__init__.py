"""Functions of ``wandb.helper``."""

from runwell._familiar import parse_config

__all__ = ["parse_config"]
