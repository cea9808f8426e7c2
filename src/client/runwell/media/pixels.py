"""Turns what scripts have as an image into 8-bit pixels.

Copies are taken at once, everything else is done when the image is encoded: a copy of 512 × 512 × 3 bytes takes 0.1 ms,
its PNG file 20.
"""

from typing import Any, NamedTuple

from runwell.media.figures import is_tensor
from runwell.media.libraries import library

GRID_PADDING = 2
GRID_COLUMNS_MAX = 8
"""A batch of images becomes one image, as torchvision's make_grid has it."""


class Raster(NamedTuple):
    """Pixels of 8 bits a channel, row by row: bytes, or an array of shape (height, width, channels)."""

    width: int
    height: int
    channels: int
    pixels: Any


class ArrayPixels:
    """A copy of an array: (height, width), (height, width, channels), or of a tensor (channels, height, width) or a batch."""

    def __init__(self, value: Any, normalize: bool) -> None:
        np = library("numpy", "an image of an array")
        channels_first = is_tensor(value)
        array = tensor_array(value) if channels_first else np.array(value.numpy() if hasattr(value, "numpy") else value)
        if array.dtype.kind not in "buif":
            raise ValueError(f"an image cannot be made of an array of {array.dtype}: use numbers")
        self._array = _channels_last(np, array, channels_first)
        self._normalize = normalize
        self.height, self.width = (int(size) for size in self._array.shape[:2])

    @property
    def held_bytes(self) -> int:
        """Memory that it takes."""
        return int(self._array.nbytes)

    def raster(self) -> Raster:
        """The pixels."""
        np = library("numpy", "an image of an array")
        pixels = _eight_bits(np, self._array, self._normalize)
        return Raster(self.width, self.height, pixels.shape[2], pixels)


def tensor_array(tensor: Any) -> Any:
    """A tensor's values as a numpy array of its own."""
    detached = tensor.detach()
    if str(detached.dtype) == "torch.bfloat16":
        detached = detached.float()
    copy = detached.cpu() if detached.device.type != "cpu" else detached.clone()
    return copy.numpy()


def _channels_last(np: Any, array: Any, channels_first: bool) -> Any:
    """An array of shape (height, width, channels). Raises ValueError for a shape that is no image."""
    shape = array.shape
    if channels_first and array.ndim == 4:
        array = _grid(np, array)
    elif array.ndim > 3 or (array.ndim == 3 and not channels_first and array.shape[2] not in (1, 3, 4)):
        array = array.squeeze()
    if channels_first and array.ndim == 3:
        array = array.transpose(1, 2, 0)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or not array.size:
        order = "(channels, height, width)" if channels_first else "(height, width, channels)"
        raise ValueError(
            f"an image cannot be made of shape {tuple(shape)}: it must be (height, width) or {order}, with 1, 3 or 4 channels"
        )
    return array


def _grid(np: Any, batch: Any) -> Any:
    """The images of a batch (images, channels, height, width) beside each other."""
    count, channels, height, width = batch.shape
    columns = min(GRID_COLUMNS_MAX, count)
    rows = -(-count // columns) if columns else 0
    tall, wide = height + GRID_PADDING, width + GRID_PADDING
    grid = np.zeros((channels, rows * tall + GRID_PADDING, columns * wide + GRID_PADDING), batch.dtype)
    for number in range(count):
        top, left = number // columns * tall + GRID_PADDING, number % columns * wide + GRID_PADDING
        grid[:, top : top + height, left : left + width] = batch[number]
    return grid


def _eight_bits(np: Any, array: Any, normalize: bool) -> Any:
    """0 to 255: of truth values 0 and 255; of floats from 0 to 1, or -1 to 1, their range; of other numbers what fits."""
    kind = array.dtype.kind
    if array.dtype == np.uint8:
        return array
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if kind == "f":
        # float16 would overflow at 255 times its values.
        array = np.nan_to_num(array.astype(np.float32, copy=False), nan=0.0, posinf=255.0, neginf=0.0)
        if normalize:
            least, greatest = float(array.min()), float(array.max())
            if least >= 0 and greatest <= 1:
                array = array * 255
            elif least >= -1 and greatest <= 1:
                array = (array + 1) * 127.5
    return np.clip(array, 0, 255).astype(np.uint8)


PLAIN_MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
"""Of PIL, by their channels."""


class PilPixels:
    """A copy of a PIL image's pixels."""

    def __init__(self, image: Any) -> None:
        if image.mode not in PLAIN_MODES:
            transparent = image.mode in ("PA", "La", "RGBa") or "transparency" in image.info
            image = image.convert("RGBA" if transparent else "L" if image.mode in ("1", "I", "F", "I;16") else "RGB")
        self.width, self.height = image.size
        if not self.width or not self.height:
            raise ValueError("an image without a pixel cannot be logged")
        self._channels = PLAIN_MODES[image.mode]
        self._pixels: bytes = image.tobytes()

    @property
    def held_bytes(self) -> int:
        """Memory that it takes."""
        return len(self._pixels)

    def raster(self) -> Raster:
        """The pixels."""
        return Raster(self.width, self.height, self._channels, self._pixels)
