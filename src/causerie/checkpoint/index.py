"""What a checkpoint is to the rest of the program: named arrays that can be read one at a time, whole or by rows.

Knows no file format, no model and no device. Formats implement `TensorIndex`; `safetensors.py` is the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.extent import Extent

# Names as the safetensors format spells them. numpy has no bfloat16 and no 8-bit floats: their arrays hold the raw
# bits, and the name says what these mean. All little-endian, as on disk.
DTYPES: Mapping[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "F8_E4M3": np.dtype("u1"),
    "F8_E5M2": np.dtype("u1"),
    "F8_E8M0": np.dtype("u1"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "F32": np.dtype("<f4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
    "C64": np.dtype("<c8"),
}


@dataclass(frozen=True)
class TensorInfo:
    """One tensor of a checkpoint, before it is read."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """A key of DTYPES."""
    file: Path

    @property
    def array_dtype(self) -> np.dtype[Any]:
        """The numpy dtype that `read` returns."""
        return DTYPES[self.dtype]

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.array_dtype.itemsize


@runtime_checkable
class ColumnIndex(Protocol):
    """An index that reads columns of matrices without reading all of them each time."""

    def read_columns(self, name: str, columns: slice) -> NDArray[Any]:
        """Columns [start:stop] of every row of a matrix."""
        ...


class TensorIndex(Protocol):
    """Names, shapes and dtypes at once; bytes when they are asked for. Safe to read from several threads."""

    def names(self) -> Sequence[str]:
        """All tensors, in the order in which they lie on disk: reading in this order reads straight through."""
        ...

    def __contains__(self, name: object) -> bool: ...

    def info(self, name: str) -> TensorInfo:
        """Shape and dtype. Raises WeightFileError naming the nearest names where there is no such tensor."""
        ...

    def read(self, name: str, rows: slice | None = None, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """A new array of the tensor, or of rows [start:stop] of its first axis, or one that cannot be written to; BF16
        arrives as uint16. With `shape` it is read as if it had that one, of as many elements."""
        ...

    def read_into(
        self, name: str, out: NDArray[Any], rows: slice | None = None, shape: tuple[int, ...] | None = None
    ) -> None:
        """The same into `out`: C-contiguous, of `info(name).array_dtype`, with as many elements as are read."""
        ...

    def map(self, name: str) -> NDArray[np.uint8]:
        """The tensor's bytes where they lie in the file: read when they are looked at, not writable, valid as long as
        the array lives. The file may be replaced meanwhile, but not written to or cut."""
        ...

    def extent(self, name: str) -> Extent:
        """Where the tensor's bytes lie in the file."""
        ...

    def close(self) -> None:
        """Ends the index; arrays already read or mapped stay valid."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
