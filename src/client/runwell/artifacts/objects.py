"""Media within artifacts: an object is a JSON file, ``NAME.KIND.json``, beside the files that it names."""

import hashlib
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runwell._events import json_bytes
from runwell.core.blobs import Blob
from runwell.errors import UsageError
from runwell.media.values import Files, Media

if TYPE_CHECKING:
    from runwell.artifacts.artifact import Artifact

SUFFIX = "-file"


class _Memory:
    """Contents on their way into a draft."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def store_bytes(self, data: bytes) -> Blob:
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data))
        self.contents[blob.sha256] = data
        return blob

    def store_file(self, path: str) -> Blob:
        try:
            with open(path, "rb") as file:
                return self.store_bytes(file.read())
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def object_files(obj: Any, name: str) -> list[tuple[str, bytes]]:
    """The paths and contents that an object consists of, the JSON file that stands for it first. Raises ValueError."""
    if not isinstance(obj, Media):
        raise ValueError(  # noqa: TRY004 - as wandb does
            f"Found object of type {type(obj).__name__}, expected one of Image, Table, Audio, Video, Html and the like"
        )
    memory = _Memory()
    files = Files(memory, name, 0)
    form = obj.frozen(memory).form(files)
    kind = str(form["_type"]).removesuffix(SUFFIX)
    contents = [(entry["path"], memory.contents[entry["sha256"]]) for entry in files.entries]
    return [(f"{name}.{kind}.json", json_bytes(form)), *contents]


def read_object(artifact: "Artifact", name: str) -> Any:
    """The object under ``name``: a Table or an Image as such, of others their JSON form; None when there is none.

    Files that it names are fetched.
    """
    known = artifact.manifest.entries
    path = next((path for path in known if path.startswith(f"{name}.") and path.endswith(".json")), None)
    path = path or (name if name in known and name.endswith(".json") else None)
    if path is None:
        return None
    form = json.loads(_content(artifact, path))
    return _revived(artifact, form)


def _revived(artifact: "Artifact", form: Any) -> Any:
    if not isinstance(form, Mapping):
        return form
    if form.get("_type") == "image-file":
        from runwell.media.image import Image

        return Image(_fetched(artifact, str(form["path"])), caption=form.get("caption"))
    if form.get("_type") == "table-file":
        from runwell.media.table import Table

        content = json.loads(_content(artifact, str(form["path"])))
        rows = [[_revived(artifact, cell) for cell in row] for row in content["data"]]
        return Table(columns=content["columns"], data=rows, allow_mixed_types=True)
    return dict(form)


def _fetched(artifact: "Artifact", path: str) -> str:
    return os.path.join(artifact.download(path_prefix=path), *path.split("/"))


def _content(artifact: "Artifact", path: str) -> bytes:
    with open(_fetched(artifact, path), "rb") as file:
        return file.read()
