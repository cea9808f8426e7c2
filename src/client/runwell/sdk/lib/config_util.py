"""wandb's path of ``ConfigError``."""

from runwell.errors import ConfigError

__all__ = ["ConfigError"]
