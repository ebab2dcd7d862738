"""Where keys and values of past positions lie, and a step's arrays as tensors of one device. Knows no operation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from causerie.backends.ops import CacheShape
from causerie.backends.step import Step
from causerie.quant.cache_format import KEY_GROUP
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder


@dataclass(frozen=True)
class SequenceRows:
    """The rows that one sequence owns in a step: rows start..stop-1 at positions position.. ."""

    start: int
    stop: int
    position: int  # of row `start`
    table: Tensor  # [blocks] int64

    @property
    def length(self) -> int:
        """Positions of the sequence once the step is done."""
        return self.position + self.stop - self.start

    def positions(self, rows: slice) -> tuple[int, int]:
        """First and last position of some of its rows."""
        return self.position + rows.start - self.start, self.position + rows.stop - 1 - self.start


@dataclass(frozen=True)
class StepTensors:
    """A `Step` on a device."""

    tokens: Tensor  # [n] int64
    positions: Tensor  # [n] int64
    wanted: Tensor  # [r + h] int64: the rows whose logits are wanted, then those whose states are
    logits_count: int  # r
    slots: Tensor  # [n] int64: block · block_size + offset at which each row's key and value belong
    copies: Tensor  # [c, 2] int64
    sequences: tuple[SequenceRows, ...]  # those that have rows

    @staticmethod
    def place(step: Step, block_size: int, device: torch.device) -> StepTensors:
        """Copies the arrays to `device`."""

        def tensor(array: np.ndarray) -> Tensor:
            return torch.from_numpy(array.astype(np.int64)).to(device)

        slots = np.empty(len(step.tokens), np.int64)
        sequences = []
        for i in range(step.sequences):
            start, stop = int(step.starts[i]), int(step.starts[i + 1])
            if start == stop:
                continue
            table = step.tables[step.table_starts[i] : step.table_starts[i + 1]]
            positions = step.positions[start:stop]
            slots[start:stop] = table[positions // block_size].astype(np.int64) * block_size + positions % block_size
            sequences.append(SequenceRows(start, stop, int(positions[0]), tensor(table)))
        wanted = np.concatenate((step.rows, step.state_rows))
        return StepTensors(
            tokens=tensor(step.tokens),
            positions=tensor(step.positions),
            wanted=tensor(wanted),
            logits_count=len(step.rows),
            slots=tensor(slots),
            copies=tensor(step.copies),
            sequences=tuple(sequences),
        )


class KeptPlain:
    """Keys and values of a layer in a floating-point format, each [slots, kv_heads, head_dim]."""

    def __init__(self, spec: Attention, slots: int, dtype: torch.dtype, device: torch.device) -> None:
        shape = (slots, spec.kv_heads, spec.head_dim)
        self.tensors = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(2)]

    def write(self, slots: Tensor, keys: Tensor, values: Tensor) -> None:
        """Keeps keys and values [n, kv_heads, head_dim] at `slots` [n]."""
        for kept, given in zip(self.tensors, (keys, values), strict=True):
            kept[slots] = given.to(kept.dtype)

    def read(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [s, kv_heads, head_dim] at `slots` [s]."""
        return self.tensors[0][slots], self.tensors[1][slots]


class KeptInt8:
    """Keys and values of a layer as quant/cache_format.py says: numbers [slots, kv_heads, head_dim] and scales [slots,
    kv_heads, groups], of the keys and of the values."""

    def __init__(self, spec: Attention, slots: int, device: torch.device) -> None:
        self._groups = (KEY_GROUP, spec.head_dim)  # elements that share a scale, in keys and in values
        self.tensors: list[Tensor] = []
        for group in self._groups:
            self.tensors += [
                torch.zeros((slots, spec.kv_heads, spec.head_dim), dtype=torch.int8, device=device),
                torch.zeros((slots, spec.kv_heads, -(-spec.head_dim // group)), dtype=torch.bfloat16, device=device),
            ]

    def write(self, slots: Tensor, keys: Tensor, values: Tensor) -> None:
        """Keeps keys and values [n, kv_heads, head_dim] at `slots` [n], rounded."""
        for i, (given, group) in enumerate(zip((keys, values), self._groups, strict=True)):
            parts = [part.float() for part in given.split(group, -1)]
            scales = [(part.abs().amax(-1, keepdim=True) * (1 / 127)).to(torch.bfloat16) for part in parts]
            numbers = [_levels(part, scale.float()) for part, scale in zip(parts, scales, strict=True)]
            self.tensors[2 * i][slots] = torch.cat(numbers, -1)
            self.tensors[2 * i + 1][slots] = torch.cat(scales, -1)

    def read(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [s, kv_heads, head_dim] at `slots` [s], in float32."""
        keys, values = (
            self.tensors[2 * i][slots].float()
            * self.tensors[2 * i + 1][slots].float().repeat_interleave(group, -1)[..., : self.tensors[2 * i].shape[-1]]
            for i, group in enumerate(self._groups)
        )
        return keys, values


def _levels(x: Tensor, scale: Tensor) -> Tensor:
    return (x * torch.where(scale > 1e-37, 1 / scale, 0)).round().clamp(-127, 127).to(torch.int8)


class PagedCache:
    """What every layer keeps, in slots: block · block_size + offset."""

    def __init__(self, spec: Decoder, shape: CacheShape, device: torch.device) -> None:
        self.block_size = shape.block_size
        slots = shape.blocks * shape.block_size
        self._layers: list[KeptPlain | KeptInt8] = [
            KeptInt8(layer.mixer, slots, device)
            if shape.dtype == "int8"
            else KeptPlain(layer.mixer, slots, getattr(torch, shape.dtype), device)
            for layer in spec.layers
        ]

    def copy(self, pairs: Tensor) -> None:
        """Copies whole blocks, pairs [c, 2] of (from, to), in every layer; all are read before any is written."""
        if len(pairs) == 0:
            return
        for layer in self._layers:
            for kept in layer.tensors:
                blocks = kept.unflatten(0, (-1, self.block_size))
                blocks[pairs[:, 1]] = blocks[pairs[:, 0]]

    def write(self, layer: int, slots: Tensor, keys: Tensor, values: Tensor) -> None:
        """Keeps keys and values [n, kv_heads, head_dim] at `slots` [n]."""
        self._layers[layer].write(slots, keys, values)

    def read(self, layer: int, table: Tensor, positions: slice) -> tuple[Tensor, Tensor]:
        """Keys and values [s, kv_heads, head_dim] of a contiguous range of positions of the sequence with `table`."""
        at = torch.arange(positions.start, positions.stop, device=table.device)
        return self._layers[layer].read(table[at // self.block_size] * self.block_size + at % self.block_size)
