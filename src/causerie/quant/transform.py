"""What activations go through before a matrix reads them, where its weights were made for that: put into another order,
scaled, and turned by signs and a Hadamard matrix in each 64.

    y = W · (H · (signs · (scaling · x[order])))        each part where it is given

H is the Hadamard matrix of 64 over 8, so that it is its own inverse: it spreads what sticks out of 64 activations over
all of them, and their codes have smaller steps. Activations are turned once for all matrices with an equal transform.
Knows no backend, and not who chooses a transform.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

TURNED = 64
"""Activations that a Hadamard matrix mixes."""
MOST_UNLIKE = 2.0**24
"""Of a mean square, how many times that of others it counts at most."""
KINDS = (np.int32, np.float32, np.float32)


@dataclass(frozen=True, eq=False)
class Transform:
    """One for matrices of so many inputs as each of its arrays has; two are equal where their arrays are."""

    order: NDArray[np.int32] | None = None  # input i is activation order[i]
    scaling: NDArray[np.float32] | None = None
    signs: NDArray[np.float32] | None = None  # of 1 and -1; the Hadamard matrix follows

    def __post_init__(self) -> None:
        """Raises ValueError for arrays that are no such transform."""
        sizes = {array.shape for array in self._arrays if array is not None}
        if len(sizes) != 1 or len(next(iter(sizes))) != 1:
            raise ValueError(f"a transform has arrays of shapes {sorted(sizes)}; one shape [inputs] is expected")
        for array, kind in zip(self._arrays, KINDS, strict=True):
            if array is not None and (array.dtype != kind or not array.flags.c_contiguous):
                raise ValueError(f"a transform has an array of {array.dtype}; {kind.__name__} is expected")
        if self.order is not None and not np.array_equal(np.sort(self.order), np.arange(self.width)):
            raise ValueError(f"the order of a transform does not name each of {self.width} inputs once")
        if self.signs is not None and (self.width % TURNED or (np.abs(self.signs) != 1).any()):
            raise ValueError(f"the signs of a transform are 1 and -1, for a multiple of {TURNED} inputs")

    @property
    def width(self) -> int:
        """Inputs."""
        return next(len(array) for array in self._arrays if array is not None)

    @cached_property
    def factors(self) -> NDArray[np.float32] | None:
        """What each input is multiplied with before it is turned: scaling and sign in one; None where all are 1. Kept
        as long as the transform is, as native programs hold its address."""
        if self.scaling is None or self.signs is None:
            return self.signs if self.scaling is None else self.scaling
        return self.scaling * self.signs

    def apply(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of activations [..., inputs], in float32; every backend gives the same bits."""
        turned, factors = x if self.order is None else x[..., self.order], self.factors
        if factors is not None:
            turned = turned * factors
        return turned if self.signs is None else hadamard(turned)

    def weights(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows of the matrix that reads what this gives, where the matrix of `rows` [n, inputs] reads what this is
        given."""
        made, factors = rows if self.order is None else rows[:, self.order], self.factors
        if factors is not None:
            made = made / factors
        return made if self.signs is None else (made.reshape(-1, TURNED) @ _matrix()).reshape(made.shape)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Transform) and self._digest == other._digest)

    def __hash__(self) -> int:
        return hash(self._digest)

    @property
    def _arrays(self) -> tuple[NDArray[Any] | None, ...]:
        return self.order, self.scaling, self.signs

    @cached_property
    def _digest(self) -> bytes:
        """What its arrays are, in sixteen bytes: a mixture of experts has thousands of these."""
        digest = blake2b(digest_size=16)
        for array in self._arrays:
            digest.update(b"none" if array is None else array.tobytes())
        return digest.digest()


def evening(squares: NDArray[np.float32]) -> Transform | None:
    """What makes inputs with these mean squares alike, so that one step serves 64 of them: each is divided by the
    fourth root of its mean square, which leaves the other half of their differences to the matrix, and 64 are mixed.
    None for a number of inputs that 64 does not divide."""
    if len(squares) % TURNED:
        return None
    sizes = np.where(np.isfinite(squares) & (squares > 0), squares, np.nan).astype(np.float64)
    usual = np.nanmedian(sizes) if np.isfinite(sizes).any() else 1.0
    share = np.clip(np.nan_to_num(sizes / usual, nan=1.0), 1 / MOST_UNLIKE, MOST_UNLIKE)
    return Transform(scaling=(share**-0.25).astype(np.float32), signs=_signs(len(squares)))


@cache
def _signs(width: int) -> NDArray[np.float32]:
    """The same for all matrices of so many inputs, one array for all of them."""
    return np.random.default_rng(width).choice(np.array([-1, 1], np.float32), width)


@cache
def _matrix() -> NDArray[np.float32]:
    return hadamard(np.eye(TURNED, dtype=np.float32))


def hadamard(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each 64 of the last axis times the matrix: sums and differences of neighbours, then of those 2, 4 … 32 apart,
    each rounded; then an eighth of them."""
    parts = x.reshape(-1, TURNED)
    apart = 1
    while apart < TURNED:
        first, second = np.moveaxis(parts.reshape(-1, TURNED // (2 * apart), 2, apart), 2, 0)
        parts = np.stack((first + second, first - second), axis=2).reshape(-1, TURNED)
        apart *= 2
    return (parts * np.float32(0.125)).reshape(x.shape)
