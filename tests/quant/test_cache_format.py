"""What a cache costs, against arrays of the numbers and scales that the format describes."""

from __future__ import annotations

import numpy as np
import pytest

from causerie.errors import Unsupported
from causerie.quant.cache_format import CACHE_FORMATS, bytes_per_position
from causerie.spec.layer_cache import Pages


@pytest.mark.parametrize("head_dim", [8, 31, 32, 33, 40, 64, 80, 96, 128, 256])
@pytest.mark.parametrize("value_dim", [16, 40, 192])
@pytest.mark.parametrize("format", CACHE_FORMATS)
def test_the_bytes_of_a_position_are_those_of_its_arrays(format: str, value_dim: int, head_dim: int) -> None:
    numbers = np.empty(head_dim + value_dim, {"float32": np.float32, "int8": np.int8}.get(format, np.float16))
    scales = [np.empty(1, np.float16) for _ in range(0, head_dim, 32)] + [np.empty(1, np.float16)]  # of key and value
    expected = numbers.nbytes + (sum(scale.nbytes for scale in scales) if format == "int8" else 0)
    assert bytes_per_position(format, Pages(3, head_dim, value_dim)) == 3 * expected


@pytest.mark.parametrize("format", CACHE_FORMATS)
def test_a_latent_is_kept_once_and_not_in_int8(format: str) -> None:
    latents = Pages(1, 576, 0)
    if format == "int8":
        with pytest.raises(Unsupported, match=r"latents are not kept in int8.*bfloat16"):
            bytes_per_position(format, latents)
    else:
        assert 2 * bytes_per_position(format, latents) == bytes_per_position(format, Pages(1, 576, 576))
