"""How near each encoder comes to the matrices it is given: int4 to the best that any step and zero point could do, and
each to what it reached when this was written, so that none gets worse unnoticed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.quant.encoders import ENCODERS, encoder_named

Matrix = NDArray[np.float32]


def matrices() -> dict[str, Matrix]:
    """Weights as they are (normal), with outliers (student), and with groups far from zero on either side."""
    rng = np.random.default_rng(5)
    shape = (96, 1024)
    side = np.where(np.arange(shape[0]) % 2, 1, -1)[:, None]
    drawn = {
        "normal": rng.normal(0, 0.02, shape),
        "student": rng.standard_t(4, shape) * 0.02,
        "shifted": rng.normal(0, 0.02, shape) + side * 0.05,
        "one-sided": rng.exponential(0.02, shape) * side,
    }
    return {kind: matrix.astype(np.float32) for kind, matrix in drawn.items()}


# The relative error (root of the sum of squares) of each kind of matrix, in its order above, measured on 2026-11-30.
ERRORS = {
    "int8": (0.0059512, 0.0089219, 0.0040957, 0.0078102),
    "int6": (0.0235736, 0.0352509, 0.0161859, 0.0308751),
    "int5": (0.0471352, 0.0701362, 0.0322830, 0.0616895),
    "int4": (0.0709664, 0.0851624, 0.0299842, 0.0518267),
    "nf4": (0.0918230, 0.110594, 0.0854808, 0.103019),
    "nf4_double": (0.0918419, 0.110869, 0.0854950, 0.103083),
    "fp4": (0.121778, 0.167319, 0.104796, 0.150019),
    "fp4_double": (0.121796, 0.167507, 0.104807, 0.150086),
    "bnb_int8": (0.0078491, 0.0181798, 0.0049069, 0.0118949),
    "mxfp4": (0.1140831, 0.1330667, 0.1067027, 0.1258737),
}


def decoded(name: str, matrix: Matrix) -> Matrix:
    """What a format makes of a matrix."""
    encoder = encoder_named(name)
    shape = (matrix.shape[0], matrix.shape[1])
    return encoder.format.decode(encoder.encode(matrix.copy(), encoder.constant([matrix])), shape)


@pytest.mark.parametrize("name", ENCODERS)
def test_no_encoder_is_worse_than_it_was(name: str) -> None:
    assert name in ERRORS, f"measure the error of {name} and write it down here"
    for (kind, matrix), error in zip(matrices().items(), ERRORS[name], strict=True):
        wide = matrix.astype(np.float64)
        found = np.sqrt(np.square(decoded(name, matrix) - wide).sum() / np.square(wide).sum())
        assert found == pytest.approx(error, rel=0.01), kind  # what gets better is written down too


def least_errors(groups: Matrix) -> NDArray[np.float64]:
    """The squared error of each group [n, 32] with the best of all zero points that int4 can hold and 120 steps."""
    zeros = np.arange(256) / 16
    span = np.maximum(groups.max(1), 0) - np.minimum(groups.min(1), 0)
    best = np.full(len(groups), np.inf)
    for share in np.linspace(0.55, 1.15, 120):
        step = (span * share / 15)[:, None, None]
        codes = np.clip(np.rint(groups[:, None, :] / step + zeros[:, None]), 0, 15)
        errors = np.square(step * (codes - zeros[:, None]) - groups[:, None, :]).sum(2)
        best = np.minimum(best, errors.min(1))
    return best


# Ours searches seven ranges, and holds steps as a byte times a unit of the row.
@pytest.mark.parametrize(
    ("kind", "most"), [("normal", 1.14), ("student", 1.16), ("shifted", 1.18), ("one-sided", 1.24)]
)
def test_int4_is_near_the_best_that_a_step_and_a_zero_point_can_do(kind: str, most: float) -> None:
    groups = matrices()[kind].reshape(-1, 32)[::41][:64]
    ours = np.square(decoded("int4", groups).astype(np.float64) - groups).sum()
    assert ours <= most * least_errors(groups).sum()
