"""Gemma 4: layers that read the keys and values of others keep nothing and need not have their own in a file; heads are
said in two spellings; what cannot be is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoConfig

from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import ConfigError
from causerie.models.registry import spec_from_config
from causerie.plan.footprint import cache_cost
from causerie.plan.speed import active_bytes
from causerie.spec.layer_cache import Pages
from tests.parity.cases import PROMPT, TINY
from tests.parity.cases.gemma import EXPERTS, GEMMA4, GIVEN, KEYS_AS_VALUES, SHARING, UNIFIED
from tests.parity.harness import load, prompt_logits, some_tokens

FolderOf = Callable[[str], Path]
CONFIG = {key: value for key, value in TINY.items() if value is not None} | GEMMA4 | {"model_type": "gemma4_text"}


def test_layers_that_read_those_of_others_keep_nothing() -> None:
    spec = spec_from_config(CONFIG | SHARING)
    kept = [layer.mixer.cache for layer in spec.layers]
    assert [each.of for each in kept if isinstance(each, Pages)] == [None, None, None, 1, 2, 1]
    assert [(group.window, group.layers) for group in spec.page_groups] == [(None, (1,)), (7, (0, 2))]
    key_and_value = 2 * 4  # bytes of one element of both in float32
    assert cache_cost(spec, "float32").groups == ((None, 2 * 24 * key_and_value), (7, 2 * 2 * 16 * key_and_value))
    names = {weight.name for weight in spec.weights()}
    assert "layers.2.mixer.k" in names and not names & {f"layers.3.mixer.{name}" for name in ("k", "v", "k_norm")}


def test_tables_of_which_a_row_is_read_are_not_counted_as_read() -> None:
    spec = spec_from_config(CONFIG | SHARING | GIVEN)
    table = 131 * 6 * 32 * 4
    assert active_bytes(spec, 10**6, "float32") == 10**6 - table
    untied = spec_from_config(CONFIG | SHARING | GIVEN | {"tie_word_embeddings": False})
    assert active_bytes(untied, 10**6, "float32") == 10**6 - table - 131 * 64 * 4
    assert active_bytes(spec_from_config(CONFIG), 10**6, "float32") == 10**6


def test_files_may_hold_keys_and_values_that_nobody_reads(
    backend: Backend, folder_of: FolderOf, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(folder_of("gemma4"), folder)
    with SafetensorsIndex.open(folder) as index:
        tensors = {name: index.read(name) for name in index.names()}
    for name in ("k_proj", "v_proj", "k_norm"):
        for i in (3, 4, 5):
            source = tensors[f"model.layers.{i - 2}.self_attn.{name}.weight"]
            tensors[f"model.layers.{i}.self_attn.{name}.weight"] = np.full_like(source, np.nan)
    write_safetensors(folder / "model.safetensors", tensors)
    prompt = some_tokens(PROMPT, 1)
    found, expected = (prompt_logits(load(each, backend), [prompt])[0] for each in (folder, folder_of("gemma4")))
    np.testing.assert_array_equal(found, expected)


def test_numbers_of_layers_may_begin_with_zeros() -> None:
    kinds = ["sliding_attention", "full_attention"] * 6
    config = CONFIG | {"num_hidden_layers": 12, "layer_types": kinds}
    written = AutoConfig.for_model(**config).to_dict()
    assert "01" in written["per_layer_config"]
    written = {key: value for key, value in written.items() if value is not None}
    assert spec_from_config(written) == spec_from_config(config)
    with pytest.raises(ConfigError, match=r"per_layer_config.*numbers of layers"):
        spec_from_config(config | {"per_layer_config": {"first": {"head_dim": 24}}})


def _written(config: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """As transformers writes it: what global layers have in an object for each layer."""
    own = {"head_dim": 24} | ({"num_key_value_heads": 1} if config.get("attention_k_eq_v") else {})
    rest = {key: value for key, value in config.items() if "global" not in key}
    return rest | {"per_layer_config": {"1": own, "3": own} | changes}


@pytest.mark.parametrize(
    "config", [CONFIG, CONFIG | KEYS_AS_VALUES, CONFIG | EXPERTS], ids=["plain", "equal", "experts"]
)
def test_both_spellings_of_heads_are_one_model(config: dict[str, Any]) -> None:
    spec = spec_from_config(config)
    assert spec_from_config(_written(config)) == spec
    heads = [(mixer.head_dim, mixer.kv_heads) for mixer in spec.attentions]
    assert heads == [(16, 2), (24, 1 if "attention_k_eq_v" in config else 2)] * 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_kv_shared_layers": 3}, "num_kv_shared_layers"),
        ({"num_kv_shared_layers": 4}, "num_kv_shared_layers"),
        ({"use_bidirectional_attention": "all"}, "use_bidirectional_attention"),
        ({"hidden_size_per_layer_input": 32, "vocab_size_per_layer_input": 130}, "vocab_size_per_layer_input"),
        ({"per_layer_config": {"1": {"head_dim": 24}}}, "per_layer_config"),
        ({"per_layer_config": {"1": {"head_dim": 24}, "3": {"head_dim": 32}}}, "per_layer_config"),
        ({"per_layer_config": {"1": {"head_dim": 24, "sliding_window": 3}, "3": {"head_dim": 24}}}, "sliding_window"),
        (
            {"rope_parameters": {"full_attention": {"rope_type": "proportional", "partial_rotary_factor": 1.5}}},
            "factor",
        ),
        ({"rope_parameters": {"full_attention": {"rope_type": "default", "partial_rotary_factor": 0.5}}}, "factor"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        spec_from_config(CONFIG | changes)


@pytest.mark.parametrize("changes", [{"hidden_size_per_layer_input": 32}, {"enable_moe_block": True}], ids=str)
def test_what_the_unified_model_lacks_is_refused(changes: dict[str, Any]) -> None:
    config = {key: value for key, value in CONFIG.items() if key not in GEMMA4} | UNIFIED
    config |= {"model_type": "gemma4_unified_text"}
    assert spec_from_config(config).layer_input is None
    with pytest.raises(ConfigError, match=next(iter(changes))):
        spec_from_config(config | changes)


def test_the_last_layer_sees_everything() -> None:
    mixers = list(spec_from_config(CONFIG | {"layer_types": ["full_attention", *["sliding_attention"] * 3]}).attentions)
    assert [(mixer.window, mixer.scale) for mixer in mixers] == [(None, 1.0), (7, 1.0), (7, 1.0), (None, 1.0)]
