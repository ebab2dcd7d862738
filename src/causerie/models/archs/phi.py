"""Phi 1, 1.5 and 2: layer norms, biases everywhere, a plain feed-forward layer beside the attention, both behind one
norm; a part of each head turns."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.gpt2 import gpt2_like
from causerie.models.archs.llama import layer_norm
from causerie.models.config import Config
from causerie.models.names import modules
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder

WEIGHTS = modules(
    {"embed": "model.embed_tokens", "norm": "model.final_layernorm", "head": "lm_head"},
    "model.layers.",
    {
        "mixer_norm": "input_layernorm",
        "mixer.q": "self_attn.q_proj",
        "mixer.k": "self_attn.k_proj",
        "mixer.v": "self_attn.v_proj",
        "mixer.o": "self_attn.dense",
        "mixer.q_norm": "self_attn.q_layernorm",
        "mixer.k_norm": "self_attn.k_layernorm",
        "ffn.up": "mlp.fc1",
        "ffn.down": "mlp.fc2",
    },
)
DEFAULTS = {"max_position_embeddings": 2048, "partial_rotary_factor": 0.5}


@architecture("phi", weights=WEIGHTS)
def phi(c: Config) -> Decoder:
    """Phi-1, Phi-1.5 and Phi-2."""
    c.assume(DEFAULTS)
    norm = layer_norm(c, "layer_norm_eps")
    spec = gpt2_like(c, act="gelu_new", norm=norm, rope=lambda head_dim: read_rope(c, head_dim, partial=True))
    if c.boolean("qk_layernorm", False):
        spec = spec.each_attention(qk_norm=norm)
    return replace(spec.each_layer(parallel="one norm"), head_bias=True)
