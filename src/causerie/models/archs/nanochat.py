"""nanochat: Llama without weights in its norms, of which one stands behind the embedding and two on heads, with a plain
feed-forward layer, rotations the other way and a soft cap on logits."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.norm import Norm

WEIGHTS = {
    **LLAMA_WEIGHTS,
    "layers.{i}.ffn.up": "model.layers.{i}.mlp.fc1.weight",
    "layers.{i}.ffn.down": "model.layers.{i}.mlp.fc2.weight",
}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 50304,
    "hidden_size": 768,
    "intermediate_size": 8192,
    "num_hidden_layers": 12,
    "num_attention_heads": 6,
    "max_position_embeddings": 2048,
    "hidden_act": "relu2",
}


@architecture("nanochat", weights=WEIGHTS)
def nanochat(c: Config) -> Decoder:
    """nanochat's models, d20 to d34."""
    c.assume(DEFAULTS)
    bias = c.boolean("attention_bias", False)
    bare = Norm(c.number("rms_norm_eps", 1e-6, above=False), weight=False)
    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        norm=bare,
        gated=False,
        rope=lambda head_dim: replace(read_rope(c, head_dim), backwards=True),
    )
    # There the norm of heads comes after the rotation, which without weights is the same: a rotation keeps lengths.
    return replace(
        spec.each_attention(qk_norm=bare),
        embedding_norm=bare,
        logits_softcap=c.optional_number("final_logit_softcapping", absent=15.0),
    )
