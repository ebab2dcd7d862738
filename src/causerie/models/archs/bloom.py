"""BLOOM: scores that fall off with distance, a norm behind the embedding, layer norms and biases everywhere."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.gpt2 import gpt2_like
from causerie.models.archs.llama import layer_norm
from causerie.models.config import Config
from causerie.models.names import Table, modules, taking_turns, without_prefix
from causerie.models.registry import architecture
from causerie.models.slopes import head_slopes
from causerie.spec.decoder import Decoder

_BLOCK = "transformer.h."
_OUTSIDE = {
    "embed": "transformer.word_embeddings",
    "embed_norm": "transformer.word_embeddings_layernorm",
    "norm": "transformer.ln_f",
    "head": "lm_head",
}
_LAYER = {
    "mixer_norm": "input_layernorm",
    "mixer.o": "self_attention.dense",
    "ffn_norm": "post_attention_layernorm",
    "ffn.up": "mlp.dense_h_to_4h",
    "ffn.down": "mlp.dense_4h_to_h",
}
NAMES = {
    "hidden_size": "n_embed",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "max_position_embeddings": "seq_length",  # of training: nothing in the model ends there
}
DEFAULTS = {"max_position_embeddings": 2048, "tie_word_embeddings": True}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Queries, keys and values take turns head by head. The first files have no prefix."""
    table = taking_turns(modules(_OUTSIDE, _BLOCK, _LAYER), _BLOCK + "{i}.self_attention.query_key_value", spec)
    return table, without_prefix(table, "transformer.")


@architecture("bloom", weights=weights)
def bloom(c: Config) -> Decoder:
    """BLOOM and BLOOMZ."""
    c.rename(NAMES)
    c.assume(DEFAULTS)
    c.expect("apply_residual_connection_post_layernorm", False)
    norm, hidden = layer_norm(c, "layer_norm_epsilon"), 4 * c.integer("hidden_size")
    spec = gpt2_like(c, act="gelu_new", norm=norm, hidden=hidden)
    spec = spec.each_attention(slopes=head_slopes(next(spec.attentions).heads))
    return replace(spec, embedding_norm=norm)
