# The part of pcodec that the projector uses; the package has no types of its own.
from typing import Any

import numpy.typing as npt

class ChunkConfig:
    def __init__(self, compression_level: int = ...) -> None: ...

class standalone:  # noqa: N801 - a module in truth
    @staticmethod
    def simple_compress(src: npt.NDArray[Any], config: ChunkConfig) -> bytes: ...
    @staticmethod
    def simple_decompress(src: bytes) -> npt.NDArray[Any] | None: ...
