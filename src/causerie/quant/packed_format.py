"""What a packed format is, as a description: how its codes lie in bytes, what a code stands for, and which numbers
weights share. Everything else that is known of a format follows from it: its arrays, its values here and on every
backend, how kernels read it.

    linear           value = (code - zero) · scale                    or    code · scale + low
    with a table     value = table[code] · scale                            each · factor

Groups of weights that share a scale lie in a row, or run on from row to row where the format is `flat`. Knows no format
by name (formats.py lists them), no file and no backend, and not how values become codes (encoder.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, lcm
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from causerie.quant.code_bits import CodeBits
from causerie.quant.format import Buffer, Buffers, Rows
from causerie.quant.numbers import Numbers
from causerie.quant.tables import E4M3

CODES = "codes"
"""The array that holds a format's codes."""
SUMMED, LEAST_SUMMED = 32, 16
"""Products that are summed up as whole numbers come in multiples of so many, and groups of them."""
MOST_NAMED, MOST_STEPS, LEAST_STEP = 4, 127, -128
"""Bits of a code that names a whole number; what such numbers may lie apart, or are at most and least."""

MOST_PAIRED = 128
"""Small floats that share a scale where they are multiplied in pairs, or what divides it; else a whole row does."""

Arithmetic: TypeAlias = Literal["int8", "bfloat16", "float32"]


@dataclass(frozen=True)
class PackedFormat:
    """Implements `format.Format`."""

    name: str
    codes: CodeBits
    scale: Numbers
    groups: tuple[int, ...] = ()  # weights that share a scale: the first of these that divides a row; (): a whole row
    table: tuple[float, ...] | None = None
    table_step: float | None = None  # what all values of the table are whole numbers of, which products are made of
    zero: int = 0  # where it is the same everywhere
    zeros: Numbers | None = None  # or one for each group
    zero_parts: int = 1  # what a step is cut into where `zeros` count parts of it
    low: Numbers | None = None
    factor: float = 1.0  # of whole rows that read activations as they are
    flat: bool = False
    exact_inputs: bool = (
        False  # products read activations as they are, not in 8 bits: those with other tables always do, or in bfloat16
    )

    def __post_init__(self) -> None:
        """Raises ValueError for a description that contradicts itself."""
        subtracted = [each for each in (self.zero or None, self.zeros, self.low) if each is not None]
        every = [each for numbers in self.numbers for each in numbers.all()]
        spans = [each.span for each in every if isinstance(each.span, int)]
        for wrong, why in (
            (self.table is not None and len(self.table) > 2**self.codes.bits, "more values than codes"),
            (self.table is not None and self.codes.signed, "codes below zero, which name no values"),
            (self.table_step is not None and not self._counts_steps(), "values that are no small numbers of steps"),
            (
                self.flat and (self.table is None or self.table_step is not None),
                "groups that run on from row to row, but of values from a table",
            ),
            (self.table is not None and subtracted, "zero points beside a table, which stands for them too"),
            (len(subtracted) > 1, "two of a zero point, one for each group, and a lowest value"),
            (self.flat and len(self.groups) != 1, "groups that run on from row to row, of several sizes"),
            (self.flat and any(each.rows > 1 or each.bits for each in every), "numbers by rows where groups run on"),
            (any(span % group for span in spans for group in self.groups), f"numbers for {spans}, no whole groups"),
            (self.zeros is not None and not _whole(self.zeros), "zero points that are no whole numbers of parts"),
            (self.zero_parts not in [2**i for i in range(9)], "steps in parts that are no power of two to 256"),
            (self.exact_inputs and not self.codes.signed, "exact inputs, but for codes with a sign"),
            (self.exact_inputs and (subtracted or self.groups), "exact inputs, but for whole rows around 0"),
            (
                self.arithmetic == "int8" and any(group % LEAST_SUMMED for group in self.groups),
                f"groups of whole numbers that are no multiples of {LEAST_SUMMED}",
            ),
            (self.factor != 1.0 and not self.exact_inputs, "a factor where activations are read in 8 bits"),
        ):
            if wrong:
                raise ValueError(f"the format {self.name} cannot have {why}")

    @property
    def numbers(self) -> tuple[Numbers, ...]:
        """What weights share, but for what these are made with."""
        return tuple(each for each in (self.scale, self.zeros, self.low) if each is not None)

    @property
    def arithmetic(self) -> Arithmetic:
        """What its codes are multiplied as."""
        if self.table is None or self.table_step is not None:
            return "float32" if self.exact_inputs else "int8"
        paired = not self.flat and all(MOST_PAIRED % group == 0 and group % 2 == 0 for group in self.groups)
        return "bfloat16" if self.table == E4M3 and paired else "float32"

    def group(self, width: int) -> int:
        """How many weights share a scale."""
        if self.flat:
            return self.groups[0]
        return next((group for group in self.groups if width % group == 0), width)

    def line(self, width: int) -> int:
        """How many weights of a row at least lie one after another with the same scale, from any multiple of it on."""
        return gcd(self.group(width), width)

    def refusal(self, width: int) -> str | None:
        """Widths of whole groups, and of whole runs of codes."""
        if self.flat:
            return None
        if self.groups and all(width % group for group in self.groups):
            return f"{self.name} shares a scale among {min(self.groups)} inputs, which must divide the width"
        spans = [each.span for numbers in self.numbers for each in numbers.all() if isinstance(each.span, int)]
        block = lcm(self.codes.run, SUMMED if self.arithmetic == "int8" else 1, *spans)
        return f"{self.name} has blocks of {block} inputs, which must divide the width" if width % block else None

    def row_step(self, width: int) -> int:
        """Whole groups, and whole blocks of what groups share."""
        every = [each for numbers in self.numbers for each in numbers.all()]
        if not self.flat:
            return lcm(*(each.rows for each in every))
        spans = [each.weights(width, self.group(width)) for each in every if each.span != "matrix"]
        whole = lcm(self.codes.run, *spans)
        return whole // gcd(whole, width)

    def buffers(self, shape: tuple[int, int]) -> dict[str, Buffer]:
        """codes, what weights share, and what that is made with."""
        n, k = shape
        stored = (self.codes.nbytes(n * k),) if self.flat else (n, self.codes.nbytes(k))
        arrays = {CODES: Buffer(self.codes.dtype, stored)}
        for each in (*self.numbers, *(part for numbers in self.numbers for part in numbers.all())):
            arrays.setdefault(each.array, each.buffer(shape, self.group(k), self.flat))
        return arrays

    def decode(self, buffers: Buffers, shape: tuple[int, int]) -> Rows:
        """The values; each operation is rounded to float32, in the order of the formulas from left to right."""
        n, k = shape
        codes = self.codes.unpacked(buffers[CODES])[: n * k]
        values = codes.astype(np.float32) if self.table is None else np.array(self.table, np.float32)[codes]
        values = values.reshape(-1, self.line(k))
        if self.zero:
            values -= np.float32(self.zero)
        if self.zeros is not None:
            values -= (self.shared(self.zeros, buffers, shape) / np.float32(self.zero_parts)).reshape(-1, 1)
        values *= self.shared(self.scale, buffers, shape).reshape(-1, 1)
        if self.low is not None:
            values += self.shared(self.low, buffers, shape).reshape(-1, 1)
        if self.factor != 1.0:
            values *= np.float32(self.factor)
        return values.reshape(shape)

    def shared(self, numbers: Numbers, buffers: Buffers, shape: tuple[int, int]) -> NDArray[np.float32]:
        """One of its numbers for every `line` weights of a row [n, k / line]."""
        n, k = shape
        line = self.line(k)
        at = np.arange(0, n * k, line)
        return np.ascontiguousarray(numbers.values(buffers, at, k, self.group(k)), np.float32).reshape(n, k // line)

    def _counts_steps(self) -> bool:
        """Whether the values of the table are whole numbers of steps, which a byte holds counted from the lowest."""
        if self.table is None or not self.table_step or self.codes.bits > MOST_NAMED or self.exact_inputs:
            return False
        steps = [value / self.table_step for value in self.table]
        return all(step == int(step) for step in steps) and (
            max(steps) - min(steps) <= MOST_STEPS or (min(steps) >= LEAST_STEP and max(steps) <= MOST_STEPS)
        )


def _whole(numbers: Numbers) -> bool:
    return numbers.dtype in ("U8", "I8") and not (numbers.table or numbers.times or numbers.over or numbers.plus)
