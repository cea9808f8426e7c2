# The part of tsdownsample that the projector uses; its own types are not complete.
from typing import Any

import numpy.typing as npt

class LTTBDownsampler:
    def downsample(self, x: npt.NDArray[Any], y: npt.NDArray[Any], *, n_out: int) -> npt.NDArray[Any]: ...

class MinMaxLTTBDownsampler:
    def downsample(self, x: npt.NDArray[Any], y: npt.NDArray[Any], *, n_out: int) -> npt.NDArray[Any]: ...
