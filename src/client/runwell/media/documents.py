"""Media that are files of a kind: ``runwell.Html``, ``Object3D``, ``Molecule`` and ``Plotly``."""

import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from runwell._events import json_bytes
from runwell.media.figures import is_array, is_matplotlib, is_plotly, is_tensor, matplotlib_figure
from runwell.media.libraries import library
from runwell.media.pixels import tensor_array
from runwell.media.values import BlobStore, Content, FileContent, Files, Media, content_bytes, frozen_content


class Document(Media):
    """One file."""

    TYPE: ClassVar[str]
    FOLDER: ClassVar[str]

    def __init__(self, content: Content, extension: str, caption: str | None = None) -> None:
        self._content = content
        self._extension = extension
        self.caption = caption

    @property
    def held_bytes(self) -> int:
        return content_bytes(self._content)

    def frozen(self, blobs: BlobStore) -> Media:
        if not isinstance(self._content, FileContent):
            return self
        made = copy.copy(self)
        made._content = frozen_content(self._content, blobs)
        return made

    def form(self, files: Files) -> dict[str, Any]:
        form = {"_type": self.TYPE, **files.add(self.FOLDER, self._bytes(), self._extension)}
        return form if self.caption is None else form | {"caption": self.caption}

    def _bytes(self) -> Any:
        assert not isinstance(self._content, FileContent)
        return self._content


def read_stream(stream: Any) -> bytes:
    """All that an open file has, from its start."""
    if hasattr(stream, "seek"):
        stream.seek(0)
    text = stream.read()
    return text.encode("utf-8", "backslashreplace") if isinstance(text, str) else bytes(text)


def extension_of(what: str, name: str, allowed: Sequence[str]) -> str:
    """The ending of a file's name with its dot. Raises ValueError for one that is not allowed."""
    for extension in sorted(allowed, key=len, reverse=True):
        if name.lower().endswith(f".{extension}"):
            return f".{extension}"
    raise ValueError(f"{what} only supports files of the types {', '.join(allowed)}, and not {name!r:.100}")


class Html(Document):
    """A page: a string of HTML, an open file, or the path of a file that ends with ".html".

    ``inject`` makes its links open in a new tab. Pages are shown in a frame that can reach nothing around it.
    """

    TYPE, FOLDER = "html-file", "html"
    HEAD: ClassVar[str] = '<base target="_blank">'

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        is_path = isinstance(data, os.PathLike) or (isinstance(data, str) and data.lower().endswith((".html", ".htm")))
        if is_path and not data_is_not_path and ("\n" not in os.fspath(data)):
            with open(data, encoding="utf-8", errors="replace") as file:
                text = file.read()
        elif isinstance(data, str):
            text = data
        elif hasattr(data, "read"):
            text = read_stream(data).decode("utf-8", "replace")
        else:
            raise ValueError(f"data must be a string, a path or an open file, not {type(data).__name__}")
        self.html = self._injected(text) if inject else text
        super().__init__(self.html.encode("utf-8", "backslashreplace"), ".html")

    def _injected(self, text: str) -> str:
        for tag in ("<head>", "<html>"):
            place = text.lower().find(tag)
            if place >= 0:
                head = self.HEAD if tag == "<head>" else f"<head>{self.HEAD}</head>"
                return text[: place + len(tag)] + head + text[place + len(tag) :]
        return self.HEAD + text


class Object3D(Document):
    """A thing in space: a file (obj, gltf, glb, babylon, stl, pts.json), points as an array, or a dict of a scene.

    Points are of shape (points, 3) for x, y, z, (points, 4) with a category, or (points, 6) with red, green and blue.
    """

    TYPE, FOLDER = "object3D-file", "object3D"
    FILE_TYPES: ClassVar[tuple[str, ...]] = ("obj", "gltf", "glb", "babylon", "stl", "pts.json")
    WIDTHS: ClassVar[tuple[int, ...]] = (3, 4, 6)

    def __init__(self, data_or_path: Any, caption: str | None = None, file_type: str | None = None) -> None:
        if isinstance(data_or_path, str | os.PathLike):
            extension = extension_of("Object3D", os.fspath(data_or_path), self.FILE_TYPES)
            super().__init__(FileContent(data_or_path), extension, caption)
        elif hasattr(data_or_path, "read"):
            name = f".{file_type}" if file_type else getattr(data_or_path, "name", "")
            extension = extension_of("Object3D", str(name), self.FILE_TYPES)
            super().__init__(read_stream(data_or_path), extension, caption)
        elif isinstance(data_or_path, Mapping):
            if "type" not in data_or_path:
                raise ValueError("a scene must have a type: {'type': 'lidar/beta', 'points': [...]}")
            scene = {key: _listed(value) for key, value in data_or_path.items()}
            super().__init__(json_bytes(scene), ".pts.json", caption)
        else:
            super().__init__(json_bytes(self._points(data_or_path)), ".pts.json", caption)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> "Object3D":
        """Of a path or an open file."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> "Object3D":
        """Of points."""
        return cls(data)

    @classmethod
    def from_point_cloud(
        cls, points: Any, boxes: Any, vectors: Any = None, point_cloud_type: str = "lidar/beta"
    ) -> "Object3D":
        """Of points, boxes and vectors."""
        return cls({"type": point_cloud_type, "points": points, "boxes": boxes, "vectors": vectors or []})

    def _points(self, value: Any) -> Any:
        if not (is_array(value) or is_tensor(value)):
            raise ValueError(f"data must be a numpy array, a dict, a path or an open file, not {type(value).__name__}")
        points = tensor_array(value) if is_tensor(value) else library("numpy", "points").asarray(value)
        if points.ndim != 2 or points.shape[1] not in self.WIDTHS:
            raise ValueError(f"points must be of shape (points, 3), (points, 4) or (points, 6), not {points.shape}")
        return points.tolist()


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_listed(item) for item in value]
    return {key: _listed(item) for key, item in value.items()} if isinstance(value, Mapping) else value


class Molecule(Document):
    """A molecule: a path, or an open file with its ``file_type``."""

    TYPE, FOLDER = "molecule-file", "molecule"
    FILE_TYPES: ClassVar[tuple[str, ...]] = (
        *("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf"),
    )

    def __init__(self, data_or_path: Any, caption: str | None = None, file_type: str | None = None) -> None:
        if isinstance(data_or_path, str | os.PathLike):
            extension = extension_of("Molecule", os.fspath(data_or_path), self.FILE_TYPES)
            super().__init__(FileContent(data_or_path), extension, caption)
        elif hasattr(data_or_path, "read"):
            name = f".{file_type}" if file_type else getattr(data_or_path, "name", "")
            extension = extension_of("Molecule", str(name), self.FILE_TYPES)
            super().__init__(read_stream(data_or_path), extension, caption)
        else:
            raise ValueError(f"data must be a path or an open file, not {type(data_or_path).__name__}")


class Plotly(Document):
    """A figure of plotly, or one of matplotlib that plotly can convert."""

    TYPE, FOLDER = "plotly-file", "plotly"

    def __init__(self, val: Any) -> None:
        if is_matplotlib(val):
            val = library("plotly.tools", "a chart of a matplotlib figure").mpl_to_plotly(matplotlib_figure(val))
        if not is_plotly(val):
            raise ValueError(f"a plotly or matplotlib figure is needed, not {type(val).__name__}")
        super().__init__(val.to_json().encode(), ".plotly.json")
