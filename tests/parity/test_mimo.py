"""MiMo-V2-Flash, beyond what every family is tested for: its first files' spelling, what they hold besides, and what
they cannot mean. And MiMo 7B, which is Qwen2."""

from __future__ import annotations

import json
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
from causerie.models.gguf.architecture import gguf_model
from causerie.models.registry import spec_from_config
from tests.parity.cases import PROMPT, Case
from tests.parity.harness import load, prompt_logits, some_tokens
from tests.parity.published import PUBLISHED
from tests.parity.test_gguf_heads import of_recipe

PARTS = ("q.weight", "k.weight", "v.weight")
FLASH = PUBLISHED["MiMo-V2-Flash"]
FolderOf = Callable[[Case | str], Path]


def test_the_first_spelling_means_what_transformers_makes_of_it() -> None:
    written = AutoConfig.for_model(**json.loads(json.dumps(FLASH))).to_dict()
    both = {"model_type", "num_hidden_layers", "num_attention_heads", "max_position_embeddings"}
    new = {key: value for key, value in written.items() if key not in FLASH or key in both}
    assert spec_from_config(new) == spec_from_config(FLASH)
    assert {"layer_types", "mlp_layer_types", "rope_parameters"} <= new.keys()


def test_lists_of_numbers_say_the_kinds_of_layers() -> None:
    changes = {"num_hidden_layers": 4, "hybrid_layer_pattern": [1, 0, 0, 1], "moe_layer_freq": [1, 0, 1, 0]}
    layers = spec_from_config(FLASH | changes).layers
    assert [layer.mixer.window for layer in layers] == [129, None, None, 129]
    assert [layer.mixer.sinks for layer in layers] == [True, False, False, True]
    assert [layer.mixer.kv_heads for layer in layers] == [8, 4, 4, 8]
    assert [layer.experts is not None for layer in layers] == [True, False, True, False]


@pytest.mark.parametrize(
    "changes",
    [
        {"hybrid_layer_pattern": [0, 1]},
        {"hybrid_layer_pattern": [2] * 48},
        {"moe_layer_freq": [0]},
        {"swa_num_key_value_heads": 7},
        {"swa_num_attention_heads": 32},
        {"swa_head_dim": 128},
        {"swa_v_head_dim": 64},
        {"sliding_window": 127},
        {"attention_chunk_size": 64},
        {"add_full_attention_sink_bias": True},
        {"add_swa_attention_sink_bias": False},
        {"scoring_func": "softmax"},
        {"topk_method": "greedy"},
        {"n_shared_experts": 1},
    ],
    ids=str,
)
def test_what_it_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(changes))):
        spec_from_config(FLASH | changes)


def test_layers_that_only_draft_are_left_in_the_files(backend: Backend, folder_of: FolderOf, tmp_path: Path) -> None:
    folder = folder_of("mimo")
    with SafetensorsIndex.open(folder) as index:
        tensors = {name: index.read(name) for name in index.names()}
    drafting = {name.replace("model.", "model.mtp.", 1): array for name, array in tensors.items() if ".0." in name}
    assert drafting
    shutil.copytree(folder, tmp_path / "more")
    write_safetensors(tmp_path / "more" / "model.safetensors", tensors | drafting)
    ids = some_tokens(PROMPT, 3)
    expected = prompt_logits(load(folder, backend), [ids])[0]
    np.testing.assert_array_equal(prompt_logits(load(tmp_path / "more", backend), [ids])[0], expected)


def test_mimo_7b_is_qwen2_with_a_head() -> None:
    values = {
        "architectures": ["MiMoForCausalLM"], "model_type": "mimo", "num_hidden_layers": 36, "hidden_size": 4096,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 11008,
        "vocab_size": 151680, "max_position_embeddings": 32768, "rope_theta": 640000, "rms_norm_eps": 1e-05,
        "hidden_act": "silu", "attention_bias": True, "attention_dropout": 0.0, "sliding_window": 32768,
        "max_window_layers": 32, "use_sliding_window": False, "use_mrope": False, "num_nextn_predict_layers": 1,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16", "transformers_version": "4.40.1", "use_cache": True,
    }  # fmt: skip
    spec = spec_from_config(values, draft_head=True)
    own = ("attention_bias", "use_mrope", "num_nextn_predict_layers")
    other = spec_from_config({key: each for key, each in values.items() if key not in own} | {"model_type": "qwen2"})
    assert spec.layers == other.layers and spec.draft_head is not None
    with pytest.raises(ConfigError, match="attention_bias"):
        spec_from_config(values | {"attention_bias": False})


def test_a_gguf_file_may_have_queries_keys_and_values_of_a_layer_in_one_tensor(tmp_path: Path) -> None:
    """As those of MiMo-V2.5 have them; it is the model that it is with three."""
    made = of_recipe("mimo2-head", tmp_path)
    fused: dict[str, np.ndarray] = {}
    for name, tensor in made.tensors.items():
        block, _, part = name.rpartition(".attn_")
        fused[f"{block}.attn_qkv.weight" if part in PARTS else name] = (
            np.concatenate([made.tensors[f"{block}.attn_{each}"] for each in PARTS]) if part in PARTS else tensor
        )
    assert len(fused) < len(made.tensors)
    write_safetensors(tmp_path / "apart", made.tensors)
    write_safetensors(tmp_path / "fused", fused)
    with SafetensorsIndex.open(tmp_path / "apart") as apart, SafetensorsIndex.open(tmp_path / "fused") as together:
        one, other = (gguf_model(made.recipe.metadata, index) for index in (apart, together))
        spec = spec_from_config(one.config, draft_head=True)
        assert spec == spec_from_config(other.config, draft_head=True) and spec.draft_head is not None
        weights = [*spec.weights(), *(each for i in range(spec.draft_head.count) for each in spec.head_weights(i))]
        for weight in weights:
            expected = one.names(spec).expression(weight.name).read(apart)
            np.testing.assert_array_equal(other.names(spec).expression(weight.name).read(together), expected)
