"""wandb's path of the reading API."""

from runwell.apis import public

__all__ = ["public"]
