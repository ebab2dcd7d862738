"""GLM-4.7-Flash: GLM-4.7 with attention to latents."""

from __future__ import annotations

from causerie.models.archs.deepseek_v3 import deepseek_like, weights
from causerie.models.archs.glm4_moe import sigmoid_experts, with_layers_behind
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.layer_kinds import sparse_layers
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 154880,
    "hidden_size": 2048,
    "intermediate_size": 10240,
    "moe_intermediate_size": 1536,
    "num_hidden_layers": 47,
    "num_attention_heads": 20,
    "n_routed_experts": 64,
    "num_experts_per_tok": 4,
    "routed_scaling_factor": 1.8,
    "q_lora_rank": 768,
    "qk_nope_head_dim": 192,
    "v_head_dim": 256,
    "max_position_embeddings": 202752,
    "rms_norm_eps": 1e-5,
}


@architecture("glm4_moe_lite", weights=weights)
def glm4_moe_lite(c: Config) -> Decoder:
    """GLM-4.7-Flash."""
    c.assume(DEFAULTS)
    spec = deepseek_like(c)
    sparse = sparse_layers(c, len(spec.layers), dense=c.integer("first_k_dense_replace", 1, least=0))
    spec = in_layers(spec, sigmoid_experts(c, spec.layers[0].ffn.act), sparse)
    return with_layers_behind(c, spec)
