"""No key of a config is decoration: with the same weights, another value gives other logits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie.backends.ops import Backend
from causerie.models.config import read_config
from tests.parity.configs import PROMPT
from tests.parity.harness import load, prompt_logits, some_tokens

LLAMA3, YARN, BETAS = "llama, llama3 rope", "llama, yarn rope", "llama, yarn with betas"
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("llama", {"rms_norm_eps": 0.1}),
    ("llama", {"hidden_act": "gelu"}),
    ("llama, gelu", {"hidden_act": "gelu_pytorch_tanh"}),
    ("llama", {"rope_parameters.rope_theta": 5000.0}),
    ("llama, linear rope", {"rope_parameters.factor": 2.0}),
    ("llama, dynamic rope", {"rope_parameters.factor": 3.0}),
    ("llama, dynamic rope", {"max_position_embeddings": 30}),
    (LLAMA3, {"rope_parameters.factor": 4.0}),
    (LLAMA3, {"rope_parameters.low_freq_factor": 2.0}),
    (LLAMA3, {"rope_parameters.high_freq_factor": 8.0}),
    (LLAMA3, {"rope_parameters.original_max_position_embeddings": 64}),
    (YARN, {"rope_parameters.factor": 3.0}),
    (YARN, {"rope_parameters.original_max_position_embeddings": 100}),
    (YARN, {"rope_parameters.attention_factor": 1.0}),
    (BETAS, {"rope_parameters.beta_fast": 1.5}),
    (BETAS, {"rope_parameters.beta_slow": 2.0}),
    (BETAS, {"rope_parameters.truncate": True}),
    ("llama, yarn with mscale", {"rope_parameters.mscale": 1.0}),
    ("llama, yarn with mscale", {"rope_parameters.mscale_all_dim": 1.0}),
    ("phi3, window and uneven heads", {"sliding_window": 8}),
    ("phi3, half of each head turns", {"rope_parameters.partial_rotary_factor": 1.0}),
    ("phi3, long texts", {"original_max_position_embeddings": 64}),
    ("phi3, long texts", {"max_position_embeddings": 256}),
    ("phi3, long texts, all short", {"rope_parameters.short_factor": [1.0] * 6}),
    ("phi3, long texts", {"rope_parameters.long_factor": [9.0] * 6}),
    ("phi3, long texts with a factor for scores", {"rope_parameters.attention_factor": 1.0}),
    ("gemma", {"head_dim": 24, "hidden_act": "silu"}),
    ("gemma", {"rms_norm_eps": 0.1}),
    ("gemma2", {"attn_logit_softcapping": 1.0}),
    ("gemma2", {"attn_logit_softcapping": None}),
    ("gemma2", {"final_logit_softcapping": 5.0}),
    ("gemma2", {"final_logit_softcapping": None}),
    ("gemma2", {"query_pre_attn_scalar": 30}),
    ("gemma2", {"sliding_window": 8}),
    ("gemma2", {"layer_types": ["full_attention", *["sliding_attention"] * 2]}),
    ("gemma3", {"query_pre_attn_scalar": 30}),
    ("gemma3", {"sliding_window": 8}),
    ("gemma3", {"layer_types": ["full_attention", *["sliding_attention"] * 3]}),
    ("gemma3", {"hidden_activation": "silu"}),
    ("gemma3", {"rope_parameters.full_attention.rope_theta": 5e5}),
    ("gemma3", {"rope_parameters.sliding_attention.rope_theta": 5e3}),
    ("gemma3, slowed down on full layers", {"rope_parameters.full_attention.factor": 4.0}),
    ("lfm2", {"norm_eps": 0.1}),
    ("lfm2", {"rope_parameters.rope_theta": 5e3}),
    ("ministral3", {"rope_parameters.llama_4_scaling_beta": 0.2}),
    ("ministral3", {"rope_parameters.original_max_position_embeddings": 9}),
    ("ministral3, window, tied", {"sliding_window": None}),
    ("smollm3", {"no_rope_layers": None, "no_rope_layer_interval": 3}),
    ("smollm3", {"no_rope_layers": [0, 1, 1, 1]}),
    ("smollm3, what does not turn slides", {"sliding_window": 8}),
    ("smollm3, what does not turn slides", {"use_sliding_window": False, "layer_types": None}),
    ("granite", {"embedding_multiplier": 2.0}),
    ("granite", {"attention_multiplier": 0.3}),
    ("granite", {"residual_multiplier": 0.7}),
    ("granite", {"logits_scaling": 0.8}),
    ("olmo2", {"rms_norm_eps": 0.1}),
    ("olmo3", {"sliding_window": 8}),
    ("olmo3", {"layer_types": ["full_attention", *["sliding_attention"] * 2]}),
    ("olmo3", {"rope_parameters.full_attention.factor": 3.0}),
    ("olmo3", {"rope_parameters.sliding_attention.rope_theta": 1e4}),
    ("glm", {"rope_parameters.partial_rotary_factor": 1.0}),
    ("glm4", {"rope_parameters.partial_rotary_factor": 0.75}),
    ("glm4", {"rms_norm_eps": 0.1}),
    ("exaone4", {"sliding_window": 8}),
    ("exaone4", {"sliding_window": None}),
    ("exaone4", {"layer_types": ["full_attention"] * 3}),
    ("hunyuan", {"rope_parameters.alpha": 10.0}),
    ("hunyuan", {"rms_norm_eps": 0.1}),
    ("mistral", {"sliding_window": 8}),
    ("mistral", {"sliding_window": None}),
    ("mixtral", {"num_experts_per_tok": 1}),
    ("mixtral", {"sliding_window": 7}),
    ("mixtral, window", {"sliding_window": None}),
    ("mixtral", {"hidden_act": "gelu"}),
    ("glm4 with experts", {"num_experts_per_tok": 2}),
    ("glm4 with experts", {"routed_scaling_factor": 1.0}),
    ("glm4 with experts", {"norm_topk_prob": False}),
    ("glm4 with experts", {"rope_parameters.partial_rotary_factor": 0.75}),
    ("glm4 with experts in groups, norms of heads, biases", {"topk_group": 1}),
    ("glm4 with experts in groups, norms of heads, biases", {"n_group": 1, "topk_group": 1}),
    ("olmo with experts", {"num_experts_per_tok": 2}),
    ("olmo with experts", {"norm_topk_prob": True}),
    ("granite with experts", {"num_experts_per_tok": 1}),
    ("granite with experts", {"residual_multiplier": 1.0}),
    ("granite with experts", {"attention_multiplier": 0.25}),
    ("granite with experts", {"embedding_multiplier": 1.0}),
    ("granite with experts", {"logits_scaling": 1.0}),
    ("ernie with experts", {"moe_k": 2}),
    ("ernie with experts", {"moe_norm_min": 1e-12}),
    ("hy3", {"num_experts_per_tok": 2}),
    ("hy3", {"router_scaling_factor": 1.0}),
    ("gpt-oss", {"num_experts_per_tok": 3}),
    ("gpt-oss", {"sliding_window": 8}),
    ("gpt-oss", {"layer_types": ["full_attention", "sliding_attention", "full_attention"]}),
    ("gpt-oss", {"swiglu_limit": 0.5}),
    ("gpt-oss", {"swiglu_alpha": 1.702}),
    ("gpt-oss", {"rope_parameters.rope_theta": 1e4}),
    ("qwen2 with experts", {"num_experts_per_tok": 2}),
    ("qwen2 with experts", {"norm_topk_prob": True}),
    ("qwen2 with experts, lower layers slide", {"sliding_window": 7}),
    ("qwen2 with experts, lower layers slide", {"max_window_layers": 3, "layer_types": None}),
    ("qwen2 with experts, lower layers slide", {"use_sliding_window": False, "layer_types": None}),
    ("qwen3 with experts", {"num_experts_per_tok": 2}),
    ("qwen3 with experts", {"norm_topk_prob": False}),
    ("qwen3 with experts, window", {"sliding_window": 8}),
    ("qwen3 with experts, window", {"use_sliding_window": False}),
    ("qwen2, upper layers slide", {"sliding_window": 7}),
    ("qwen2, upper layers slide", {"max_window_layers": 2, "layer_types": None}),
    ("qwen2, upper layers slide", {"use_sliding_window": False, "layer_types": None}),
    ("qwen2, layer types", {"layer_types": ["full_attention", "full_attention", "sliding_attention"]}),
    ("qwen3, upper layers slide", {"layer_types": ["sliding_attention"] * 3}),
    ("starcoder2", {"norm_epsilon": 0.1}),
    ("starcoder2", {"hidden_act": "relu"}),
    ("starcoder2", {"sliding_window": 8}),
    ("stablelm", {"layer_norm_eps": 0.1}),
    ("stablelm", {"rope_parameters.partial_rotary_factor": 0.5}),
    ("phi", {"layer_norm_eps": 0.1}),
    ("phi", {"hidden_act": "silu"}),
    ("phi", {"rope_parameters.partial_rotary_factor": 0.25}),
    ("nemotron", {"norm_eps": 0.1}),
    ("nemotron", {"hidden_act": "relu"}),
    ("nemotron", {"rope_parameters.partial_rotary_factor": 1.0}),
    ("olmo, cut off, biases", {"clip_qkv": 0.8}),
    ("olmo, cut off, biases", {"clip_qkv": None}),
    ("arcee", {"hidden_act": "relu"}),
    ("cohere", {"layer_norm_eps": 0.1}),
    ("cohere", {"logit_scale": 0.5}),
    ("cohere", {"rope_parameters.rope_theta": 5e3}),
    ("cohere2", {"logit_scale": 0.5}),
    ("gpt_neox", {"layer_norm_eps": 0.1}),
    ("gpt_neox", {"hidden_act": "relu"}),
    ("gpt_neox", {"rope_parameters.partial_rotary_factor": 0.5}),
    ("gpt_neox", {"rope_parameters.rope_theta": 5e3}),
    ("gpt_neox", {"use_parallel_residual": False}),
    ("gpt2", {"layer_norm_epsilon": 0.1}),
    ("gpt2", {"activation_function": "relu"}),
    ("gpt2", {"scale_attn_weights": False}),
    ("gpt2", {"scale_attn_by_inverse_layer_idx": True}),
    ("opt", {"activation_function": "gelu"}),
    ("falcon, new", {"activation": "relu"}),
    ("falcon, new", {"layer_norm_epsilon": 0.1}),
    ("falcon, new", {"rope_parameters.rope_theta": 5e3}),
    ("bloom", {"layer_norm_epsilon": 0.1}),
    ("cohere2", {"sliding_window": 8}),
    ("cohere2", {"layer_types": ["full_attention", *["sliding_attention"] * 3]}),
]
HYBRIDS = [
    ("qwen3.5", {"rms_norm_eps": 0.1}),
    ("qwen3.5", {"rope_parameters.rope_theta": 5e3}),
    ("qwen3.5", {"rope_parameters.partial_rotary_factor": 0.25}),
    ("qwen3.5 with experts", {"num_experts_per_tok": 2}),
    ("qwen3-next", {"num_experts_per_tok": 2}),
    ("qwen3-next", {"norm_topk_prob": False}),
]


@pytest.mark.parametrize(("case", "changes"), [*CHANGES, *HYBRIDS], ids=str)
def test_the_key_matters(
    case: str, changes: dict[str, Any], backend: Backend, folder_of: Callable[[str], Path]
) -> None:
    folder = folder_of(case)
    config = read_config(folder)
    for key, value in changes.items():
        *parts, inner = key.split(".")
        place = config
        for part in parts:
            place = place[part]
        place[inner] = value
    prompt = some_tokens(PROMPT, 7)
    before, after = (prompt_logits(load(folder, backend, config=c), [prompt])[0] for c in (None, config))
    assert np.abs(before - after).max() > 1e-3  # ten times what parity allows
