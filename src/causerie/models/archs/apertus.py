"""Apertus: Llama with normed heads and a plain feed-forward layer, whose activation has numbers of its own."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, QK_NORMS
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.mlp import MLP

_LAYER = "model.layers.{i}."
WEIGHTS = {
    **LLAMA_WEIGHTS,
    **QK_NORMS,
    "layers.{i}.mixer_norm": _LAYER + "attention_layernorm.weight",
    "layers.{i}.ffn_norm": _LAYER + "feedforward_layernorm.weight",
    "layers.{i}.ffn.above": _LAYER + "mlp.act_fn.alpha_p",
    "layers.{i}.ffn.below": _LAYER + "mlp.act_fn.alpha_n",
}
_SLOWED = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 131072,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 65536,
    "rms_norm_eps": 1e-5,
}


@architecture("apertus", weights=WEIGHTS)
def apertus(c: Config) -> Decoder:
    """Apertus 8B and 70B."""
    c.assume(DEFAULTS)
    if not c.has("rope_scaling") and not c.has("rope_parameters"):
        c.assume({"rope_scaling": _SLOWED})
    c.expect("qk_norm", True)
    c.expect("post_norm", False)
    c.expect("mlp_bias", False)
    bias, learned = c.boolean("attention_bias", False), c.word("hidden_act", "xielu") == "xielu"
    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        gated=False,
        act=None if learned else "hidden_act",
        rope=lambda head_dim: read_rope(c, head_dim, default_theta=12e6),
    )
    mlp = spec.layers[0].ffn
    assert isinstance(mlp, MLP)  # by `llama_like`
    return spec.each_attention(qk_norm=spec.norm).each_layer(ffn=replace(mlp, xielu=learned))
