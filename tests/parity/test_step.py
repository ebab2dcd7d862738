"""Step 3.5 and 3.7, beyond what every family is tested for: configs as they are published, the arrangements of files,
what they hold besides, and what they cannot mean."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig

from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import ConfigError
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config
from causerie.spec.experts import Experts
from causerie.spec.mlp import MLP, Gating, LimitedSwish
from tests.parity.cases import PROMPT
from tests.parity.cases.pictures import MODELS
from tests.parity.harness import load, plain_tokens, prompt_logits
from tests.parity.published_step import STEP_3_5_FLASH, STEP_3_7_FLASH
from tests.parity.wholes import whole_of

PICTURES = next(each for each in MODELS if each.name == "step3p7")
IDS = plain_tokens(PROMPT, 3)
OTHER = {  # than the first one: nothing slides, everything has a bias, nothing is limited
    "attention_bias": True,
    "mlp_bias": True,
    "layer_types": None,
    "num_sliding_attention_heads": None,
    "mlp_layer_types": ["sparse", "dense", "sparse", "dense", "sparse"],
    "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 2500.0}},
    "swiglu_limits": None,
    "swiglu_limits_shared": [0.0, 0.3, 0.2, 0.0, 0.0],
    "query_pre_attn_scalar": None,
}

pytestmark = pytest.mark.filterwarnings("ignore:.*(visual|vision|projector).*left out:UserWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("step")
    whole_of(PICTURES).save_pretrained(target)
    return target


@pytest.mark.parametrize("values", [STEP_3_5_FLASH, STEP_3_7_FLASH], ids=lambda values: values["model_type"])
def test_a_published_config_is_transformers_model(values: dict[str, Any]) -> None:
    from transformers import Step3p7TextModel

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spec = spec_from_config(json.loads(json.dumps(values)))
    config = AutoConfig.for_model(**json.loads(json.dumps(STEP_3_5_FLASH)))
    with torch.device("meta"):
        model = Step3p7TextModel(config)
    biases = sum(bias.numel() for name, bias in model.named_buffers() if name.endswith("correction_bias"))
    head = spec.vocab * spec.width
    assert spec.parameters == head + biases + sum(weight.numel() for weight in model.parameters())
    assert spec.drafting_layers == 3 and spec.context == config.max_position_embeddings
    for layer, ours in zip(model.layers, spec.layers, strict=True):
        own = layer.self_attn
        assert (ours.mixer.heads, ours.mixer.scale) == (own.num_heads, pytest.approx(own.scaling))
        assert ours.mixer.window == own.sliding_window
        sparse = isinstance(ours.ffn, Experts)
        assert _limit(ours.ffn.act) == (layer.mlp.experts if sparse else layer.mlp).limit
        assert not sparse or _limit(ours.ffn.shared.mlp.act) == layer.mlp.shared_experts.limit


def _limit(act: Gating) -> float:
    return act.limit if isinstance(act, LimitedSwish) else float("inf")


def test_the_first_spelling_means_what_transformers_makes_of_it() -> None:
    written = AutoConfig.for_model(**json.loads(json.dumps(STEP_3_5_FLASH))).to_dict()
    both = {"model_type", "num_hidden_layers", "num_attention_heads", "max_position_embeddings", "layer_types"}
    both |= {"sliding_window", "hidden_size", "intermediate_size", "vocab_size", "moe_router_scaling_factor"}
    new = {key: value for key, value in written.items() if key not in STEP_3_5_FLASH or key in both}
    for key in ("swiglu_limits", "swiglu_limits_shared"):
        new[key] = written[key]
    assert "01" in new["per_layer_config"]
    assert replace(spec_from_config(STEP_3_5_FLASH), drafting_layers=0) == spec_from_config(new)
    assert {"mlp_layer_types", "rope_parameters", "num_sliding_attention_heads"} <= new.keys()


def test_layers_with_experts_are_said_in_three_ways() -> None:
    def sparse(**changes: Any) -> list[int]:
        values = STEP_3_5_FLASH | changes
        layers = spec_from_config({key: value for key, value in values.items() if value is not None}).layers
        return [i for i, layer in enumerate(layers) if not isinstance(layer.ffn, MLP)]

    assert sparse(moe_layers_enum=None) == list(range(3, 45))
    assert sparse(moe_layers_enum=[1, 4, 46]) == sparse(moe_layers_enum="1, 4,46") == [1, 4]
    assert sparse(mlp_layer_types=["dense"] * 44 + ["sparse"] * 4) == [44]


def test_other_layers(backend: Backend, tmp_path: Path) -> None:
    whole = whole_of(replace(PICTURES, text=PICTURES.text | OTHER))
    whole.save_pretrained(tmp_path / "other")
    with torch.no_grad():
        expected = whole(torch.tensor([IDS])).logits[0].numpy()
    np.testing.assert_allclose(prompt_logits(load(tmp_path / "other", backend), [IDS])[0], expected, atol=1e-4)


def test_files_as_transformers_holds_weights_are_the_same_model(backend: Backend, folder: Path, tmp_path: Path) -> None:
    whole_of(PICTURES).save_pretrained(tmp_path / "held", save_original_format=False)
    with SafetensorsIndex.open(tmp_path / "held") as index:
        assert "model.language_model.layers.3.mlp.experts.gate_up_proj" in index.names()
    models = (load(each, backend) for each in (folder, tmp_path / "held"))
    ours, held = (prompt_logits(model, [IDS])[0] for model in models)
    np.testing.assert_array_equal(held, ours)


def test_layers_that_only_draft_are_left_in_the_files(backend: Backend, folder: Path, tmp_path: Path) -> None:
    with SafetensorsIndex.open(folder) as index:
        tensors = {name: index.read(name) for name in index.names()}
    more = {name.replace("s.4.", f"s.{i}.", 1): tensors[name] for name in tensors for i in (5, 6) if "s.4." in name}
    more["model.layers.5.enorm.weight"] = tensors["model.norm.weight"]
    shutil.copytree(folder, tmp_path / "more")
    write_safetensors(tmp_path / "more" / "model.safetensors", tensors | more)
    config = read_config(folder)
    lists = {"layer_types": ["sliding_attention"] * 2, "mlp_layer_types": ["sparse"] * 2, "swiglu_limits": [0.0, 0.0]}
    for key, behind in lists.items():
        config["text_config"][key] += behind
    config["text_config"]["num_nextn_predict_layers"] = 2
    expected = prompt_logits(load(folder, backend), [IDS])[0]
    drafting = load(tmp_path / "more", backend, config=config)
    np.testing.assert_array_equal(prompt_logits(drafting, [IDS])[0], expected)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rope_theta": [1e4, 2e4] * 24}, "rope_theta.*all layers of a kind"),
        ({"partial_rotary_factors": [0.5] * 44}, "partial_rotary_factors.*45 numbers"),
        ({"partial_rotary_factors": [0.305] * 48}, "partial_rotary_factors.*even part"),
        ({"swiglu_limits": [1.0]}, "swiglu_limits.*45 numbers"),
        ({"swiglu_limits_shared": [-1.0] * 48}, "swiglu_limits_shared"),
        ({"moe_layers_enum": "3,four"}, "moe_layers_enum.*commas"),
        ({"attention_other_setting": {"num_attention_heads": 97}}, "num_sliding_attention_heads.*multiple of 8"),
        ({"attention_other_setting": {"num_attention_groups": 4}}, "num_attention_groups"),
        ({"attention_other_setting": {"head_dim": 64}}, "head_dim"),
        ({"per_layer_config": {"1": {"num_attention_heads": 64}}}, "per_layer_config"),
        ({"sliding_window": None}, "sliding_window"),
        ({"gating": "per-element"}, "gating"),
        ({"max_seq_len": 4096}, "max_seq_len"),
        ({"use_rope_layers": [0]}, "use_rope_layers"),
        ({"yarn_only_types": ["sliding_attention"]}, "yarn_only_types"),
        ({"sink": True}, "sink"),
        ({"use_moe_router_bias": False}, "use_moe_router_bias"),
        ({"moe_router_activation": "softmax"}, "moe_router_activation"),
        ({"num_key_value_heads": 4}, "num_attention_groups"),
    ],
    ids=str,
)
def test_what_it_cannot_be_is_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        spec_from_config(STEP_3_5_FLASH | changes)
