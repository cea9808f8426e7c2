"""Functions of ``wandb.env`` that other libraries call."""

import os


def set_entity(value: str) -> None:
    """The entity of runs that begin from here on."""
    os.environ["WANDB_ENTITY"] = value


def set_project(value: str) -> None:
    """The project of runs that begin from here on."""
    os.environ["WANDB_PROJECT"] = value
