"""Solar Open: GLM-4.5 with experts in every layer, whose heads are not normed and turn as a whole."""

from __future__ import annotations

from causerie.models.archs import glm4_moe as glm
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder

DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 196608,
    "hidden_size": 4096,
    "num_hidden_layers": 48,
    "num_attention_heads": 64,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5,
    "moe_intermediate_size": 1280,
}


@architecture("solar_open", weights=glm.weights)
def solar_open(c: Config) -> Decoder:
    """Solar Open 100B."""
    c.assume(DEFAULTS)
    spec = llama_like(
        c,
        bias=c.boolean("attention_bias", False),
        kv_heads=8,
        head_dim=128,
        rope=lambda head_dim: read_rope(c, head_dim, default_theta=1e6, partial=True),
        hidden=10240,
    )
    return in_layers(spec, glm.sigmoid_experts(c, spec.layers[0].ffn.act), range(len(spec.layers)))
