"""Quantizes the matrices of a checkpoint while they are read, on several threads: each reads and encodes some rows.

Knows encoders by their protocol, and no backend: what it makes is the reference layout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import Expression
from causerie.checkpoint.index import TensorIndex
from causerie.errors import UsageError
from causerie.loading.workers import Workers
from causerie.quant.encoder import LARGEST, Encoder, WeighingEncoder
from causerie.quant.encoders import encoder_named, evens
from causerie.quant.format import Buffers, Format, Rows, concatenated
from causerie.quant.plain import to_float32
from causerie.quant.transform import Transform

PART = 2**19  # elements that a thread takes at once


@dataclass(frozen=True)
class MeasuredInputs:
    """What matrices read, by their canonical names."""

    squares: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)  # the mean square of each input
    transforms: Mapping[str, Transform] = field(default_factory=dict)  # of those whose inputs may go through one first

    def transform(self, format: str, name: str) -> Transform | None:
        """What the inputs of the matrix of that name go through where it is quantized to a format."""
        return self.transforms.get(name) if evens(format) else None


ReadRows = Callable[[int, int], Buffers]
Report = Callable[[int], None]  # rows done
Encoders: TypeAlias = Callable[[str], Encoder]
"""What quantizes to a format of a name."""


class Quantizer:
    """Encodes the plain matrices of an index."""

    def __init__(
        self,
        index: TensorIndex,
        workers: Workers,
        inputs: MeasuredInputs | None = None,
        encoders: Encoders = encoder_named,
    ) -> None:
        """`inputs` are what matrices read, where that was measured."""
        self._index = index
        self.workers = workers
        self.inputs = inputs or MeasuredInputs()
        self._encoders = encoders

    def encoder(self, format: str, name: str) -> Encoder:
        """What quantizes the matrix of that canonical name to a format. Raises UnknownName."""
        encoder, squares = self._encoders(format), self.inputs.squares.get(name)
        if squares is None or not isinstance(encoder, WeighingEncoder):
            return encoder
        return encoder.weighing(squares)

    def reader(
        self,
        expression: Expression,
        shape: tuple[int, ...],
        stored: str,
        encoder: Encoder,
        report: Report,
        transform: Transform | None = None,
    ) -> ReadRows:
        """A function that gives the arrays of rows start..stop-1 of a matrix whose numbers are `stored` so (see
        `Builder.place_quantized`), made for inputs that go through `transform`. Raises UsageError where it holds what
        cannot be quantized; a format that needs to know the whole matrix first reads it twice."""
        format = encoder.format
        step = _part_rows(format, shape[1])

        def plain(part: tuple[int, int]) -> Rows:
            rows = self._rows(expression, stored, *part)
            return rows if transform is None else transform.weights(rows)

        constant = encoder.constant(plain(part) for part in _parts(0, shape[0], step))

        def encoded(part: tuple[int, int]) -> Buffers:
            return encoder.encode(plain(part), constant)

        def read(start: int, stop: int) -> Buffers:
            parts = list(_parts(start, stop, step))
            arrays = []
            for part, buffers in zip(parts, self.workers.map(encoded, parts), strict=True):
                arrays.append(buffers)
                report(part[1])
            return concatenated(format, shape[1], arrays)

        return read

    def _rows(self, expression: Expression, stored: str, start: int, stop: int) -> Rows:
        rows = to_float32(expression.read(self._index, slice(start, stop)), stored)
        largest = max(float(rows.max()), -float(rows.min()))  # NaN where any is: numpy gives it, and it came first
        if not largest <= LARGEST:
            raise UsageError(
                f"Tensor {expression.key!r} holds {_offending(rows)} in rows {start} to {stop - 1}, which cannot be "
                "quantized. The checkpoint is damaged: download it again, or load it without quantization."
            )
        return rows


def _offending(rows: Rows) -> str:
    if np.isnan(rows).any():
        return "NaN"
    return f"{rows.reshape(-1)[np.abs(rows).argmax()]:g}"


def _part_rows(format: Format, width: int) -> int:
    step = format.row_step(width)
    return step * max(1, PART // (step * width))


def _parts(start: int, stop: int, step: int) -> Iterator[tuple[int, int]]:
    """Consecutive (start, stop) of at most `step` rows."""
    return pairwise([*range(start, stop, step), stop])
