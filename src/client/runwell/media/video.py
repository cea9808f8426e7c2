"""``runwell.Video``."""

import io
import os
from typing import Any, ClassVar

from runwell.media.documents import Document, extension_of, read_stream
from runwell.media.figures import is_array, is_tensor
from runwell.media.libraries import library
from runwell.media.pixels import tensor_array
from runwell.media.values import FileContent, content_bytes

FPS = 4


class Video(Document):
    """A film: a path, an open file with its ``format``, or an array of shape (frames, channels, height, width).

    Of a batch (films, frames, channels, height, width) the films are put beside each other. Arrays become GIF by PIL, or
    mp4, webm and ogg by imageio with its ffmpeg plugin.
    """

    TYPE, FOLDER = "video-file", "videos"
    FILE_TYPES: ClassVar[tuple[str, ...]] = ("gif", "mp4", "webm", "ogg")

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: int | None = None,
        format: str | None = None,  # noqa: A002
    ) -> None:
        self.fps = fps or FPS
        self._frames: Any = None
        kind = (format or "gif").lower().removeprefix(".")
        if kind not in self.FILE_TYPES:
            raise ValueError(f"runwell.Video accepts {', '.join(self.FILE_TYPES)} formats, not {format!r:.40}")
        if isinstance(data_or_path, str | os.PathLike):
            extension = extension_of("Video", os.fspath(data_or_path), self.FILE_TYPES)
            super().__init__(FileContent(data_or_path), extension, caption)
        elif hasattr(data_or_path, "read"):
            super().__init__(read_stream(data_or_path), f".{kind}", caption)
        elif is_array(data_or_path) or is_tensor(data_or_path):
            self._frames = _frames(data_or_path)
            super().__init__(b"", f".{kind}", caption)
        else:
            raise ValueError(f"a video is a path, an open file or an array, not {type(data_or_path).__name__}")

    @property
    def held_bytes(self) -> int:
        return content_bytes(self._content) if self._frames is None else int(self._frames.nbytes)

    def _bytes(self) -> Any:
        if self._frames is None:
            return super()._bytes()
        if self._extension != ".gif":
            imageio = library("imageio.v3", f"a video of an array as {self._extension}")
            return imageio.imwrite("<bytes>", self._frames, extension=self._extension, fps=self.fps)
        pil = library("PIL.Image", "a video of an array")
        images = [pil.fromarray(frame.squeeze()) for frame in self._frames]
        out = io.BytesIO()
        images[0].save(out, "gif", save_all=True, append_images=images[1:], duration=round(1000 / self.fps), loop=0)
        return out.getvalue()


def _frames(value: Any) -> Any:
    """A copy of shape (frames, height, width, channels), 0 to 255. Raises ValueError for another shape."""
    np = library("numpy", "a video of an array")
    array = tensor_array(value) if is_tensor(value) else np.array(value)
    if array.ndim == 5:
        films, frames, channels, height, width = array.shape
        array = array.transpose(1, 2, 3, 0, 4).reshape(frames, channels, height, films * width)
    if array.ndim != 4 or array.shape[1] not in (1, 3, 4) or not array.size:
        raise ValueError(f"a video must be of shape (frames, channels, height, width), not {array.shape}")
    if array.dtype != np.uint8:
        array = np.clip(np.nan_to_num(array), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))
