"""Every key of every scaling bites, and bites as transformers has it: a rotation with the key is transformers', and is
another one without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from causerie.models.registry import spec_from_config
from causerie.models.rope import RopeTable
from tests.parity.cases import TINY

HEAD_DIM, CONTEXT = 32, 256
LENGTH = 600  # of the prompt: more than the contexts

LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.5, "high_freq_factor": 3.0, "original_max_position_embeddings": 64}
YARN = {"factor": 4.0, "original_max_position_embeddings": 64}
# A scaling with all keys that belong together, and for each key another value than it has, or than is meant without it.
KEYS: list[tuple[str, dict[str, Any], str, Any]] = [
    ("default", {}, "rope_theta", 700.0),
    ("linear", {"factor": 3.0}, "factor", 5.0),
    ("linear", {"factor": 3.0}, "rope_theta", 700.0),
    ("dynamic", {"factor": 3.0}, "factor", 5.0),
    ("dynamic", {"factor": 3.0}, "rope_theta", 700.0),
    ("llama3", LLAMA3, "factor", 5.0),
    ("llama3", LLAMA3, "low_freq_factor", 2.5),
    ("llama3", LLAMA3, "high_freq_factor", 4.5),
    ("llama3", LLAMA3, "original_max_position_embeddings", 32),
    ("llama3", LLAMA3, "rope_theta", 700.0),
    ("yarn", YARN, "factor", 6.0),
    ("yarn", YARN, "original_max_position_embeddings", 32),
    ("yarn", YARN, "rope_theta", 700.0),
    ("yarn", YARN, "attention_factor", 0.7),
    ("yarn", YARN, "beta_fast", 3.0),
    ("yarn", YARN, "beta_slow", 3.0),
    ("yarn", YARN, "truncate", False),
    ("yarn", YARN | {"mscale": 1.3, "mscale_all_dim": 0.6}, "mscale", 2.0),
    ("yarn", YARN | {"mscale": 1.3, "mscale_all_dim": 0.6}, "mscale_all_dim", 0.3),
]
IDS = [f"{kind} {key}" for kind, _, key, _ in KEYS]


def ours(changes: dict[str, Any]) -> NDArray[np.float32]:
    """Our rows [LENGTH, 2, dims/2] for a whole prompt."""
    values = TINY | {"model_type": "llama", "head_dim": HEAD_DIM, "max_position_embeddings": CONTEXT} | changes
    positions = np.arange(LENGTH, dtype=np.int32)
    return RopeTable(spec_from_config(values).ropes).rows(positions, np.full_like(positions, LENGTH))[0]


def theirs(changes: dict[str, Any]) -> NDArray[np.float32]:
    """Those of transformers."""
    config = LlamaConfig(**TINY | {"head_dim": HEAD_DIM, "max_position_embeddings": CONTEXT} | changes)
    cos, sin = LlamaRotaryEmbedding(config)(torch.zeros(1), torch.arange(LENGTH)[None])
    return torch.stack([cos[0, :, : HEAD_DIM // 2], sin[0, :, : HEAD_DIM // 2]], 1).numpy()


@pytest.mark.parametrize(("kind", "numbers", "key", "other"), KEYS, ids=IDS)
def test_every_key_of_a_scaling_bites_as_in_transformers(
    kind: str, numbers: dict[str, Any], key: str, other: Any
) -> None:
    before = {"rope_type": kind, "rope_theta": 5000.0, **numbers}
    after = before | {key: other}
    for parameters in (before, after):
        expected = theirs({"rope_parameters": parameters})
        np.testing.assert_allclose(ours({"rope_parameters": parameters}), expected, atol=5e-5)
        # The older spelling, with theta outside and either name of the kind.
        scaling = {name: value for name, value in parameters.items() if name not in ("rope_theta", "rope_type")}
        for name in ("rope_type", "type"):
            older = {"rope_theta": parameters["rope_theta"], "rope_scaling": {name: kind, **scaling}}
            np.testing.assert_array_equal(ours(older), ours({"rope_parameters": parameters}))
    difference = theirs({"rope_parameters": before}) - theirs({"rope_parameters": after})
    assert np.abs(difference).max() > 0.02, "the other value changes nothing, so this proves nothing"


@pytest.mark.parametrize("kind", ["llama3", "yarn"])
def test_an_original_context_outside_of_the_object_goes_before_the_one_inside(kind: str) -> None:
    numbers = {"rope_type": kind, "rope_theta": 5000.0, **(LLAMA3 if kind == "llama3" else YARN)}
    both = {"rope_parameters": numbers, "original_max_position_embeddings": 128}
    inside = {"rope_parameters": numbers | {"original_max_position_embeddings": 128}}
    np.testing.assert_array_equal(ours(both), ours(inside))
    np.testing.assert_allclose(ours(both), theirs(both), atol=5e-5)


def test_without_a_factor_yarn_stretches_to_the_context() -> None:
    numbers = {"rope_type": "yarn", "rope_theta": 5000.0, "original_max_position_embeddings": 64}
    np.testing.assert_array_equal(
        ours({"rope_parameters": numbers}), ours({"rope_parameters": numbers | {"factor": CONTEXT / 64}})
    )
