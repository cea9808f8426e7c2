"""``watch``: histograms of a PyTorch model's gradients and parameters, every so many passes.

What costs is what happens in every step. So in most steps nothing does but that a few parameters, which are known to get
gradients, count the backward passes; only for the pass that is logged does every parameter get a hook, which just keeps
the gradient. When that pass is over, all histograms are made at once, in operations that small tensors share, and written
as one row at the run's present step.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from runwell._values import Row

BINS = 64
SMALL_ELEMENTS = 1 << 16
"""Larger tensors are worth operations of their own; small ones share theirs, since starting one costs 5 to 10 µs."""

LOGS = (None, "gradients", "parameters", "all")

Write = Callable[[dict[str, Any]], None]


class Watch:
    """One model that is watched."""

    def __init__(self, model: Any, prefix: str, log: str | None, log_freq: int, write: Write) -> None:
        self.model = model
        self._prefix = prefix
        self._log_freq = log_freq
        self._write = write
        self._torch = sys.modules["torch"]
        self._forwards = self._backwards = 0
        self._counting = False
        self._kept: dict[str, Any] = {}
        self._hooks: list[Any] = []
        self._forward_hook: Any = None
        if log in ("parameters", "all"):
            self._forward_hook = model.register_forward_hook(self._after_forward)
        if log in ("gradients", "all"):
            self._keep_gradients()

    def stop(self) -> None:
        """Takes all hooks out. May be called twice."""
        self._unhook()
        if self._forward_hook is not None:
            self._forward_hook.remove()
            self._forward_hook = None

    def _after_forward(self, module: Any, inputs: Any, output: Any) -> None:
        self._forwards += 1
        if self._forwards % self._log_freq == 0:
            named = ((name, parameter.detach()) for name, parameter in module.named_parameters())
            self._write_all("parameters/", named)

    # ---- Gradients

    def _keep_gradients(self) -> None:
        """In the next backward pass every parameter keeps its gradient; the first pass also tells which get any."""
        self._unhook()
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                self._hooks.append(parameter.register_hook(partial(self._keep, name)))

    def _keep(self, name: str, gradient: Any) -> None:
        if not self._kept:
            self._after_backward(self._end_kept)
        self._kept[name] = gradient.detach()

    def _count(self, gradient: Any) -> None:
        if not self._counting:
            self._counting = True
            self._after_backward(self._end_counted)

    def _after_backward(self, action: Callable[[], None]) -> None:
        self._torch.autograd.Variable._execution_engine.queue_callback(action)

    def _end_kept(self) -> None:
        kept, self._kept = self._kept, {}
        self._backwards += 1
        if self._backwards % self._log_freq == 0:
            self._write_all("gradients/", kept.items())
        if self._log_freq > 1:
            self._count_with([*kept])
            self._prepare()

    def _end_counted(self) -> None:
        self._counting = False
        self._backwards += 1
        self._prepare()

    def _prepare(self) -> None:
        if (self._backwards + 1) % self._log_freq == 0:
            self._keep_gradients()

    def _count_with(self, names: Sequence[str]) -> None:
        """The first, the last and one in the middle count, should one of them be frozen later."""
        self._unhook()
        parameters = dict(self.model.named_parameters())
        for name in {names[0], names[len(names) // 2], names[-1]}:
            self._hooks.append(parameters[name].register_hook(self._count))

    def _unhook(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def _write_all(self, kind: str, named: Any) -> None:
        names, tensors = [], []
        for name, tensor in named:
            names.append(f"{kind}{self._prefix}{name}")
            tensors.append(tensor)
        found = histograms(self._torch, tensors)
        leaves = {name: form for name, form in zip(names, found, strict=True) if form is not None}
        if leaves:
            self._write(leaves)


def histograms(torch: Any, tensors: Sequence[Any]) -> list[dict[str, Any] | None]:
    """The JSON form of each tensor's finite values in 64 even bins; None of one without any.

    The zeros that a sparse tensor leaves out are counted as well.
    """
    found: list[dict[str, Any] | None] = [None] * len(tensors)
    with torch.no_grad():
        groups: dict[Any, list[int]] = {}
        flat = [_flat(tensor) for tensor in tensors]
        for place, values in enumerate(flat):
            small = values.numel() <= SMALL_ELEMENTS
            groups.setdefault((values.device, values.dtype) if small else place, []).append(place)
        for places in groups.values():
            for place, form in zip(places, _group(torch, [flat[place] for place in places]), strict=True):
                found[place] = form
    return found


def _flat(tensor: Any) -> Any:
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    flat = tensor.reshape(-1)
    return flat if flat.dtype.is_floating_point and flat.element_size() >= 4 else flat.float()


def _group(torch: Any, flat: list[Any]) -> list[dict[str, Any] | None]:
    """Of tensors of one device and type, all in the same few operations: each element counts into a bin of its tensor's."""
    together = torch.cat(flat) if len(flat) > 1 else flat[0]
    if not bool(torch.isfinite(together).all()):
        flat = [values[torch.isfinite(values)] for values in flat]
        together = torch.cat(flat)
    sizes = [values.numel() for values in flat]
    filled = [place for place, size in enumerate(sizes) if size]
    found: list[dict[str, Any] | None] = [None] * len(flat)
    if not filled:
        return found
    if len(filled) == 1:
        lows, highs = (end.reshape(1) for end in torch.aminmax(together))
        counts = torch.histc(together, BINS, float(lows[0]), float(highs[0])).reshape(1, BINS)
    else:
        lengths = torch.tensor([sizes[place] for place in filled], device=together.device)
        lows = torch.segment_reduce(together, "min", lengths=lengths)
        highs = torch.segment_reduce(together, "max", lengths=lengths)
        tensor_of = torch.repeat_interleave(lengths)
        scales = BINS / (highs - lows)
        # Of a constant tensor the scale is infinite, and its places are NaN: all in its first bin.
        bins = (together - lows[tensor_of]).mul_(scales[tensor_of]).nan_to_num_(0.0).clamp_(0, BINS - 1)
        bins = bins.long().add_(tensor_of, alpha=BINS)
        counts = torch.bincount(bins, minlength=len(filled) * BINS).reshape(-1, BINS)
    ends = torch.stack([lows, highs]).double().tolist()
    for place, low, high, counted in zip(filled, *ends, counts.long().tolist(), strict=True):
        found[place] = _form(low, high, counted, sizes[place])
    return found


def _form(low: float, high: float, counts: list[int], size: int) -> dict[str, Any]:
    if low == high:
        return {"_type": "histogram", "values": [size], "bins": [low, high]}
    packed = {"min": low, "size": (high - low) / BINS, "count": BINS}
    return {"_type": "histogram", "values": counts, "packedBins": packed}


class Watches:
    """What a run watches."""

    def __init__(self, write: Callable[[Row], None]) -> None:
        self._write = write
        self._watches: list[Watch] = []
        self._begun = 0

    def add(self, models: Any, log: str | None, log_freq: int, idx: int | None) -> None:
        """Watches some models. Raises TypeError, ValueError."""
        if log not in LOGS:
            raise ValueError("log must be one of 'gradients', 'parameters', 'all', or None")
        if isinstance(log_freq, bool) or not isinstance(log_freq, int) or log_freq < 1:
            raise ValueError(f"log_freq must be a whole number from 1 on, not {log_freq!r:.40}")
        torch = sys.modules.get("torch")
        chosen = list(models) if isinstance(models, list | tuple) else [models]
        for model in chosen:
            if torch is None or not isinstance(model, torch.nn.Module):
                raise TypeError(f"watch takes modules of PyTorch (torch.nn.Module), not {type(model).__name__}")
            if any(watch.model is model for watch in self._watches):
                raise ValueError("this model is watched already: call unwatch first")
        for model in chosen:
            number = self._begun if idx is None else idx
            prefix = f"graph_{number}" if number else ""
            self._watches.append(Watch(model, prefix, log, log_freq, self._written))
            self._begun += 1

    def remove(self, models: Any = None) -> None:
        """Watches some models no longer, or none of them."""
        chosen = models if isinstance(models, list | tuple) else [models]
        for watch in [*self._watches]:
            if models is None or any(watch.model is model for model in chosen):
                watch.stop()
                self._watches.remove(watch)

    def _written(self, leaves: dict[str, Any]) -> None:
        row = Row()
        row.leaves = leaves
        self._write(row)
