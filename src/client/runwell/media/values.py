"""What all media share: how they are kept safe when they are logged, and how they become JSON and files.

``log()`` calls ``frozen`` before it returns: whatever the script does with its data afterwards changes nothing. ``form`` is
called later, in another thread, and may take its time.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Protocol

from runwell.core.blobs import Blob
from runwell.errors import UsageError

INLINE_FILE_BYTES_MAX = 8 << 20
"""A larger file is copied to the spool before ``log()`` returns, smaller ones are read into memory: 1 ms a MB."""


class BlobStore(Protocol):
    """Where contents are kept; see runwell._blobs."""

    def store_bytes(self, data: bytes) -> Blob: ...

    def store_file(self, path: str) -> Blob: ...


class Files:
    """The files of one logged value, stored as they are added."""

    def __init__(self, blobs: BlobStore, key: str, step: int) -> None:
        self.entries: list[dict[str, Any]] = []
        """For MediaLogged."""
        self._blobs = blobs
        self._name = f"{_path_of(key)}_{step}"

    def add(self, folder: str, content: "bytes | Blob", extension: str) -> dict[str, Any]:
        """Stores a file; returns ``{"path", "sha256", "size"}``. Raises what the store raises."""
        blob = self._blobs.store_bytes(content) if isinstance(content, bytes) else content
        path = f"media/{folder}/{self._name}_{blob.sha256[:20]}{extension}"
        self.entries.append({"path": path, "sha256": blob.sha256, "bytes": blob.bytes})
        return {"path": path, "sha256": blob.sha256, "size": blob.bytes}


def _path_of(key: str) -> str:
    """The key as a part of a path: a slash makes a folder, and nothing leads out of it."""
    parts = ["_" if part in ("", ".", "..") else part for part in key.replace("\\", "_").split("/")]
    return "/".join("".join(character if character.isprintable() else "_" for character in part) for part in parts)


class Media(ABC):
    """A value with files."""

    @property
    def held_bytes(self) -> int:
        """Memory that it takes until it is encoded."""
        return 0

    def frozen(self, blobs: BlobStore) -> "Media":
        """This value as it is now. Raises UsageError for a file that cannot be read."""
        return self

    @abstractmethod
    def form(self, files: Files) -> dict[str, Any]:
        """The JSON value that the history shows. Raises ValueError when it cannot be encoded."""


class Chart(ABC):
    """A table and how it is drawn."""

    @abstractmethod
    def table(self, key: str) -> Media:
        """The table, which knows what it is drawn as and under which key that was logged."""


class Inline(ABC):
    """A value without files, which a row holds itself."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The JSON value that the history shows."""


def library_of(value: Any) -> str:
    """The first part of the name of the module that a value's type comes from; of a module its own."""
    return (value.__name__ if isinstance(value, ModuleType) else type(value).__module__).partition(".")[0]


class FileContent:
    """A file of the script's."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.bytes = os.stat(self.path).st_size
        if not os.path.isfile(self.path):
            raise UsageError(f"{self.path} is no regular file")

    def frozen(self, blobs: BlobStore) -> "bytes | Blob":
        """The content, from memory or from the store."""
        try:
            if os.stat(self.path).st_size > INLINE_FILE_BYTES_MAX:
                return blobs.store_file(self.path)
            with open(self.path, "rb") as file:
                return file.read()
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror or error}") from None


Content = bytes | Blob | FileContent
"""What a file holds: in memory, in the store, or still in a file of the script's."""


def frozen_content(content: Content, blobs: BlobStore) -> "bytes | Blob":
    """The content when nothing of the script's is needed any more."""
    return content.frozen(blobs) if isinstance(content, FileContent) else content


def content_bytes(content: Content) -> int:
    """Memory that it takes."""
    return len(content) if isinstance(content, bytes) else 0


class Batch(Media):
    """A list, or a dict within one, that has media in it."""

    def __init__(self, items: Sequence[Any] | Mapping[str, Any]) -> None:
        self.items = dict(items) if isinstance(items, Mapping) else list(items)

    @property
    def held_bytes(self) -> int:
        items = self.items.values() if isinstance(self.items, dict) else self.items
        return sum(item.held_bytes for item in items if isinstance(item, Media))

    def frozen(self, blobs: BlobStore) -> "Batch":
        return Batch(self._each(lambda item: item.frozen(blobs) if isinstance(item, Media) else item))

    def form(self, files: Files) -> Any:
        if isinstance(self.items, list) and len({type(item) for item in self.items}) == 1:
            together = getattr(self.items[0], "batch_form", None)
            if together is not None:
                return together(self.items, files)
        return self._each(lambda item: _form(item, files))

    def _each(self, made: Callable[[Any], Any]) -> Any:
        if isinstance(self.items, dict):
            return {key: made(item) for key, item in self.items.items()}
        return [made(item) for item in self.items]


def _form(item: Any, files: Files) -> Any:
    if isinstance(item, Media):
        return item.form(files)
    return item.to_json() if isinstance(item, Inline) else item


def has_media(value: Any, libraries: frozenset[str]) -> bool:
    """Whether a list or a dict has media in it, or something of these libraries, however deep."""
    waiting, seen = [value], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, list | tuple | Mapping):
            if id(item) not in seen:
                seen.add(id(item))
                waiting.extend(item.values() if isinstance(item, Mapping) else item)
        elif isinstance(item, Media | Chart) or library_of(item) in libraries:
            return True
    return False
