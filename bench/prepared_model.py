"""Writes a model of random numbers as `causerie prepare` would, from a checkpoint that is nowhere: its tensors are made
when they are read. So a model can be measured that is larger than memory, and in plain numbers than the disk.

Knows the names and shapes that it is given, and no family.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from random_numbers import RandomNumbers

from causerie.api.loading.progress_line import LoadingLine
from causerie.backends.native.backend import NativeBackend, usable_cores
from causerie.checkpoint.index import TensorInfo
from causerie.checkpoint.unmapped_index import UnmappedIndex
from causerie.loading.load import survey
from causerie.loading.prepare import write_arranged
from causerie.loading.save import write_config
from causerie.quant.config import QuantConfig


class RandomTensors(UnmappedIndex):
    """Implements `TensorIndex`: tensors of RandomNumbers."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self._shapes = shapes
        self._numbers = RandomNumbers()

    def names(self) -> Sequence[str]:
        """In the order given."""
        return tuple(self._shapes)

    def __contains__(self, name: object) -> bool:
        return name in self._shapes

    def info(self, name: str) -> TensorInfo:
        """Of bfloat16 in no file."""
        return TensorInfo(name, self._shapes[name], "BF16", Path("random numbers"))

    def read(self, name: str, rows: slice | None = None, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """The numbers that belong to the name."""
        shape = shape or self._shapes[name]
        first, last, _ = (rows or slice(None)).indices(shape[0])
        out = np.empty((last - first, *shape[1:]), np.uint16)
        self.read_into(name, out, rows, shape)
        return out

    def read_into(
        self, name: str, out: NDArray[Any], rows: slice | None = None, shape: tuple[int, ...] | None = None
    ) -> None:
        """The same into `out`."""
        shape = shape or self._shapes[name]
        first, _, _ = (rows or slice(None)).indices(shape[0])
        self._numbers.read(name, first * prod(shape[1:]), out.reshape(-1))

    def whereabouts(self, name: str) -> str:
        """That it is nowhere."""
        return f"{name!r} is made when it is read and cannot be mapped."


def write_prepared(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], folder: Path, format: str) -> None:
    """Writes weights quantized to `format`, and config.json when they are whole."""
    index, line = RandomTensors(shapes), LoadingLine(sys.stderr, "Preparing")
    surveyed = survey(index, config, quantization=QuantConfig.named(format))
    path = folder / "model.safetensors"
    layouts = write_arranged(surveyed, index, NativeBackend(), path, workers=usable_cores(), progress=line)
    line.clear()
    write_config(surveyed, config, folder / "config.json", layouts)
