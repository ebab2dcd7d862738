"""What a cache costs, against arrays of the numbers and scales that the format describes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from causerie.backends.torch.cache import Int8Pages
from causerie.errors import Unsupported
from causerie.quant.cache_format import CACHE_FORMATS, bytes_per_position, key_turning
from causerie.spec.layer_cache import Pages
from tests.kernels.reference import as_int8, turned_keys


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


@pytest.mark.parametrize("head_dim", [1, 8, 31, 40, 64, 80, 96, 128, 256])
def test_keys_are_turned_by_blocks(head_dim: int) -> None:
    """As the reference turns them, whose matrices are made otherwise; twice is not at all."""
    turning = key_turning(head_dim)
    np.testing.assert_allclose(turning, turned_keys(np.eye(head_dim)), atol=1e-7)
    np.testing.assert_allclose(turning @ turning, np.eye(head_dim), atol=1e-6)
    assert turning.dtype == np.float32


def test_a_large_element_costs_the_others_less_once_keys_are_turned() -> None:
    draw = np.random.default_rng(1)
    keys, queries = draw.normal(0, 1, (500, 128)), draw.normal(0, 1, (128, 500))
    keys[:, 5] += 40
    plain, turned = (
        np.sqrt(np.mean(((kept - keys) @ queries) ** 2))
        for kept in (as_int8(keys, 32), turned_keys(as_int8(turned_keys(keys), 32)))
    )
    assert turned < 0.4 * plain


@pytest.mark.parametrize("head_dim", [48, 80, 128])
def test_torch_keeps_turned_keys_and_gives_them_back(head_dim: int) -> None:
    pages, draw = Int8Pages(Pages(2, head_dim, 40), 8, torch.device("cpu")), np.random.default_rng(1)
    keys, values = draw.normal(0, 1, (5, 2, head_dim)), draw.normal(0, 1, (5, 2, 40))
    keys[:, :, 3] += 20
    places = torch.tensor([7, 1, 2, 0, 5])
    pages.write(places, torch.tensor(keys, dtype=torch.float32), torch.tensor(values, dtype=torch.float32))
    read = pages.read(places)
    np.testing.assert_allclose(read[0].numpy(), turned_keys(as_int8(turned_keys(keys), 32)), atol=1e-4)
    np.testing.assert_allclose(read[1].numpy(), as_int8(values, 40), atol=1e-5)
