"""Mamba, Mamba-2 and the families made of them, beyond what every family is tested for: steps that are held within
limits, other names of the same, published configs, what is kept and what is refused."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from causerie.backends.native.backend import NativeBackend
from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.errors import ConfigError
from causerie.loading.load import survey
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config
from causerie.quant.config import QuantConfig
from causerie.spec.cost import PartCost
from causerie.spec.decoder import Decoder
from causerie.spec.layer_cache import Slot
from causerie.spec.mamba2 import Mamba2
from causerie.spec.mlp import NOTHING
from tests.parity.cases import CASES, PROMPT, Case
from tests.parity.harness import load, prompt_logits, reference, reference_logits, some_tokens
from tests.parity.published_mamba import PUBLISHED_MAMBA

FolderOf = Callable[[Case | str], Path]
IDS = some_tokens(PROMPT, 3)
BY_NAME = {case.name: case for case in CASES}


def values(name: str) -> dict[str, Any]:
    """What transformers writes of a case."""
    case = BY_NAME[name]
    return dict(AutoConfig.for_model(case.family, **case.values).to_dict())


@pytest.mark.parametrize("name", PUBLISHED_MAMBA)
def test_a_published_config_is_transformers_model(name: str) -> None:
    published = PUBLISHED_MAMBA[name]
    strange = {"fused_add_norm", "pad_vocab_size_multiple", "rms_norm"} & published.keys()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        spec = spec_from_config(json.loads(json.dumps(published)))
    assert len(told) == bool(strange) and all(key in str(told[0].message) for key in strange)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**published))
    assert len(spec.layers) == published["num_hidden_layers"]
    biases = sum(each.numel() for name, each in model.named_buffers() if name.endswith("correction_bias"))
    weights = {id(weight): weight.numel() for weight in model.parameters()}
    assert spec.parameters == biases + sum(weights.values())


@pytest.mark.parametrize("said", [[0.3, 0.9], [0.6, {"__float__": "Infinity"}]], ids=str)
def test_steps_are_held_within_limits(said: list[Any], folder_of: FolderOf, backend: Backend) -> None:
    folder = folder_of(replace(BY_NAME["mamba2"], name=f"mamba2 {said}"))
    config = read_config(folder) | {"time_step_limit": said}
    judge = reference(folder)
    for layer in judge.backbone.layers:
        layer.mixer.time_step_limit = (said[0], said[1] if isinstance(said[1], float) else inf)
    expected = reference_logits(judge, IDS)
    for chunk in (None, 1):  # transformers does not look at them when it reads one token
        found = prompt_logits(load(folder, backend, config=config), [IDS], chunk)[0]
        np.testing.assert_allclose(found, expected, atol=1e-4)
    plain = prompt_logits(load(folder, backend), [IDS])[0]
    assert np.abs(plain - expected).max() > 0.01


@pytest.mark.parametrize("said", [None, [0, inf], [0.0, {"__float__": "Infinity"}]], ids=str)
def test_no_limits_are_said_in_several_ways(said: Any) -> None:
    plain = values("mamba2")
    without = {key: value for key, value in plain.items() if key != "time_step_limit"}
    assert spec_from_config(without) == spec_from_config(plain | {"time_step_limit": said}) == spec_from_config(plain)


def test_the_least_step_of_nemotron_has_a_name_of_its_own(folder_of: FolderOf, backend: Backend) -> None:
    folder = folder_of("nemotron-h")
    judge = reference(folder)
    for layer in judge.model.layers:
        if layer.block_type == "linear_attention":
            layer.mixer.time_step_limit = (0.8, inf)
    config = read_config(folder) | {"time_step_min": 0.8}
    found = prompt_logits(load(folder, backend, config=config), [IDS])[0]
    np.testing.assert_allclose(found, reference_logits(judge, IDS), atol=1e-4)


def test_layers_are_called_in_several_ways() -> None:
    plain = values("nemotron-h")
    words = plain.pop("layers_block_type")
    older = [{"linear_attention": "mamba", "full_attention": "attention"}.get(word, word) for word in words]
    expected = spec_from_config(plain | {"layers_block_type": words})
    for said in ({"hybrid_override_pattern": "M-*EM"}, {"layers_block_type": older}, {"layer_types": words}):
        assert spec_from_config(plain | said | {"num_hidden_layers": 5}) == expected
    assert [(layer.mixer is None, layer.ffn == NOTHING) for layer in expected.layers[:2]] == [
        (False, True),
        (True, False),
    ]
    hybrid = values("granite hybrid")
    kinds = hybrid.pop("layer_types")
    for key in ("layer_types", "layers_block_type"):
        said = {key: ["mamba" if kind == "linear_attention" else "attention" for kind in kinds]}
        assert spec_from_config(hybrid | said) == spec_from_config(hybrid | {"layer_types": kinds})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mamba2", {"n_groups": 3}),
        ("mamba2", {"num_heads": 3}),
        ("mamba2", {"hidden_act": "gelu"}),
        ("mamba2", {"conv_kernel": 1}),
        ("mamba2", {"time_step_limit": [0.2]}),
        ("mamba2", {"time_step_limit": [0.2, 0.1]}),
        ("mamba2", {"time_step_limit": [0.2, "inf"]}),
        ("mamba2", {"time_step_limit": [True, 1.0]}),
        ("mamba", {"state_size": 257}),
        ("mamba", {"intermediate_size": 64}),
        ("mamba", {"hidden_act": "relu"}),
        ("granite hybrid", {"position_embedding_type": "alibi"}),
        ("granite hybrid", {"layer_types": ["linear_attention"] * 3}),
        ("granite hybrid", {"layer_types": ["conv"] * 4}),
        ("granite hybrid", {"normalization_function": "layernorm"}),
        ("nemotron-h", {"layers_block_type": ["mlp", "linear"]}),
        ("nemotron-h", {"layers_block_type": None, "hybrid_override_pattern": "M?"}),
        ("nemotron-h", {"layers_block_type": None, "hybrid_override_pattern": ""}),
        ("nemotron-h", {"num_hidden_layers": 6}),
        ("nemotron-h", {"mlp_hidden_act": "silu"}),
        ("nemotron-h", {"attention_bias": True}),
        ("nemotron-h", {"tie_word_embeddings": True}),
        ("nemotron-h", {"num_key_value_heads": 3}),
        ("nemotron-h", {"moe_latent_size": 8, "mlp_bias": True}),
        ("falcon-h1", {"mamba_d_head": 5}),
        ("falcon-h1", {"attention_bias": True}),
        ("falcon-h1", {"mamba_proj_bias": True}),
        ("falcon-h1", {"mamba_use_mlp": False}),
        ("bamba", {"attn_layer_indices": [4]}),
    ],
    ids=str,
)
def test_what_would_be_another_model_is_refused(name: str, said: dict[str, Any]) -> None:
    culprit = {"mamba_d_head": "mamba_n_heads", "moe_latent_size": "mlp_bias"}.get(next(iter(said)), next(iter(said)))
    if culprit == "layers_block_type" and said[culprit] is None:
        culprit = "hybrid_override_pattern"
    with pytest.raises(ConfigError, match=culprit):
        spec_from_config(values(name) | said)


def test_what_they_keep_and_cost() -> None:
    (mixer,) = {layer.mixer for layer in spec_from_config(values("mamba2")).layers}
    assert isinstance(mixer, Mamba2)
    channels = 128 + 2 * 2 * 24
    assert mixer.cache == Slot(3 * channels + 128 * 24)
    assert mixer.cost(64) == PartCost((2 * 128 + channels + 4) * 64 + 4 * channels + 3 * 128 * 24)
    (mixer,) = {layer.mixer for layer in spec_from_config(values("mamba")).layers}
    assert mixer is not None and mixer.cache == Slot(3 * 128 + 12 * 128)
    assert mixer.cost(64) == PartCost((3 * 64 + 2 * 4 + 5 * 12) * 128 + 4 * 128)
    both = spec_from_config(values("falcon-h1"))
    assert both.slot_layers == both.page_groups[0].layers == (0, 1, 2)
    alone = spec_from_config(values("nemotron-h"))
    assert (alone.slot_layers, [group.layers for group in alone.page_groups]) == ((0, 4), [(2,)])


@pytest.mark.parametrize("name", ["mamba", "mamba2"])
def test_what_says_how_fast_they_forget_is_not_quantized(name: str, folder_of: FolderOf) -> None:
    folder = folder_of(name)
    with SafetensorsIndex.open(folder) as index:
        formats = survey(index, read_config(folder), quantization=QuantConfig.named("int8"), dtype="bfloat16").formats
    assert formats["layers.0.mixer.in"] == formats["layers.0.mixer.out"] == "int8"
    assert formats["layers.0.mixer.step"] == formats["layers.0.mixer.conv"] == "bfloat16"
    assert formats["layers.0.mixer.shrinking"] == "float32"


@pytest.mark.parametrize(
    ("name", "theirs", "ours"),
    [
        ("mamba", "backbone.embeddings.", "backbone.embedding."),
        ("mamba2", "backbone.embeddings.", "backbone.embedding."),
        ("nemotron-h", "backbone.", "model."),
        ("granite hybrid", ".block_sparse_moe.input_linear.weight", ".block_sparse_moe.experts.gate_up_proj"),
    ],
)
def test_tensors_have_other_names_as_well(
    name: str, theirs: str, ours: str, folder_of: FolderOf, tmp_path: Path
) -> None:
    folder = folder_of(name)
    tensors = load_file(folder / "model.safetensors")
    assert any(theirs in tensor for tensor in tensors)
    renamed = {tensor.replace(theirs, ours): array for tensor, array in tensors.items()}
    if "block_sparse" in theirs:  # transformers' own names for all three
        pairs = ((".output_linear.weight", ".experts.down_proj"), (".router.layer.weight", ".router.weight"))
        for before, after in pairs:
            renamed = {
                tensor.replace(before, after) if "sparse" in tensor else tensor: a for tensor, a in renamed.items()
            }
    save_file(renamed, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    expected = prompt_logits(load(folder, NativeBackend(1)), [IDS])[0]
    np.testing.assert_array_equal(prompt_logits(load(tmp_path, NativeBackend(1)), [IDS])[0], expected)


def test_a_prompt_longer_than_a_chunk_of_the_specification(folder_of: FolderOf, backend: Backend) -> None:
    """Of 64 positions, in plain torch; and of the rows that the kernel takes together."""
    ids = some_tokens(150, 7)
    model = load(folder_of("mamba2"), backend)
    np.testing.assert_allclose(
        prompt_logits(model, [ids])[0], reference_logits(reference(folder_of("mamba2")), ids), atol=2e-4
    )


def test_of_unlike_layers_each_has_its_weights() -> None:
    spec: Decoder = spec_from_config(values("nemotron-h"))
    names = {weight.name for weight in spec.weights()}
    assert {"layers.0.mixer_norm", "layers.1.ffn_norm", "layers.3.ffn.experts.5.up", "layers.2.mixer.q"} <= names
    assert not {"layers.0.ffn_norm", "layers.1.mixer_norm", "layers.3.ffn.experts.0.gate"} & names
