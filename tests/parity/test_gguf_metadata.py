"""What is wrong with the metadata of a GGUF file is said with its key, its value and what was expected; what an
architecture does not read and what means arithmetic is refused, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import ConfigError, ConfigWarning, UnknownName, WeightFileError
from causerie.models.gguf.architecture import gguf_model
from causerie.models.gguf.metadata import Metadata

NOT_NEEDED = ("architecture", "head_count_kv", "feed_forward_length")  # by the architecture
LLAMA = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.context_length": 128,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 96,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
}
EMBEDDING = {"token_embd.weight": np.zeros((32, 64), np.float32)}
FACTORS = np.array([1, 1, 1.5, 2, 4, 8, 8, 8], np.float32)
GEMMA3 = {key.replace("llama", "gemma3"): value for key, value in LLAMA.items()} | {"general.architecture": "gemma3"}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[TensorIndex]:
    """Of a file with nothing but an embedding."""
    write_safetensors(tmp_path / "model.safetensors", EMBEDDING)
    with SafetensorsIndex.open(tmp_path / "model.safetensors") as opened:
        yield opened


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("block_count", 0, "'llama.block_count' = 0; it must be a whole number from 1 to 4096"),
        ("block_count", 10**9, "'llama.block_count' = 1000000000; it must be a whole number"),
        ("block_count", True, "'llama.block_count' = True; it must be a whole number"),
        ("context_length", "long", "'llama.context_length' = 'long'; it must be a whole number"),
        ("embedding_length", 2.0, "'llama.embedding_length' = 2.0; it must be a whole number"),
        ("embedding_length", 66, "'llama.embedding_length' = 66; it must be a multiple of 4"),
        ("attention.head_count", -4, "'llama.attention.head_count' = -4; it must be a whole number from 0"),
        (
            "attention.head_count",
            0,
            r"'llama.attention.head_count' = \[0, 0\]; it must be the same number, greater than 0",
        ),
        (
            "attention.head_count_kv",
            (2,),
            r"'llama.attention.head_count_kv' = \(2,\); it must be a whole number, or a list of 2",
        ),
        ("attention.head_count_kv", np.array([2, 4]), "must be the same number, greater than 0, in all layers"),
        ("attention.value_length", 8, "'llama.attention.value_length' = 8; it must be 16, as keys are long"),
        ("attention.layer_norm_rms_epsilon", float("nan"), "_epsilon' = nan; it must be a number of at least 0"),
        ("attention.layer_norm_rms_epsilon", "small", "_epsilon' = 'small'; it must be a number"),
        ("rope.freq_base", 0.5, "'llama.rope.freq_base' = 0.5; it must be a number of at least 1"),
        ("rope.dimension_count", 18, "'llama.rope.dimension_count' = 18; it must be a whole number from 1 to 16"),
        (
            "rope.scaling.type",
            "cubic",
            "'llama.rope.scaling.type' = 'cubic'; it must be none, linear, yarn, or longrope",
        ),
        ("rope.scaling.type", 3, "'llama.rope.scaling.type' = 3; it must be a string"),
        ("rope.scaling.attn_factor", 1.5, "'llama.rope.scaling.attn_factor' = 1.5; it must be 1 where nothing"),
        ("nextn_predict_layers", 2, "'llama.nextn_predict_layers' = 2; it must be less than the 2 layers"),
        ("expert_used_count", 3, "'llama.expert_used_count' = 3; it must be a whole number from 0 to 0"),
    ],
)
def test_a_wrong_value_is_said(index: TensorIndex, key: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        gguf_model(LLAMA | {f"llama.{key}": value}, index)


@pytest.mark.parametrize("key", [key for key in LLAMA if not key.endswith(NOT_NEEDED)])
def test_what_is_missing_is_said(index: TensorIndex, key: str) -> None:
    metadata = {name: value for name, value in LLAMA.items() if name != key}
    with pytest.raises(ConfigError, match=f"lacks '{key}', which a model of architecture 'llama' needs"):
        gguf_model(metadata, index)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"attention.head_count_kv": 3},
            "safetensors makes 'num_attention_heads' = 4 of 'llama.attention.head_count'; it must be a multiple of 3",
        ),
        (
            {"attention.key_length": 15, "attention.value_length": 15},
            "safetensors makes 'head_dim' = 15 of 'llama.attention.key_length'; it must be even",
        ),
        (
            {"rope.scaling.type": "yarn", "rope.scaling.factor": 0.5},
            "safetensors makes 'rope_parameters.factor' = 0.5 of 'llama.rope.scaling.factor'; it must be a number",
        ),
        (
            {"feed_forward_length": None},
            "needs 'intermediate_size' and .*model.safetensors lacks 'llama.feed_forward_length'",
        ),
    ],
)
def test_what_the_family_finds_wrong_is_said_of_the_file(
    index: TensorIndex, changes: dict[str, Any], said: str
) -> None:
    changed = LLAMA | {f"llama.{key}": value for key, value in changes.items()}
    with pytest.raises(ConfigError, match=said) as told:
        gguf_model({key: value for key, value in changed.items() if value is not None}, index)
    assert "config.json" not in str(told.value)


def test_all_that_is_not_done_here_is_said_at_once(index: TensorIndex) -> None:
    """What an architecture expects of a key, and what it does not know."""
    metadata = Metadata({"general.architecture": "llama", "llama.a": 1, "llama.b": 2, "llama.expert_count": 3}, index)
    metadata.expect("a", 0)
    metadata.expect("b", 0, 3)
    said = r"'llama.a' = 1 \(only 0 is done here\), 'llama.b' = 2 \(only 0 or 3 is .*\), 'llama.expert_count' = 3\. Ans"
    with pytest.raises(ConfigError, match=f"model.safetensors asks for what architecture 'llama'.*: {said}"):
        metadata.finish()


def test_all_heads_have_keys_where_nothing_is_said(index: TensorIndex) -> None:
    metadata = {name: value for name, value in LLAMA.items() if not name.endswith("head_count_kv")}
    assert gguf_model(metadata, index).config["num_key_value_heads"] == 4


def test_an_unknown_architecture(index: TensorIndex) -> None:
    with pytest.raises(UnknownName, match=r"'qwen33'\. Known, nearest first: qwen3, qwen35"):
        gguf_model({"general.architecture": "qwen33"}, index)
    for value in (None, 7, ""):
        with pytest.raises(ConfigError, match=f"'general.architecture' = {value!r}; it must name an architecture"):
            gguf_model({"general.architecture": value}, index)


def test_no_architecture_is_read_from_elsewhere(index: TensorIndex) -> None:
    for name in ("../llama", "architecture", "os", "llama.py", "archs.llama", "__init__", "phi-3"):
        with pytest.raises(UnknownName):
            gguf_model({"general.architecture": name}, index)


def test_arithmetic_that_is_not_read_is_refused(index: TensorIndex) -> None:
    asked = {"llama.attention.sliding_window": 4096, "llama.attn_logit_softcapping": 50.0, "llama.ssm.group_count": 2}
    with pytest.raises(ConfigError, match="does not do here") as refused:
        gguf_model(LLAMA | asked, index)
    assert all(f"{key!r} = {value}" in str(refused.value) for key, value in asked.items())
    off = {"llama.attention.sliding_window": 0, "llama.attn_logit_softcapping": 0.0, "llama.attention.causal": True}
    gguf_model(LLAMA | off | {"llama.logit_scale": 1.0, "llama.rope.scaling.type": "none"}, index)
    with pytest.raises(ConfigError, match=r"'llama\.attention\.causal' = False"):
        gguf_model(LLAMA | {"llama.attention.causal": False}, index)


def test_other_keys_are_told_or_passed_over(index: TensorIndex) -> None:
    gguf_model(LLAMA | {"llama.vocab_size": 32, "gemma.block_count": 3, "general.name": "x", "split.count": 0}, index)
    with pytest.warns(ConfigWarning, match="does not read: 'llama.favourite_colour' = 'blue'"):
        gguf_model(LLAMA | {"llama.favourite_colour": "blue"}, index)


def test_numbers_are_the_shortest_that_float32_has(index: TensorIndex) -> None:
    config = gguf_model(LLAMA | {"llama.attention.layer_norm_rms_epsilon": float(np.float32(1e-6))}, index).config
    assert config["rms_norm_eps"] == 1e-6


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        (FACTORS[:7], r"'rope_freqs.weight' is F32 \(7,\); it must be 8 numbers of F32"),
        (FACTORS.astype(np.float16), r"'rope_freqs.weight' is F16 \(8,\); it must be 8 numbers of F32"),
        (FACTORS - 1, "'rope_freqs.weight' must hold numbers greater than 0"),
        (FACTORS * np.float32("inf"), "'rope_freqs.weight' must hold numbers greater than 0"),
        (None, ""),
    ],
)
def test_factors_of_rotations(tmp_path: Path, factors: Any, said: str) -> None:
    own = FACTORS if factors is None else factors
    write_safetensors(tmp_path / "model.safetensors", {**EMBEDDING, "rope_freqs.weight": own})
    with SafetensorsIndex.open(tmp_path / "model.safetensors") as index:
        if factors is None:
            model = gguf_model(LLAMA, index)
            assert model.config["rope_parameters"]["short_factor"] == FACTORS.tolist()
            assert model.continued == {"rope_freqs.weight"}
        else:
            with pytest.raises(ConfigError, match=said):
                gguf_model(LLAMA, index)


def test_a_file_without_an_embedding(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", {"output.weight": EMBEDDING["token_embd.weight"]})
    with (
        SafetensorsIndex.open(tmp_path / "model.safetensors") as index,
        pytest.raises(WeightFileError, match=r"token_embd\.weight"),
    ):
        gguf_model(LLAMA, index)


def test_layers_that_slide_are_those_of_the_file_or_of_the_family(index: TensorIndex) -> None:
    windows = {"gemma3.attention.sliding_window": 8, "gemma3.block_count": 6}
    kinds = gguf_model(GEMMA3 | windows, index).config["layer_types"]
    assert kinds == ["sliding_attention"] * 5 + ["full_attention"]
    kinds = gguf_model(GEMMA3 | windows | {"gemma3.attention.sliding_window_pattern": 2}, index).config["layer_types"]
    assert kinds == ["sliding_attention", "full_attention"] * 3
    listed = {"gemma3.attention.sliding_window_pattern": np.array([False, True, True, True, True, False])}
    assert gguf_model(GEMMA3 | windows | listed, index).config["layer_types"][::5] == ["full_attention"] * 2
    with pytest.raises(ConfigError, match="a list of 6, each true or false"):
        gguf_model(GEMMA3 | windows | {"gemma3.attention.sliding_window_pattern": (True, False)}, index)
    assert gguf_model(GEMMA3, index).config["sliding_window"] is None
