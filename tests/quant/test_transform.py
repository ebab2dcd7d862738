"""What inputs go through: the formula, written with matrices, and the same bits in torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from causerie.backends.torch.transform import TransformTensors
from causerie.quant.transform import Transform
from tests.quant.transforms import KINDS, made, matrix, through


@pytest.mark.parametrize("kinds", KINDS, ids="+".join)
@pytest.mark.parametrize("width", [64, 192, 1024])
def test_it_is_the_formula_everywhere(kinds: tuple[str, ...], width: int) -> None:
    transform = made(kinds, width)
    x = np.random.default_rng(1).standard_t(3, (5, 3, width)).astype(np.float32)
    turned = transform.apply(x)
    np.testing.assert_allclose(turned, x @ matrix(transform).T, atol=1e-5, rtol=1e-5)
    assert turned.dtype == np.float32 and not np.allclose(turned, x)
    there = TransformTensors.place(transform, torch.device("cpu"))
    assert np.array_equal(there.apply(torch.from_numpy(x)).numpy(), turned)


@pytest.mark.parametrize("kinds", KINDS, ids="+".join)
def test_weights_made_for_it_have_the_same_product(kinds: tuple[str, ...]) -> None:
    transform, draw = made(kinds, 128), np.random.default_rng(2)
    x, weights = draw.normal(0, 1, (7, 128)).astype(np.float32), draw.normal(0, 1, (9, 128)).astype(np.float32)
    np.testing.assert_allclose(transform.apply(x) @ through(transform, weights).T, x @ weights.T, atol=2e-4)


def test_equal_ones_are_one() -> None:
    every = [made(kinds, 128) for kinds in KINDS]
    again = [made(kinds, 128) for kinds in KINDS]
    assert every == again and len({*every, *again}) == len(KINDS)
    assert made(("order",), 128) != made(("order",), 128, seed=1)


ONES = np.ones(64, np.float32)


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({}, "one shape"),
        ({"scaling": ONES, "order": np.arange(32, dtype=np.int32)}, r"\(32,\), \(64,\)"),
        ({"scaling": np.ones((2, 32), np.float32)}, r"\(2, 32\)"),
        ({"order": np.zeros(64, np.int32)}, "each of 64 inputs once"),
        ({"order": np.arange(1, 65, dtype=np.int32)}, "each of 64 inputs once"),
        ({"order": np.arange(64)}, "int64; int32 is expected"),
        ({"scaling": np.ones(64)}, "float64; float32 is expected"),
        ({"signs": np.ones(32, np.float32)}, "a multiple of 64"),
        ({"signs": 2 * ONES}, "1 and -1"),
    ],
)
def test_arrays_that_are_none(arrays: Mapping[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Transform(**arrays)
