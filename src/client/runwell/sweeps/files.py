"""A sweep's configuration from a file, with the line of each of its places, so that what is wrong can be found there."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runwell.core.sweeps.problems import Place
from runwell.errors import UsageError

EXPONENT = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$")

Lines = Callable[[Place], int | None]


def read_document(path: Path) -> tuple[Any, Lines]:
    """What a YAML or JSON file holds, and where. Raises UsageError."""
    try:
        text = path.read_text()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        import yaml
    except ImportError:
        return _json(path, text), lambda place: None

    class Loader(yaml.SafeLoader):
        """Takes 1e-5 for the number that everybody means; YAML 1.1 wants a point in it."""

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+0123456789"))
    try:
        document = yaml.load(text, Loader=Loader)
        tree = yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is no YAML: {error}") from None
    return document, lambda place: _line(tree, place)


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise UsageError(
            f"reading {path} takes PyYAML: pip install 'runwell[sweeps]', or write the file as JSON"
        ) from None


def _line(node: Any, place: Place) -> int | None:
    """The line of a place, or of the nearest one around it that there is."""
    line: int | None = None
    for label in place:
        found = None
        for key, value in node.value if node is not None and node.id == "mapping" else ():
            if str(key.value) == label:
                found, line = value, key.start_mark.line + 1
        if found is None:
            return line
        node = found
    return line
