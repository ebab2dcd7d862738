"""StarCoder2: Llama with layer norms, a plain feed-forward layer, biases everywhere and a window."""

from __future__ import annotations

from causerie.models.archs.llama import layer_norm, llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, with_biases
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

WEIGHTS = with_biases(
    {
        **LLAMA_WEIGHTS,
        "layers.{i}.ffn.up": "model.layers.{i}.mlp.c_fc.weight",
        "layers.{i}.ffn.down": "model.layers.{i}.mlp.c_proj.weight",
    }
)
DEFAULTS = {"max_position_embeddings": 4096, "tie_word_embeddings": True}

_SAID_TWICE = {  # by the keys of the program that the first was trained with
    "activation_function": "gelu",
    "layer_norm_epsilon": 1e-5,
    "mlp_type": "default",
    "norm_type": "layer_norm",
    "scale_attention_softmax_in_fp32": True,
}


@architecture("starcoder2", weights=WEIGHTS)
def starcoder2(c: Config) -> Decoder:
    """StarCoder2 3B, 7B and 15B."""
    c.assume(DEFAULTS)
    for key, done in _SAID_TWICE.items():
        c.expect(key, done)
    bias = c.boolean("use_bias", True)
    norm = layer_norm(c, "norm_epsilon")
    spec = llama_like(
        c, bias=bias, out_bias=bias, mlp_bias=bias, kv_heads=2, default_act="gelu_pytorch_tanh", norm=norm, gated=False
    )
    return spec.each_attention(window=c.optional_integer("sliding_window", None))
