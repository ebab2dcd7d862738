"""Frequencies, cosines and sines of every scaling rule are those of transformers, also at long positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from causerie.models.registry import spec_from_config
from causerie.models.rope import RopeTable
from tests.parity.cases import TINY

LLAMA3 = {"factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
YARN = {"factor": 4.0, "original_max_position_embeddings": 32768}
RULES: list[dict[str, Any]] = [
    {"rope_type": "default"},
    {"rope_type": "linear", "factor": 3.0},
    {"rope_type": "dynamic", "factor": 2.0},
    {"rope_type": "llama3", **LLAMA3},
    {"rope_type": "yarn", **YARN},
    {"rope_type": "yarn", **YARN, "beta_fast": 16, "beta_slow": 3, "truncate": False},
    {"rope_type": "yarn", **YARN, "mscale": 1.0, "mscale_all_dim": 0.707},
    {"rope_type": "yarn", **YARN, "mscale": 0, "mscale_all_dim": 0.707, "beta_fast": 0},
    {"rope_type": "yarn", **YARN, "attention_factor": 0.5},
    {"rope_type": "yarn", "factor": None, "original_max_position_embeddings": 8192},
]


def both(values: dict[str, Any], positions: list[int], length: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Our rows and transformers' [n, 2, dims/2], the latter for a prompt that is `length` tokens long."""
    spec = spec_from_config({"model_type": "llama", **values})
    at = np.array(positions, np.int32)
    ours = RopeTable(spec.ropes).rows(at, np.full(len(at), length or int(at.max()) + 1, np.int32))[0]
    embedding = LlamaRotaryEmbedding(LlamaConfig(**values))
    every = torch.arange(length or int(at.max()) + 1)[None]
    cos, sin = embedding(torch.zeros(1), every)
    half = cos.shape[-1] // 2
    theirs = torch.stack([cos[0, positions, :half], sin[0, positions, :half]], 1)
    return ours, theirs.numpy()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: " ".join(f"{k}={v}" for k, v in rule.items())[10:])
@pytest.mark.parametrize("head_dim", [64, 128])
def test_rows_are_those_of_transformers(rule: dict[str, Any], head_dim: int) -> None:
    values = TINY | {
        "head_dim": head_dim,
        "max_position_embeddings": 16384,
        "rope_parameters": {"rope_theta": 500000.0, **rule},
    }
    ours, theirs = both(values, [0, 1, 2, 77, 4095, 8192, 16383, 30000, 65535])
    # One bit of a cosine near 1, except where a frequency differs in its last bit, which a position multiplies.
    assert np.mean(np.abs(ours - theirs) <= 1.3e-7) > 0.97
    np.testing.assert_allclose(ours, theirs, atol=65536 * 2.0**-24)


@given(
    theta=st.floats(50, 1e6),
    head_dim=st.integers(2, 64).map(lambda half: 2 * half),
    rule=st.sampled_from(RULES),
    position=st.integers(0, 2000),
)
def test_any_theta_and_head_dim(theta: float, head_dim: int, rule: dict[str, Any], position: int) -> None:
    values = TINY | {
        "head_dim": head_dim,
        "max_position_embeddings": 1024,
        "rope_parameters": {"rope_theta": theta, **rule},
    }
    ours, theirs = both(values, [position, 3])
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_both_spellings_mean_the_same() -> None:
    new = spec_from_config(
        TINY | {"model_type": "llama", "rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", **LLAMA3}}
    )
    for kind in ("type", "rope_type"):
        old = spec_from_config(
            TINY | {"model_type": "llama", "rope_theta": 5e5, "rope_scaling": {kind: "llama3", **LLAMA3}}
        )
        assert old == new
    assert spec_from_config(TINY | {"model_type": "llama"}).ropes[0].theta == 10000.0


def test_lengths_matter_to_dynamic_rope_only() -> None:
    values = TINY | {"model_type": "llama", "max_position_embeddings": 32}
    dynamic = values | {"rope_scaling": {"type": "dynamic", "factor": 2.0}}
    at = np.arange(40, dtype=np.int32)
    for config, differs in ((values, False), (dynamic, True)):
        table = RopeTable(spec_from_config(config).ropes)
        assert table.shared_length == (32 if differs else None)
        short, long, same = (table.rows(at, np.maximum(at + 1, length).astype(np.int32))[0] for length in (1, 64, 32))
        np.testing.assert_array_equal(short, same)
        assert bool((short[5] != long[5]).any()) is differs


def test_a_table_grows_without_changing() -> None:
    spec = spec_from_config(TINY | {"model_type": "llama"})
    table, whole = RopeTable(spec.ropes), RopeTable(spec.ropes)
    at = np.arange(3000, dtype=np.int32)
    expected = whole.rows(at, at)[0]
    for part in (at[:1], at[:300], at[2000:2001], at):
        np.testing.assert_array_equal(table.rows(part, part)[0], expected[part])
    assert table.rows(at[:0], at[:0])[0].shape == (0, 2, 8)
