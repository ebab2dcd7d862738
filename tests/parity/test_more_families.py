"""Families whose published configs are not like others: the same model as transformers makes of them. What they cannot
mean is refused."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from causerie.errors import ConfigError
from causerie.models.registry import spec_from_config
from tests.parity.cases.experts import DBRX
from tests.parity.published import FILES
from tests.parity.published_more import LFM2_8B_A1B, SIZES

MODELS = [LFM2_8B_A1B, *(each for name, each in SIZES.items() if "its text model" not in name)]


@pytest.mark.parametrize("values", MODELS, ids=lambda values: values["model_type"])
def test_a_published_config_is_transformers_model(values: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spec = spec_from_config(values)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**json.loads(json.dumps(values))))
    biases = sum(bias.numel() for name, bias in model.named_buffers() if name.endswith("expert_bias"))
    assert spec.parameters == biases + sum(weight.numel() for weight in model.parameters())


def test_the_base_of_rotations_stands_in_a_part() -> None:
    (rope,) = spec_from_config(FILES["dbrx-instruct"]).ropes
    assert (rope.theta, rope.context) == (5e5, 32768)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("ffn_config", "moe_normalize_expert_weights", 2.0),
        ("ffn_config", "ffn_act_fn", {"name": "gelu"}),
        ("ffn_config", "hidden_size", 65),
        ("ffn_config", "uniform_expert_assignment", True),
        ("attn_config", "kv_n_heads", 3),
        ("attn_config", "sliding_window", 5),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(part: str, key: str, value: Any) -> None:
    config = DBRX | {"model_type": "dbrx", "vocab_size": 131}
    assert spec_from_config(config).family == "dbrx"
    with pytest.raises(ConfigError, match="name" if key == "ffn_act_fn" else "divided" if key == "kv_n_heads" else key):
        spec_from_config(config | {part: {**config[part], key: value}})
