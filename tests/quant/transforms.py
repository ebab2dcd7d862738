"""Random transforms of inputs, and weights that are made for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.quant.transform import Transform, hadamard

KINDS: tuple[tuple[str, ...], ...] = (
    ("order",),
    ("scaling",),
    ("signs",),
    ("scaling", "signs"),
    ("order", "scaling", "signs"),
)


def made(kinds: tuple[str, ...], width: int, seed: int = 0) -> Transform:
    """One of these parts."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(width).astype(np.int32)
    scaling = draw.lognormal(0, 0.3, width).astype(np.float32)
    signs = draw.choice(np.array([-1, 1], np.float32), width)
    parts = {"order": order, "scaling": scaling, "signs": signs}
    return Transform(**{kind: parts[kind] for kind in kinds})  # type: ignore[arg-type]


def through(transform: Transform, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """The matrix that reads transformed inputs where `weights` [n, inputs] reads them as they are."""
    if transform.order is not None:
        weights = weights[:, transform.order]
    if transform.scaling is not None:
        weights = weights / transform.scaling
    return weights if transform.signs is None else hadamard(weights * transform.signs)


def matrix(transform: Transform) -> Any:
    """The transform as a matrix [inputs, inputs] in float64."""
    whole = np.eye(transform.width)
    if transform.order is not None:
        whole = whole[transform.order]
    if transform.scaling is not None:
        whole = transform.scaling[:, None] * whole
    if transform.signs is not None:
        turn = np.eye(1)
        for _ in range(6):
            turn = np.kron(np.array([[1, 1], [1, -1]]), turn)
        whole = np.kron(np.eye(transform.width // 64), turn / 8) @ (transform.signs[:, None] * whole)
    return whole
