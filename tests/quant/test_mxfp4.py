"""MXFP4: transformers' own reading of gpt-oss's arrays gives the same values, and what is quantized to it becomes the
nearest value that its group's power of two has."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from causerie.quant.formats import MXFP4
from causerie.quant.mxfp4 import Mxfp4Encoder
from causerie.quant.tables import E2M1


def test_values_are_those_of_transformers() -> None:
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    draw = np.random.default_rng(1)
    rows, groups = 24, 5
    blocks = draw.integers(0, 256, (rows, groups, 16)).astype(np.uint8)
    scales = draw.integers(1, 253, (rows, groups)).astype(np.uint8)
    theirs = convert_moe_packed_tensors(torch.from_numpy(blocks)[None], torch.from_numpy(scales)[None])
    ours = MXFP4.decode({"codes": blocks.reshape(rows, -1), "scale": scales}, (rows, 32 * groups))
    assert len(np.unique(blocks)) == 256 and np.isfinite(ours).all()
    np.testing.assert_array_equal(ours, theirs[0].T.float().numpy())


def test_each_weight_becomes_the_nearest_value() -> None:
    """By the standard's own words: of the largest the exponent less two, ties to even codes, and no further than 6."""
    draw = np.random.default_rng(2)
    rows = (draw.standard_t(3, (40, 96)) * 10.0 ** draw.integers(-20, 15, (40, 1))).astype(np.float32)
    rows[0, :32] = 0
    rows[1, :32] = np.float32(1.25) * np.ldexp(1.0, np.arange(32) % 3)  # halfway between two
    rows[2, :8] = (0.25, -0.75, 1.25, 1.75, 2.5, -3.5, 5.0, 7.9)
    rows[2, 8:32] = 0
    arrays = Mxfp4Encoder().encode(rows)
    groups = rows.reshape(40, 3, 32)
    largest = np.abs(groups).max(-1)
    exponents = np.array([np.floor(np.log2(each)) if each else -1 for each in largest.flat]).reshape(40, 3) - 2
    np.testing.assert_array_equal(arrays["scale"], exponents + 127)
    scaled = groups.astype(np.float64) / 2.0 ** exponents[..., None]
    values = np.array(E2M1[:8])
    distance = np.abs(np.abs(scaled)[..., None] - values)
    distance[..., 1::2] += 1e-9  # an odd code loses a tie
    expected = np.copysign(values[distance.argmin(-1)], scaled) * 2.0 ** exponents[..., None]
    np.testing.assert_array_equal(MXFP4.decode(arrays, (40, 96)), expected.reshape(40, 96).astype(np.float32))


@pytest.mark.parametrize("largest", [1e15, 2.0**-126, 0.0])
def test_any_size_has_a_scale(largest: float) -> None:
    rows = np.full((1, 32), largest, np.float32)
    decoded = MXFP4.decode(Mxfp4Encoder().encode(rows), (1, 32))
    np.testing.assert_allclose(decoded, rows, rtol=1 / 6)
