"""Quantizing by the native kernels: what quant/fitted.py does, to the last bit, and many times faster. Knows no file
and no model."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native import library
from causerie.backends.native.library import InstructionSet
from causerie.backends.native.program import Quantizing
from causerie.quant.fitted import ROUNDS, SHARES, SMALLEST, FittedEncoder
from causerie.quant.format import Rows
from causerie.quant.packed_format import PackedFormat

GROUP = 32  # inputs that share a step, as in src/kernels_fit.cpp


@dataclass(frozen=True)
class NativeEncoder:
    """Implements `quant.encoder.WeighingEncoder`, on the caller's own thread."""

    reference: FittedEncoder  # of groups of GROUP
    instruction_set: InstructionSet

    @property
    def format(self) -> PackedFormat:
        """The reference's."""
        return self.reference.format

    def weighing(self, squares: NDArray[np.float32]) -> NativeEncoder:
        """See WeighingEncoder."""
        return replace(self, reference=self.reference.weighing(squares))

    def constant(self, slices: Iterable[Rows]) -> None:
        """Nothing."""

    def encode(self, rows: Rows, constant: np.float32 | None = None) -> dict[str, NDArray[Any]]:
        """The reference's arrays."""
        (n, k), format = rows.shape, self.format
        assert format.scale.times is not None and format.zeros is not None  # as the reference's format has them
        numbers = {
            "rows": np.ascontiguousarray(rows, np.float32),
            "costs": self.reference.costs(k),
            "shares": np.array(SHARES, np.float32),
            "steps": np.empty((n, k // GROUP), np.float32),
            "zeros": np.empty((n, k // GROUP), np.float32),
        }
        codes: NDArray[np.uint8] = np.empty((n, k), np.uint8)
        arrays: dict[str, NDArray[Any]] = {
            "scale": np.empty((n, k // GROUP), np.uint8),
            "zero": np.empty((n, k // GROUP), np.uint8),
            "unit": np.empty(n, np.uint16),
        }
        what = Quantizing(count=n, width=k, share_count=len(SHARES), rounds=ROUNDS, top=self.reference.top)
        what.most_zero, what.smallest, what.parts = self.reference.most_zero, SMALLEST, format.zero_parts
        for name, array in {**numbers, **arrays, "codes": codes}.items():
            setattr(what, name, array.ctypes.data)
        library.kernels().causerie_quantize(self.instruction_set.index, ctypes.byref(what))
        names = (format.scale.array, format.zeros.array, format.scale.times.array)
        return {"codes": format.codes.packed(codes).reshape(n, -1), **dict(zip(names, arrays.values(), strict=True))}
