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

LFM2_8B_A1B: dict[str, Any] = {
    "architectures": ["Lfm2MoeForCausalLM"], "bos_token_id": 1, "conv_L_cache": 3, "conv_bias": False,
    "dtype": "bfloat16", "eos_token_id": 7, "hidden_size": 2048, "initializer_range": 0.02,
    "intermediate_size": 7168, "max_position_embeddings": 128000, "model_type": "lfm2_moe",
    "moe_intermediate_size": 1792, "norm_eps": 1e-05, "norm_topk_prob": True, "num_attention_heads": 32,
    "num_dense_layers": 2, "num_experts": 32, "num_experts_per_tok": 4, "num_hidden_layers": 24,
    "num_key_value_heads": 8, "pad_token_id": 0, "rope_theta": 1000000.0, "routed_scaling_factor": 1.0,
    "transformers_version": "4.57.0.dev0", "use_cache": True, "use_expert_bias": True, "vocab_size": 65536,
    "layer_types": ["full_attention" if i in (2, 6, 10, 14, 18, 21) else "conv" for i in range(24)],
}  # fmt: skip
DBRX_INSTRUCT: dict[str, Any] = {
    "architectures": ["DbrxForCausalLM"], "d_model": 6144, "emb_pdrop": 0.0, "initializer_range": 0.02,
    "attn_config": {"clip_qkv": 8, "kv_n_heads": 8, "model_type": "", "rope_theta": 500000},
    "ffn_config": {
        "ffn_hidden_size": 10752, "model_type": "", "moe_jitter_eps": 0.01, "moe_loss_weight": 0.05,
        "moe_num_experts": 16, "moe_top_k": 4,
    },
    "max_seq_len": 32768, "model_type": "dbrx", "n_heads": 48, "n_layers": 40, "output_router_logits": False,
    "resid_pdrop": 0.0, "router_aux_loss_coef": 0.05, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    "transformers_version": "4.38.1", "use_cache": True, "vocab_size": 100352,
}  # fmt: skip


@pytest.mark.parametrize("values", [LFM2_8B_A1B, DBRX_INSTRUCT], ids=["lfm2_moe", "dbrx"])
def test_a_published_config_is_transformers_model(values: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spec = spec_from_config(values)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**json.loads(json.dumps(values))))
    biases = sum(bias.numel() for name, bias in model.named_buffers() if name.endswith("expert_bias"))
    assert spec.parameters == biases + sum(weight.numel() for weight in model.parameters())


def test_the_base_of_rotations_stands_in_a_part() -> None:
    (rope,) = spec_from_config(DBRX_INSTRUCT).ropes
    assert (rope.theta, rope.context) == (5e5, 32768)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("ffn_config", "moe_normalize_expert_weights", 2.0),
        ("ffn_config", "ffn_act_fn", {"name": "gelu"}),
        ("ffn_config", "hidden_size", 65),
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
