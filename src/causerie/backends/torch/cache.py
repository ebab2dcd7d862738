"""Where keys and values of past positions lie, and a step's arrays as tensors of one device. Knows no operation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from causerie.backends.ops import CacheShape
from causerie.backends.step import Step
from causerie.models.spec import Decoder


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
    rows: Tensor  # [r] int64
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
        return StepTensors(tensor(step.tokens), tensor(step.rows), tensor(slots), tensor(step.copies), tuple(sequences))


class PagedCache:
    """Per layer two tensors [blocks · block_size, kv_heads, head_dim], keys and values."""

    def __init__(self, spec: Decoder, shape: CacheShape, device: torch.device) -> None:
        self.block_size = shape.block_size
        dtype = getattr(torch, shape.dtype)
        self._layers = [
            torch.zeros(
                (2, shape.blocks * shape.block_size, layer.mixer.kv_heads, layer.mixer.head_dim),
                dtype=dtype,
                device=device,
            )
            for layer in spec.layers
        ]

    def copy(self, pairs: Tensor) -> None:
        """Copies whole blocks, pairs [c, 2] of (from, to), in every layer; all are read before any is written."""
        if len(pairs) == 0:
            return
        for kept in self._layers:
            blocks = kept.unflatten(1, (-1, self.block_size))
            blocks[:, pairs[:, 1]] = blocks[:, pairs[:, 0]]

    def write(self, layer: int, slots: Tensor, keys: Tensor, values: Tensor) -> None:
        """Keeps keys and values [n, kv_heads, head_dim] at `slots` [n]."""
        kept = self._layers[layer]
        kept[0, slots] = keys.to(kept.dtype)
        kept[1, slots] = values.to(kept.dtype)

    def read(self, layer: int, table: Tensor, positions: slice) -> tuple[Tensor, Tensor]:
        """Keys and values [s, kv_heads, head_dim] of a contiguous range of positions of the sequence with `table`."""
        at = torch.arange(positions.start, positions.stop, device=table.device)
        slots = table[at // self.block_size] * self.block_size + at % self.block_size
        kept = self._layers[layer]
        return kept[0, slots], kept[1, slots]
