"""What a pass over symbolic values notes, line by line: where values come from, in which form matrices read them, and
the numbers that lines name by address. Knows no operation of a decoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.abi import Counted, Narrow, Op
from causerie.backends.native.line import BRAIN, WIDE, Form, Line, PanelsTable, Value
from causerie.backends.native.program import E4M3_TABLE
from causerie.quant.transform import TURNED, Transform
from causerie.quant.weight import Weight
from causerie.spec.ops import Linear


class Recording:
    """`lines` is what was noted, `panels` what their matrices need, `constants` the numbers that instructions name by
    address."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.panels = PanelsTable()
        self.constants: list[NDArray[np.float32]] = []
        self._values = 0
        self._rounded: dict[tuple[int, Form], Value] = {}
        self._evening: dict[Transform, int] = {}
        self._transformed: dict[tuple[int, Transform], Value] = {}

    def _value(self, width: int, counted: Counted, form: Form = WIDE, times: int = 1) -> Value:
        self._values += 1
        return Value(self._values - 1, width, counted, form, times)

    def _note(self, op: Op, inputs: tuple[Value, ...], out: Value, numbers: Mapping[str, float]) -> None:
        self.lines.append(Line(op, inputs, (out,), numbers))

    def _by_row(self, op: Op, x: Value, numbers: Mapping[str, float]) -> Value:
        out = self._value(x.width, x.counted, times=x.times)
        self._note(op, (x,), out, numbers)
        return out

    def _constant(self, numbers: NDArray[np.float32]) -> int:
        """The address of numbers that the program holds."""
        self.constants.append(numbers)
        return numbers.ctypes.data

    def _read(self, x: Value, reading: InputForm) -> Value:
        """x as matrices read it: each transform and each rounding of it is done once."""
        transform = reading.transform
        if transform is None:
            return self._as(x, reading.form)
        evened = reading.form.narrow is Narrow.CODES and reading.form.group == TURNED
        if evened and transform.order is None and transform.signs is not None and transform.factors is not None:
            address = self._evening.setdefault(transform, transform.factors.ctypes.data)  # the same of equal ones
            return self._as(x, Form(Narrow.EVENED, TURNED, address))
        if (x.number, transform) not in self._transformed:
            out = self._transformed[x.number, transform] = self._value(x.width, x.counted, times=x.times)
            order, factors = transform.order, transform.factors
            addresses = {
                "address": 0 if order is None else order.ctypes.data,
                "factors": 0 if factors is None else factors.ctypes.data,
                "length": 0 if transform.signs is None else TURNED,
            }
            self._note(Op.TRANSFORM, (x,), out, addresses)
        return self._as(self._transformed[x.number, transform], reading.form)

    def _as_embedded(self, x: Value, table: Weight) -> Value:
        """Rows of a table that is made for transformed inputs, as they were before: turned back, and multiplied by what
        inputs are."""
        transform = table.transform
        if transform is None:
            return x
        if transform.signs is not None:
            x = self._by_row(Op.TRANSFORM, x, {"length": TURNED})
        if transform.factors is not None:
            x = self._by_row(Op.TIMES, x, {"factors": transform.factors.ctypes.data, "length": transform.width})
        return x

    def _as(self, x: Value, form: Form) -> Value:
        if form == WIDE:
            return x
        if (x.number, form) not in self._rounded:
            out = self._rounded[x.number, form] = self._value(x.width, x.counted, form, x.times)
            self._note(Op.ROUND, (x,), out, {})
        return self._rounded[x.number, form]


@dataclass(frozen=True)
class InputForm:
    """How a matrix reads its input."""

    form: Form
    transform: Transform | None = None


def _form_of(weight: Weight) -> Form:
    """How what a matrix reads is written."""
    panels = weight.data.panels
    if weight.format == "bfloat16" or (panels is not None and panels["tabled"][0] == E4M3_TABLE):
        return BRAIN
    group = 0 if panels is None else int(panels["input_group"][0])
    return Form(Narrow.CODES, group) if group else WIDE


def by_input(parts: Sequence[Linear]) -> list[tuple[InputForm, list[int]]]:
    """How matrices read their input, and which of them read it so."""
    read = [InputForm(_form_of(part.weight), part.weight.transform) for part in parts]
    return [(reading, [i for i, each in enumerate(read) if each == reading]) for reading in dict.fromkeys(read)]
