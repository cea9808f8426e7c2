"""``runwell.Image``."""

import copy
import io
import os
from collections.abc import Mapping, Sequence
from typing import Any

from runwell.core.blobs import Blob
from runwell.media.figures import is_array, is_matplotlib, is_pil, is_tensor, matplotlib_figure
from runwell.media.image_layers import Boxes, Classes, Mask, read_classes, read_layers
from runwell.media.libraries import library, optional
from runwell.media.pixels import ArrayPixels, PilPixels, Raster
from runwell.media.png import image_size, write_png
from runwell.media.values import BlobStore, Content, FileContent, Files, Media, content_bytes, frozen_content

BATCH_MAX = 108
"""Images of one value, as wandb has it; further ones are left out, with a warning."""

FILE_TYPES = ("png", "jpg", "jpeg", "bmp", "webp", "gif")
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
HEAD_BYTES = 64 << 10
"""In which a file says how large its image is; a JPEG may have a preview before that."""


class Image(Media):
    """An image: of a file, PIL, numpy (height, width, channels), PyTorch (channels, height, width) or matplotlib.

    Arrays of floats from 0 to 1, or from -1 to 1, are scaled to 0 to 255 unless ``normalize`` is false. ``boxes`` and
    ``masks`` are drawn over it, by name: ``{"predictions": {"box_data": [...], "class_labels": {...}}}`` and
    ``{"ground_truth": {"mask_data": array, "class_labels": {...}}}``. Pixels are copied at once and encoded later, without
    loss, unless ``file_type`` says otherwise. Raises FileNotFoundError, and ValueError for what is no image.
    """

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: "Classes | Sequence[Mapping[str, Any]] | None" = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
        normalize: bool = True,
    ) -> None:
        if file_type is not None and file_type.lower() not in FILE_TYPES:
            raise ValueError(f"file_type must be one of {', '.join(FILE_TYPES)}, not {file_type!r:.40}")
        self._caption = None if caption is None else str(caption)
        self._grouping = grouping
        self._mode = mode
        self._file: Content | None = None
        self._pixels: ArrayPixels | PilPixels | None = None
        self.format = (file_type or "png").lower()
        self.width = self.height = 0
        self._read(data_or_path, normalize)
        labels = read_classes(classes)
        self._boxes: dict[str, Boxes] = read_layers("boxes", boxes, Boxes, labels)
        self._masks: dict[str, Mask] = read_layers("masks", masks, Mask, labels)

    @property
    def caption(self) -> str | None:
        """What is shown below it."""
        return self._caption

    @property
    def held_bytes(self) -> int:
        held = self._pixels.held_bytes if self._pixels is not None else content_bytes(self._file or b"")
        return held + sum(mask.held_bytes for mask in self._masks.values())

    def frozen(self, blobs: BlobStore) -> "Image":
        if not isinstance(self._file, FileContent):
            return self
        made = copy.copy(self)
        made._file = frozen_content(self._file, blobs)
        return made

    def form(self, files: Files) -> dict[str, Any]:
        form = {"_type": "image-file", **files.add("images", self._encoded(), f".{self.format}"), **self._size()}
        if self._caption is not None:
            form["caption"] = self._caption
        if self._grouping is not None:
            form["grouping"] = self._grouping
        for name, layers in (("boxes", self._boxes), ("masks", self._masks)):
            if layers:
                form[name] = {key: layer.form(files) for key, layer in layers.items()}
        return form

    @staticmethod
    def batch_form(images: "Sequence[Image]", files: Files) -> dict[str, Any]:
        """Several images as one value."""
        images = images[:BATCH_MAX]
        forms = [image.form(files) for image in images]
        form = {
            "_type": "images/separated",
            **images[0]._size(),
            "count": len(images),
            "filenames": [each["path"] for each in forms],
            "sha256s": [each["sha256"] for each in forms],
        }
        for name, one in (("captions", "caption"), ("all_boxes", "boxes"), ("all_masks", "masks")):
            if any(one in each for each in forms):
                form[name] = [each.get(one) for each in forms]
        return form

    def _size(self) -> dict[str, Any]:
        return {"format": self.format, "width": self.width, "height": self.height}

    def _read(self, value: Any, normalize: bool) -> None:
        if isinstance(value, Image):
            self._caption = value._caption if self._caption is None else self._caption
            self._file, self._pixels, self.format = value._file, value._pixels, value.format
            self.width, self.height = value.width, value.height
            return
        if isinstance(value, str | os.PathLike):
            self._read_file(FileContent(value))
            return
        if is_matplotlib(value):
            picture = io.BytesIO()
            matplotlib_figure(value).savefig(picture, format="png")
            self._file, self.format = picture.getvalue(), "png"
            _, self.width, self.height = image_size(picture.getvalue()) or ("png", 0, 0)
            return
        if is_pil(value):
            self._pixels = PilPixels(value.convert(self._mode) if self._mode else value)
        elif is_tensor(value) or is_array(value):
            self._pixels = ArrayPixels(value, normalize)
        else:
            raise ValueError(
                f"an image cannot be made of {type(value).__name__}: give a path, an array, a tensor, or an image of PIL "
                "or matplotlib"
            )
        self.width, self.height = self._pixels.width, self._pixels.height

    def _read_file(self, file: FileContent) -> None:
        with open(file.path, "rb") as opened:
            head = opened.read(HEAD_BYTES)
            found = image_size(head)
            if found is None and head[:3] == b"\xff\xd8\xff":
                found = image_size(head + opened.read(64 * HEAD_BYTES))
        if found is None:
            found = _size_by_pil(file.path)
        if found is None:
            raise ValueError(f"cannot identify image file {file.path!r}: is it damaged, or of a rare format?")
        self._file = file
        self.format, self.width, self.height = found

    def _encoded(self) -> "bytes | Blob":
        if self._pixels is None:
            assert not isinstance(self._file, FileContent)
            assert self._file is not None
            return self._file
        raster = self._pixels.raster()
        if self.format == "png" and self._mode in (None, MODES[raster.channels]):
            return write_png(raster.width, raster.height, raster.channels, raster.pixels)
        return _by_pil(raster, self._mode, self.format)


def _size_by_pil(path: str) -> tuple[str, int, int] | None:
    pil = optional("PIL.Image")
    if pil is None:
        return None
    try:
        with pil.open(path) as image:
            return os.path.splitext(path)[1][1:].lower() or str(image.format).lower(), image.width, image.height
    except (OSError, ValueError):
        return None


def _by_pil(raster: Raster, mode: str | None, file_type: str) -> bytes:
    pil = library("PIL.Image", f"an image of type {file_type}" if file_type != "png" else f"an image of mode {mode}")
    pixels = raster.pixels if isinstance(raster.pixels, bytes) else raster.pixels.tobytes()
    image = pil.frombytes(MODES[raster.channels], (raster.width, raster.height), pixels)
    if mode:
        image = image.convert(mode)
    if file_type in ("jpg", "jpeg", "bmp") and image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    out = io.BytesIO()
    image.save(out, format="jpeg" if file_type == "jpg" else file_type)
    return out.getvalue()
