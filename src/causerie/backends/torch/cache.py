"""Where lies what layers keep of past positions, and a step's arrays as tensors of one device. Knows no operation."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from causerie.backends.ops import CacheShape
from causerie.backends.step import Step
from causerie.quant.cache_format import KEY_GROUP, key_turning
from causerie.spec.decoder import Decoder
from causerie.spec.layer_cache import Pages


@dataclass(frozen=True)
class SequenceRows:
    """The rows that one sequence owns in a step: rows start..stop-1 at positions position.. ."""

    start: int
    stop: int
    position: int  # of row `start`
    tables: tuple[Tensor, ...]  # of each page group: [blocks] int64
    slots: tuple[int, int] | None  # read (-1: none) and written; None where no layer keeps one

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
    outputs: Tensor  # [r + h] int64: the rows whose logits are wanted, then those whose states are
    logits_count: int  # r
    places: tuple[Tensor, ...]  # of each page group: [n] int64, where each row's key and value belong (see PagedCache)
    copies: tuple[Tensor, ...]  # of each page group: [c, 2] int64
    sequences: tuple[SequenceRows, ...]  # those that have rows
    features: Tensor | None = None  # [n, width]

    @staticmethod
    def place(step: Step, block_size: int, device: torch.device, dtype: torch.dtype) -> StepTensors:
        """Copies the arrays to `device`, features in `dtype`."""

        def tensor(array: np.ndarray) -> Tensor:
            return torch.from_numpy(array.astype(np.int64)).to(device)

        places = [np.empty(len(step.tokens), np.int64) for _ in step.tables]
        sequences = []
        for i in range(step.sequences):
            start, stop = int(step.starts[i]), int(step.starts[i + 1])
            if start == stop:
                continue
            tables = [each.blocks[each.starts[i] : each.starts[i + 1]] for each in step.tables]
            positions = step.positions[start:stop]
            for place, table in zip(places, tables, strict=True):
                place[start:stop] = table[positions // block_size].astype(np.int64) * block_size
                place[start:stop] += positions % block_size
            slots = (int(step.slots[i, 0]), int(step.slots[i, 1])) if len(step.slots) else None
            sequences.append(SequenceRows(start, stop, int(positions[0]), tuple(map(tensor, tables)), slots))
        outputs = np.concatenate((step.rows, step.state_rows))
        return StepTensors(
            tokens=tensor(step.tokens),
            positions=tensor(step.positions),
            outputs=tensor(outputs),
            logits_count=len(step.rows),
            places=tuple(map(tensor, places)),
            copies=tuple(tensor(each.copies) for each in step.tables),
            sequences=tuple(sequences),
            features=None if step.features is None else torch.from_numpy(step.features.copy()).to(device, dtype),
        )


class PlainPages:
    """Keys and values of a layer in a floating-point format, [places, kv_heads, head_dim] and [places, kv_heads,
    value_dim]."""

    def __init__(self, pages: Pages, places: int, dtype: torch.dtype, device: torch.device) -> None:
        widths = (pages.head_dim, pages.value_dim)
        self.tensors = [torch.zeros((places, pages.heads, width), dtype=dtype, device=device) for width in widths]

    def write(self, places: Tensor, keys: Tensor, values: Tensor) -> None:
        """Keeps keys [n, kv_heads, head_dim] and values [n, kv_heads, value_dim] at `places` [n]."""
        for tensor, rows in zip(self.tensors, (keys, values), strict=True):
            tensor[places] = rows.to(tensor.dtype)

    def read(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Keys [s, kv_heads, head_dim] and values [s, kv_heads, value_dim] at `places` [s]."""
        return self.tensors[0][places], self.tensors[1][places]


class Int8Pages:
    """Keys and values of a layer as quant/cache_format.py says: numbers [places, kv_heads, elements] and scales
    [places, kv_heads, groups], of the turned keys and of the values. What is read is turned back."""

    def __init__(self, pages: Pages, places: int, device: torch.device) -> None:
        self._groups = (KEY_GROUP, pages.value_dim)  # elements that share a scale, in keys and in values
        self._turning = torch.from_numpy(key_turning(pages.head_dim)).to(device)
        self.tensors: list[Tensor] = []
        for elements, group in zip((pages.head_dim, pages.value_dim), self._groups, strict=True):
            self.tensors += [
                torch.zeros((places, pages.heads, elements), dtype=torch.int8, device=device),
                torch.zeros((places, pages.heads, -(-elements // group)), dtype=torch.bfloat16, device=device),
            ]

    def write(self, places: Tensor, keys: Tensor, values: Tensor) -> None:
        """Keeps keys [n, kv_heads, head_dim] and values [n, kv_heads, value_dim] at `places` [n], rounded."""
        both = (keys.float() @ self._turning, values)
        for i, (rows, group) in enumerate(zip(both, self._groups, strict=True)):
            parts = [part.float() for part in rows.split(group, -1)]
            scales = [(part.abs().amax(-1, keepdim=True) * (1 / 127)).to(torch.bfloat16) for part in parts]
            numbers = [_levels(part, scale.float()) for part, scale in zip(parts, scales, strict=True)]
            self.tensors[2 * i][places] = torch.cat(numbers, -1)
            self.tensors[2 * i + 1][places] = torch.cat(scales, -1)

    def read(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Keys [s, kv_heads, head_dim] and values [s, kv_heads, value_dim] at `places` [s], in float32."""
        keys, values = (
            self.tensors[2 * i][places].float()
            * self.tensors[2 * i + 1][places].float().repeat_interleave(group, -1)[..., : self.tensors[2 * i].shape[-1]]
            for i, group in enumerate(self._groups)
        )
        return keys @ self._turning, values


def _levels(x: Tensor, scale: Tensor) -> Tensor:
    return (x * torch.where(scale > 1e-37, 1 / scale, 0)).round().clamp(-127, 127).to(torch.int8)


class PagedCache:
    """What every layer keeps. A position of a sequence has a place in its page group: block · block_size + offset."""

    def __init__(self, spec: Decoder, shape: CacheShape, device: torch.device) -> None:
        """Raises EngineError for a cache of another model."""
        shape.check(spec)
        self.block_size = shape.block_size
        self._group_of = {layer: i for i, group in enumerate(spec.page_groups) for layer in group.layers}
        self._layers: dict[int, PlainPages | Int8Pages] = {}
        self._slots: dict[int, Tensor] = {}  # of each layer that keeps one: [slots, elements] float32
        for i, layer in enumerate(spec.blocks):
            if (slot := layer.slot) is not None:
                self._slots[i] = torch.zeros((shape.slots, slot.elements), dtype=torch.float32, device=device)
            if (pages := layer.pages) is not None and pages.of is None:
                places = shape.groups[self._group_of[i]].blocks * shape.block_size
                self._layers[i] = (
                    Int8Pages(pages, places, device)
                    if shape.dtype == "int8"
                    else PlainPages(pages, places, getattr(torch, shape.dtype), device)
                )

    def excerpt(self, layers: Sequence[int]) -> PagedCache:
        """What these layers keep, which count from 0 there; their pages alone."""
        part = copy(self)
        groups = sorted({self._group_of[layer] for layer in layers})
        part._group_of = {i: groups.index(self._group_of[layer]) for i, layer in enumerate(layers)}
        part._layers = {i: self._layers[layer] for i, layer in enumerate(layers)}
        part._slots = {}
        return part

    def group(self, layer: int) -> int:
        """The page group of a layer."""
        return self._group_of[layer]

    def copy(self, copies: Sequence[Tensor]) -> None:
        """Copies whole blocks, for each page group pairs [c, 2] of (from, to), in every layer of it; all are read
        before any is written."""
        for number, layer in self._layers.items():
            pairs = copies[self._group_of[number]]
            for tensor in layer.tensors if len(pairs) else ():
                blocks = tensor.unflatten(0, (-1, self.block_size))
                blocks[pairs[:, 1]] = blocks[pairs[:, 0]]

    def write(self, layer: int, places: Tensor, keys: Tensor, values: Tensor) -> None:
        """Keeps keys [n, kv_heads, head_dim] and values [n, kv_heads, value_dim] at `places` [n]."""
        self._layers[layer].write(places, keys, values)

    def read(self, layer: int, table: Tensor, positions: slice) -> tuple[Tensor, Tensor]:
        """Keys [s, kv_heads, head_dim] and values [s, kv_heads, value_dim] of a contiguous range of positions of the
        sequence with `table`."""
        at = torch.arange(positions.start, positions.stop, device=table.device)
        return self._layers[layer].read(table[at // self.block_size] * self.block_size + at % self.block_size)

    def remembered(self, layer: int, slot: int, part: slice) -> Tensor:
        """What a layer keeps in a part of a slot, [elements]; all 0 in slot -1. A copy."""
        elements = self._slots[layer][slot, part]
        return torch.zeros_like(elements) if slot < 0 else elements.clone()

    def remember(self, layer: int, slot: int, part: slice, state: Tensor) -> None:
        """Keeps `state` [elements] in a part of a slot."""
        self._slots[layer][slot, part] = state
