"""The half of a `TensorIndex` that those share whose tensors lie in no file of this machine: they are read, never
mapped, and nothing is open between two reads.

Knows not where tensors come from.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.extent import Extent
from causerie.checkpoint.index import TensorIndex
from causerie.errors import Unsupported


class UnmappedIndex(TensorIndex, Protocol):
    """An index that says of each tensor why it is only read."""

    def whereabouts(self, name: str) -> str:
        """Where a tensor is instead, and what to do, in a sentence or two."""
        ...

    def read_into(
        self, name: str, out: NDArray[Any], rows: slice | None = None, shape: tuple[int, ...] | None = None
    ) -> None:
        """The same as `read` into `out`."""
        out[...] = self.read(name, rows, shape).reshape(out.shape)

    def map(self, name: str) -> NDArray[np.uint8]:
        """Raises Unsupported: it lies in no file here."""
        raise Unsupported(self.whereabouts(name))

    def extent(self, name: str) -> Extent:
        """Raises Unsupported: it lies in no file here."""
        raise Unsupported(self.whereabouts(name))

    def close(self) -> None:
        """Nothing is open."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
