"""Functions of ``wandb.util`` that other libraries call."""

import secrets
from importlib import import_module
from types import ModuleType

from runwell.core.names import RUN_ID_ALPHABET


def generate_id(length: int = 8) -> str:
    """A random run id of that many characters."""
    return "".join(secrets.choice(RUN_ID_ALPHABET) for _ in range(length))


def get_module(name: str, required: str | bool | None = None, lazy: bool = True) -> ModuleType | None:
    """The module, or None when it cannot be imported; with ``required`` an Error, and that text says what is needed."""
    from runwell.errors import Error

    try:
        return import_module(name)
    except ImportError as error:
        if required:
            raise Error(required if isinstance(required, str) else f"{name} must be installed: {error}") from None
        return None
