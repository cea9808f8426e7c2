"""``runwell.Audio``."""

import io
import os
import wave
from typing import Any

from runwell.media.documents import Document
from runwell.media.figures import is_tensor
from runwell.media.libraries import library
from runwell.media.pixels import tensor_array
from runwell.media.values import FileContent, content_bytes

FULL_SCALE = 32_768


class Audio(Document):
    """A sound: a path, or samples of shape (samples,) or (samples, channels) with their ``sample_rate`` in hertz.

    Samples are integers of 16 bits, or floats from -1 to 1; they are kept as WAV.
    """

    TYPE, FOLDER = "audio-file", "audio"

    def __init__(self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None) -> None:
        self.sample_rate = sample_rate
        self._samples: Any = None
        if isinstance(data_or_path, str | os.PathLike):
            extension = os.path.splitext(os.fspath(data_or_path))[1] or ".wav"
            super().__init__(FileContent(data_or_path), extension, caption)
            return
        if sample_rate is None:
            raise ValueError('Argument "sample_rate" is required when instantiating runwell.Audio with raw data.')
        np = library("numpy", "a sound of samples")
        samples = tensor_array(data_or_path) if is_tensor(data_or_path) else np.array(data_or_path)
        if samples.dtype.kind not in "iuf" or samples.ndim not in (1, 2) or not samples.size:
            raise ValueError(f"a sound cannot be made of {samples.dtype} of shape {samples.shape}")
        self._samples = samples
        super().__init__(b"", ".wav", caption)

    @property
    def held_bytes(self) -> int:
        return content_bytes(self._content) if self._samples is None else int(self._samples.nbytes)

    def _bytes(self) -> Any:
        if self._samples is None:
            return super()._bytes()
        np = library("numpy", "a sound of samples")
        samples = self._samples
        if samples.dtype.kind == "f":
            samples = np.floor(np.nan_to_num(samples.astype(np.float64)) * FULL_SCALE)
        frames = np.clip(samples, -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1 if frames.ndim == 1 else frames.shape[1])
            file.setsampwidth(2)
            file.setframerate(int(self.sample_rate or 0))
            file.writeframes(frames.tobytes())
        return out.getvalue()
