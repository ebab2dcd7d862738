"""What makes a packed format's arrays of a matrix of float32 values: apart from the format, for most formats are only
ever read. Knows no file and no backend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from causerie.quant.format import Rows
from causerie.quant.packed_format import PackedFormat

LARGEST = 1e15
"""The largest magnitude that may be quantized: squares of it must have room in float32."""


class Encoder(Protocol):
    """Quantizes to one format."""

    @property
    def format(self) -> PackedFormat: ...

    def constant(self, slices: Iterable[Rows]) -> np.float32 | None:
        """What all slices of a matrix must agree on before any is encoded, from all its rows, a slice after the other;
        None for formats that need nothing, which leave `slices` alone."""
        ...

    def encode(self, rows: Rows, constant: np.float32 | None = None) -> dict[str, NDArray[Any]]:
        """The arrays of some rows [n, k] of finite numbers."""
        ...


@runtime_checkable
class WeighingEncoder(Encoder, Protocol):
    """One that can choose codes by what errors of each input cost."""

    def weighing(self, squares: NDArray[np.float32]) -> Encoder:
        """The same for a matrix whose inputs have these mean squares [k], by which errors of their weights count."""
        ...


def encoded_in_parts(
    rows: Rows, elements: int, encode: Callable[[Rows], dict[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """What `encode` gives of rows that do not depend on each other, asked of about so many `elements` at once."""
    step = max(1, elements // rows.shape[1])
    parts = [encode(rows[start : start + step]) for start in range(0, len(rows), step)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
