"""Falcon: layer norms, a plain feed-forward layer beside the attention; older ones one after the other, or with scores
that fall off with distance instead of rotations."""

from __future__ import annotations

import numpy as np

from causerie.models.archs.gpt2 import gpt2_like
from causerie.models.archs.llama import layer_norm
from causerie.models.config import Config
from causerie.models.names import Table, modules, taking_turns
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.models.slopes import head_slopes
from causerie.quant.plain import to_float32, to_plain
from causerie.spec.decoder import Decoder
from causerie.spec.rope import Rope

_BLOCK = "transformer.h."
_OUTSIDE = {"embed": "transformer.word_embeddings", "norm": "transformer.ln_f", "head": "lm_head"}
_MATRICES = {"mixer.o": "self_attention.dense", "ffn.up": "mlp.dense_h_to_4h", "ffn.down": "mlp.dense_4h_to_h"}
NAMES = {
    "hidden_size": "n_embed",
    "intermediate_size": "ffn_hidden_size",
    "num_key_value_heads": "num_kv_heads",
    "hidden_act": "activation",
}
DEFAULTS = {"max_position_embeddings": 2048, "tie_word_embeddings": True}


def weights(spec: Decoder) -> Table:
    """The queries of a key head, the key and the value take turns, key head by key head."""
    two = bool(spec.layers) and spec.layers[0].parallel == "two norms"
    norms = ("ln_attn", "ln_mlp") if two else ("input_layernorm", "post_attention_layernorm")
    table = modules(_OUTSIDE, _BLOCK, {"mixer_norm": norms[0], "ffn_norm": norms[1], **_MATRICES})
    return taking_turns(table, _BLOCK + "{i}.self_attention.query_key_value", spec)


@architecture("falcon", weights=weights)
def falcon(c: Config) -> Decoder:
    """Falcon 7B, 40B and 180B, Falcon 2 and Falcon-RW."""
    c.rename(NAMES)
    c.assume(DEFAULTS)
    bias, falls_off = c.boolean("bias", False), c.boolean("alibi", False)

    def rope(head_dim: int) -> Rope | None:
        turn = read_rope(c, head_dim)  # which configs have that do not turn
        return None if falls_off else turn

    norm, hidden = layer_norm(c, "layer_norm_epsilon"), 4 * c.integer("hidden_size")
    spec = gpt2_like(c, act="gelu", norm=norm, bias=bias, rope=rope, hidden=hidden)
    mixer = next(spec.attentions)
    new, one_key_head = c.boolean("new_decoder_architecture", False), c.boolean("multi_query", True)
    if not new:  # only new ones are free to have any number
        spec = spec.each_attention(kv_heads=1 if one_key_head else mixer.heads)
    if falls_off:  # by slopes that are bfloat16, whatever the model is, and scaled as scores are
        slopes = to_float32(to_plain(np.array(head_slopes(mixer.heads), np.float32), "bfloat16"), "bfloat16")
        spec = spec.each_attention(slopes=tuple(float(slope) * mixer.scale for slope in slopes))
    norms, parallel = c.integer("num_ln_in_parallel_attn", 2 if new else 1, most=2), c.boolean("parallel_attn", True)
    if not new and norms != 1:
        raise c.wrong("num_ln_in_parallel_attn", norms, "1 without 'new_decoder_architecture' = true")
    if not new and not parallel:
        return spec
    return spec.each_layer(parallel="two norms" if norms == 2 else "one norm")
