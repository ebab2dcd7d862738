"""The torch backend: weights as tensors on one device, steps run at once. The executable specification.

Knows no checkpoint and no model: `forward` is handed to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from causerie.backends.ops import CacheShape, Excerpt, Executable, Forward, Rotations, StepOutput, check_transform
from causerie.backends.step import Step, check_positions
from causerie.backends.torch.cache import PagedCache, StepTensors
from causerie.backends.torch.devices import free_bytes, require
from causerie.backends.torch.ops import TorchOps
from causerie.backends.torch.packed import QuantizedMatrix
from causerie.backends.torch.transform import TransformTensors
from causerie.errors import BackendUnavailable, EngineError, OutOfMemory
from causerie.quant.format import Buffers, held_bytes, ranges
from causerie.quant.formats import QUANTIZED
from causerie.quant.transform import Transform
from causerie.quant.weight import BYTES, Weight
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Weights

SLICE_BYTES = 8 * 2**20  # how much of a tensor is in memory twice while it is placed
_CLOSED = "The model was closed and cannot run. Load it again."


class TorchBackend:
    """Implements `causerie.backends.ops.Backend` on the torch device that `device` names: "cpu", "cuda:0", "mps"."""

    name = "torch"
    block_size = 32
    layout_version: int | None = None

    def __init__(self, device: str = "cpu") -> None:
        self.device = require(device)

    def builder(self, spec: Decoder, formats: Mapping[str, str], *, briefly: bool = False) -> TorchBuilder:
        """Checks that all weights fit; torch allocates them one by one."""
        return TorchBuilder(self.device, spec, formats)


class TorchBuilder:
    """Implements `causerie.backends.ops.Builder`: each weight becomes tensors on the device."""

    def __init__(self, device: str, spec: Decoder, formats: Mapping[str, str]) -> None:
        """Raises OutOfMemory."""
        needed = sum(_bytes(weight.shape, formats[weight.name]) for weight in spec.weights() if weight.name in formats)
        free = free_bytes(device)
        if needed > free:
            raise OutOfMemory(
                f"The model needs {needed / 1e9:.2f} GB and {free / 1e9:.2f} GB are free on {device}. "
                "Close other programs, take a smaller model, or another device."
            )
        self._device = torch.device(device)
        self._spec = spec
        self._formats = dict(formats)
        self._transforms: dict[Transform, TransformTensors] = {}

    def place(self, name: str, shape: tuple[int, ...], rows: Callable[[int, int], NDArray[Any]], stored: str) -> Weight:
        """Reads the tensor slice by slice into its final place, converting it where it is stored otherwise."""
        format = self._formats[name]
        data = self._empty(shape, getattr(torch, format))
        row_bytes = max(1, int(np.prod(shape[1:])) * 4)
        step = max(1, SLICE_BYTES // row_bytes)
        for start in range(0, shape[0], step):
            stop = min(start + step, shape[0])
            data[start:stop] = _as_tensor(rows(start, stop), stored).to(self._device)
        return Weight(name, shape, format, data, data.numel() * data.element_size())

    def place_quantized(
        self,
        name: str,
        shape: tuple[int, int],
        format: str,
        read: Callable[[int, int], Buffers],
        transform: Transform | None = None,
    ) -> Weight:
        """Copies the arrays slice by slice into their final places."""
        check_transform(transform, name, shape)
        known = QUANTIZED[format]
        arrays = {
            array: self._empty(buffer.shape, _DTYPES[buffer.dtype]) for array, buffer in known.buffers(shape).items()
        }
        unit = known.row_step(shape[1])
        step = unit * max(1, SLICE_BYTES // (4 * shape[1] * unit))
        for start in range(0, shape[0], step):
            stop = min(start + step, shape[0])
            places = ranges(known, shape[1], start, stop)
            for array, part in read(start, stop).items():
                stored = "bfloat16" if arrays[array].dtype is torch.bfloat16 else ""
                arrays[array][places[array]] = _as_tensor(part, stored).to(self._device)
        if transform is not None and transform not in self._transforms:
            self._transforms[transform] = TransformTensors.place(transform, self._device)
        inputs = None if transform is None else self._transforms[transform]
        matrix = QuantizedMatrix(known, shape, arrays, inputs)
        return Weight(name, shape, format, matrix, matrix.nbytes, transform)

    def compile(self, weights: Weights, forward: Forward, cache: CacheShape, max_tokens: int) -> TorchExecutable:
        """Allocates the cache."""
        spec = self._spec
        paged = _allocated(lambda: PagedCache(spec, cache, self._device), self._device)
        return TorchExecutable(spec, weights, forward, paged, max_tokens, self._device, self._activations)

    @property
    def _activations(self) -> torch.dtype:
        """As what is plain, as vectors are; there may be none. Those that are never rounded are float32."""
        plain = {format for format in self._formats.values() if format not in QUANTIZED}
        dtype: torch.dtype = getattr(torch, min(plain - {"float32"} or plain, default="bfloat16"))
        return dtype

    def compile_beside(self, first: Executable, weights: Weights, forward: Forward, max_tokens: int) -> TorchExecutable:
        """See SharingBuilder. Raises EngineError for an executable that was closed or is not of this backend."""
        if not isinstance(first, TorchExecutable):
            raise EngineError(f"A cache can be shared with an executable of torch, not with a {type(first).__name__}.")
        return TorchExecutable(self._spec, weights, forward, first.cache, max_tokens, self._device, self._activations)

    def _empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        made: Tensor = _allocated(lambda: torch.empty(shape, dtype=dtype, device=self._device), self._device)
        return made


class TorchExecutable:
    """Runs a pass over a `TorchOps` made for each step."""

    def __init__(
        self,
        spec: Decoder,
        weights: Weights,
        forward: Forward,
        cache: PagedCache,
        max_tokens: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._spec = spec
        self._weights = weights
        self._forward = forward
        self._cache: PagedCache | None = cache
        self._max_tokens = max_tokens
        self._device = device
        self._dtype = dtype
        counts = [layer.experts.count for layer in spec.layers if layer.experts is not None]
        self._choices = [torch.zeros(count, dtype=torch.int64, device=device) for count in counts]

    @property
    def cache(self) -> PagedCache:
        """What it keeps of the past. Raises EngineError where it was closed."""
        if self._cache is None:
            raise EngineError(_CLOSED)
        return self._cache

    def run(self, step: Step, rotations: Rotations) -> StepOutput:
        """Logits [r, vocab] and hidden states [h, width]."""
        if self._cache is None:
            raise EngineError(_CLOSED)
        if len(step.tokens) > self._max_tokens:
            raise EngineError(f"A step has {len(step.tokens)} tokens; this model was made for {self._max_tokens}.")
        if len(step.tokens) and not 0 <= step.tokens.min() <= step.tokens.max() < self._spec.vocab:
            raise EngineError(
                f"A step has tokens from {step.tokens.min()} to {step.tokens.max()}; the vocabulary has "
                f"{self._spec.vocab}. The tokenizer belongs to another model."
            )
        check_positions(step, self._spec)
        with torch.inference_mode():
            tensors = StepTensors.place(step, self._cache.block_size, self._device, self._dtype)
            self._cache.copy(tensors.copies)
            turns = {rope: _as_tensor(rows, "float32").to(self._device) for rope, rows in self._turns(rotations)}
            ops = TorchOps(tensors, self._cache, turns, self._dtype, self._choices)
            logits, states, *taps = self._forward(ops, self._spec, self._weights)
            # Always the caller's own: on the CPU .numpy() would share memory, with nothing that is written again.
            widest = max((tap.shape[1] for tap in taps), default=0)
            taps = [F.pad(tap.float(), (0, widest - tap.shape[1])) for tap in taps]
            rows = torch.stack(taps, 1).cpu().numpy() if taps else None
            return StepOutput(logits.float().cpu().numpy(), states.float().cpu().numpy(), rows)

    def beside(self, forward: Forward, max_tokens: int, excerpt: Excerpt | None = None) -> TorchExecutable:
        """See SharingExecutable."""
        if self._cache is None:
            raise EngineError(_CLOSED)
        spec, weights, cache = self._spec, self._weights, self._cache
        if excerpt is not None:
            spec, cache = excerpt.spec, cache.excerpt(excerpt.layers)
            weights = {name: weights[other] for name, other in excerpt.names.items()}
        return TorchExecutable(spec, weights, forward, cache, max_tokens, self._device, self._dtype)

    def lend(
        self,
        names: Sequence[str],
        spec: Decoder,
        weights: Weights,
        forward: Forward,
        cache: CacheShape,
        max_tokens: int,
    ) -> TorchExecutable:
        """See LendingExecutable; activations are as this one's."""
        if self._cache is None:
            raise EngineError(_CLOSED)
        both = {**weights, **{name: self._weights[name] for name in names}}
        paged = _allocated(lambda: PagedCache(spec, cache, self._device), self._device)
        return TorchExecutable(spec, both, forward, paged, max_tokens, self._device, self._dtype)

    def expert_choices(self) -> list[NDArray[np.int64]]:
        """See Executable."""
        return [each.cpu().numpy().copy() for each in self._choices]

    def close(self) -> None:
        """Frees weights and cache."""
        self._weights = {}
        self._cache = None

    def _turns(self, rotations: Rotations) -> Any:
        return zip(self._spec.ropes, rotations, strict=True)


_DTYPES = {"U8": torch.uint8, "I8": torch.int8, "BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}


def _bytes(shape: tuple[int, ...], format: str) -> int:
    if format in QUANTIZED:
        return held_bytes(QUANTIZED[format], (shape[0], shape[1]))
    return int(np.prod(shape) * BYTES[format])


def _as_tensor(array: NDArray[Any], stored: str) -> Tensor:
    """A tensor of dtype `stored`; bfloat16 comes as uint16 bit patterns, which torch takes as int16."""
    own = np.ascontiguousarray(array)
    if not own.flags.writeable:
        own = own.copy()
    if stored == "bfloat16":
        return torch.from_numpy(own.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(own)


def _allocated(make: Callable[[], Any], device: torch.device) -> Any:
    """What `make` makes, with torch's own exhaustion error as ours."""
    try:
        return make()
    except torch.OutOfMemoryError as fault:
        raise OutOfMemory(f"{device} has no memory left: {fault}") from None
    except RuntimeError as fault:
        # torch's CPU allocator and drivers speak through RuntimeError.
        if "memory" in str(fault):
            raise OutOfMemory(f"{device} has no memory left: {fault}") from None
        raise BackendUnavailable(f"torch cannot use {device}: {fault}") from None
