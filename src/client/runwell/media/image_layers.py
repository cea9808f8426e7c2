"""What is drawn over an image: boxes and masks, each with names for its classes."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from runwell._events import json_bytes
from runwell.media.libraries import library
from runwell.media.png import write_png
from runwell.media.values import Files

CLASSES_MAX = 256
"""Of a mask, whose pixels are bytes."""

CORNERS = ("minX", "maxX", "minY", "maxY")
MIDDLE = ("middle", "width", "height")

Labels = Mapping[int, str]
Layer = TypeVar("Layer")


class Classes:
    """Names of classes: ``[{"id": 0, "name": "cat"}, …]``."""

    def __init__(self, class_set: Sequence[Mapping[str, Any]]) -> None:
        self.labels: dict[int, str] = {}
        for entry in class_set:
            if "id" not in entry or "name" not in entry:
                raise ValueError("each class must have an id and a name: {'id': 0, 'name': 'cat'}")
            self.labels[int(entry["id"])] = str(entry["name"])


def read_classes(classes: Classes | Sequence[Mapping[str, Any]] | None) -> Labels:
    """The names by id."""
    if classes is None:
        return {}
    return classes.labels if isinstance(classes, Classes) else Classes(classes).labels


def read_layers(
    what: str, given: Mapping[str, Any] | None, make: Callable[[str, Mapping[str, Any], Labels], Layer], labels: Labels
) -> dict[str, Layer]:
    """The layers by name; one that was made before stays as it is."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValueError(f'Images "{what}" argument must be a dictionary of names to layers')  # noqa: TRY004  as wandb
    return {str(name): _layer(what, str(name), layer, make, labels) for name, layer in given.items()}


def _layer(what: str, name: str, layer: Any, make: Callable[..., Layer], labels: Labels) -> Layer:
    if isinstance(layer, Boxes | Mask):
        return layer  # type: ignore[return-value]
    if not isinstance(layer, Mapping):
        raise ValueError(f"{what} {name!r} must be a dictionary, not {type(layer).__name__}")  # noqa: TRY004  as wandb
    return make(name, layer, labels)


class Boxes:
    """Boxes of one name: where, of which class, with scores and captions."""

    def __init__(self, name: str, given: Mapping[str, Any], labels: Labels) -> None:
        if "box_data" not in given:
            raise ValueError(f"boxes {name!r} must have 'box_data', a list of boxes")
        for box in given["box_data"]:
            position = box.get("position") if isinstance(box, Mapping) else None
            if not isinstance(position, Mapping) or not (
                all(corner in position for corner in CORNERS) or all(part in position for part in MIDDLE)
            ):
                raise TypeError(
                    "each box must have a position with minX, maxX, minY and maxY, or middle, width and height"
                )
            _check_box(box)
        said = {int(key): str(label) for key, label in given.get("class_labels", labels).items()}
        ids = {int(box["class_id"]) for box in given["box_data"] if "class_id" in box}
        said = {**{number: f"class_{number}" for number in sorted(ids - said.keys())}, **said}
        # Copied as text, since that is what it becomes.
        self._text = json_bytes({"box_data": _plain(given["box_data"]), "class_labels": said})

    def form(self, files: Files) -> dict[str, Any]:
        """The JSON value."""
        return {"_type": "boxes2D", **files.add("metadata/boxes2D", self._text, ".boxes2D.json")}


def _check_box(box: Mapping[str, Any]) -> None:
    scores = box.get("scores")
    if scores is not None and not (isinstance(scores, Mapping) and all(_is_number(score) for score in scores.values())):
        raise TypeError("a box's scores must be a dictionary of names to numbers")
    if "class_id" in box and not _is_number(box["class_id"]):
        raise TypeError("a box's class_id must be an integer")
    if box.get("box_caption") is not None and not isinstance(box["box_caption"], str):
        raise TypeError("a box's box_caption must be a string")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or hasattr(value, "item")


def _plain(value: Any) -> Any:
    """With numbers of numpy and PyTorch as Python's."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str | int | float) or value is None:
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} is no part of a box")


class Mask:
    """A class for each pixel: an array of shape (height, width), or the path of an image of one channel."""

    def __init__(self, name: str, given: Mapping[str, Any], labels: Labels) -> None:
        if "mask_data" not in given and "path" not in given:
            raise ValueError(f"mask {name!r} must have 'mask_data', an array of class ids, or 'path', an image of them")
        self._path = given.get("path")
        self._array: Any = None
        said = {int(key): str(label) for key, label in given.get("class_labels", labels).items()}
        if self._path is None:
            np = library("numpy", "a mask")
            array = np.asarray(given["mask_data"]).squeeze()
            if array.ndim != 2:
                raise ValueError(f"mask_data must be of shape (height, width), not {array.shape}")
            if array.size and not 0 <= array.min() <= array.max() < CLASSES_MAX:
                raise ValueError(f"mask_data must be integers from 0 to {CLASSES_MAX - 1}")
            self._array = array.astype(np.uint8)
            ids = [int(number) for number in np.unique(self._array)]
            said = {**{number: f"class_{number}" for number in ids if number not in said}, **said}
        else:
            with open(self._path, "rb") as file:
                self._file = file.read()
        self.labels = said

    @property
    def held_bytes(self) -> int:
        """Memory that it takes."""
        return int(self._array.nbytes) if self._path is None else len(self._file)

    def form(self, files: Files) -> dict[str, Any]:
        """The JSON value; the names of classes are in it, since nothing else would hold them."""
        if self._path is None:
            height, width = self._array.shape
            content = write_png(width, height, 1, self._array[:, :, None])
        else:
            content = self._file
        labels = json.loads(json_bytes(self.labels))
        return {"_type": "mask", **files.add("images/mask", content, ".mask.png"), "class_labels": labels}
