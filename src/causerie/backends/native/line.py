"""Lines over symbolic values, of which a traced decoder is made, and where weights lie that they name. Knows none of
what a line does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.abi import Counted, Layout, Narrow, Op
from causerie.backends.native.program import CODE_PANELS
from causerie.checkpoint.extent import Extent
from causerie.quant.weight import Weight
from causerie.spec.ops import Linear


@dataclass(frozen=True)
class Form:
    """How the elements of a value are written."""

    narrow: Narrow
    group: int = 0  # of codes: how many share a scale
    evening: int = 0  # of evened ones: the address of what elements are multiplied with


WIDE, BRAIN = Form(Narrow.NOT), Form(Narrow.BFLOAT16)


@dataclass(frozen=True)
class Placement:
    """What `Weight.data` is on this backend: an address in memory that stays as long as this exists."""

    address: int
    layout: Layout
    memory: NDArray[np.uint8] = field(repr=False)  # all of its bytes
    table: NDArray[np.void] | None = field(default=None, repr=False)  # of packed panels, at the address
    panels: NDArray[np.void] | None = field(default=None, repr=False)  # of a quantized one: its CodePanels
    extent: Extent | None = None  # of a matrix of an expert that stays in its file: the address is 0


@dataclass(frozen=True)
class Value:
    """A matrix that some line of the program will have computed."""

    number: int
    width: int
    counted: Counted  # what its rows are
    form: Form = WIDE
    times: int = 1  # how many rows there are of each that is counted

    @property
    def row_bytes(self) -> int:
        """Bytes from row to row: whole cache lines, no multiple of 1 KiB, where rows would evict each other."""
        if self.form in (WIDE, BRAIN):
            size = self.width * (4 if self.form == WIDE else 2)
        else:  # codes, scales, sums of 32 and of 16 codes: quantized.h
            size = self.width + self.width // self.form.group * 4 + self.width // 32 * 8
        lines = -(-size // 64)
        return 64 * (lines + 1 if lines % 16 == 0 else lines)


@dataclass(frozen=True)
class Line:
    """One instruction over values; `numbers` are fields of INSTRUCTION."""

    op: Op
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    numbers: Mapping[str, float]
    parts: tuple[Linear, ...] = ()
    experts: tuple[int, ...] = ()  # of each part of EXPERT_LINEAR: whose rows it multiplies
    pieces: int = 1  # equal ones, into which LINEAR cuts a row of its input
    columns: tuple[tuple[int, int], ...] = ()  # of each part, of rows: where it reads, and where it writes


class PanelsTable:
    """The CodePanels of all quantized matrices that a program reads, each once."""

    def __init__(self) -> None:
        self._indexes: dict[bytes, int] = {}

    def index(self, weight: Weight) -> int:
        """Whose of them a matrix has; 0 for one that is not quantized."""
        panels = weight.data.panels
        return 0 if panels is None else self._indexes.setdefault(panels.tobytes(), len(self._indexes))

    def array(self) -> NDArray[np.void]:
        """As C++ reads it."""
        return np.frombuffer(b"".join(self._indexes) or bytes(CODE_PANELS.itemsize), CODE_PANELS)
