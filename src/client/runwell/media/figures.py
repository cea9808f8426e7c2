"""Recognises what libraries make without importing them: by the name of the module that a type comes from."""

import sys
from types import ModuleType
from typing import Any

from runwell.media.values import Media, library_of

MEDIA_LIBRARIES = frozenset({"matplotlib", "plotly", "pandas", "polars", "PIL"})
"""Some of whose objects are logged as media."""


def made_of(value: Any) -> Media | None:
    """A figure, image or data frame as media; None for anything else."""
    if is_matplotlib(value) or is_pil(value):
        from runwell.media.image import Image

        return Image(value)
    if is_plotly(value):
        from runwell.media.documents import Plotly

        return Plotly(value)
    if is_dataframe(value):
        from runwell.media.table import Table

        return Table(dataframe=value)
    return None


def is_matplotlib(value: Any) -> bool:
    """A figure, something drawn in one, or matplotlib.pyplot itself, which means its current figure."""
    if library_of(value) != "matplotlib":
        return False
    return isinstance(value, ModuleType) or hasattr(value, "savefig") or getattr(value, "figure", None) is not None


def matplotlib_figure(value: Any) -> Any:
    """The figure. Raises ValueError when there is none."""
    figure = value.gcf() if isinstance(value, ModuleType) else value
    if not hasattr(figure, "savefig"):
        figure = figure.figure
    if figure is None:
        raise ValueError("there is no matplotlib figure in what was given")
    return figure


def is_plotly(value: Any) -> bool:
    """A plotly figure."""
    return library_of(value) == "plotly" and hasattr(value, "to_json")


def is_tensor(value: Any) -> bool:
    """A PyTorch tensor."""
    return library_of(value) == "torch" and hasattr(value, "detach")


def is_pil(value: Any) -> bool:
    """A PIL image."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def is_dataframe(value: Any) -> bool:
    """A pandas or polars data frame."""
    return library_of(value) in ("pandas", "polars") and hasattr(value, "columns")


def is_array(value: Any) -> bool:
    """A numpy array, or what turns into one by its ``numpy`` method."""
    return hasattr(value, "ndim") and (hasattr(value, "__array__") or hasattr(value, "numpy"))
