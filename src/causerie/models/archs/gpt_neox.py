"""GPT-NeoX: layer norms and biases, attention beside a plain feed-forward layer, each behind its own norm; a quarter of
each head turns."""

from __future__ import annotations

from causerie.models.archs.llama import layer_norm, llama_like
from causerie.models.config import Config
from causerie.models.names import Table, modules, taking_turns
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder

_OUTSIDE = {"embed": "gpt_neox.embed_in", "norm": "gpt_neox.final_layer_norm"}
_LAYER = {
    "mixer_norm": "input_layernorm",
    "mixer.o": "attention.dense",
    "ffn_norm": "post_attention_layernorm",
    "ffn.up": "mlp.dense_h_to_4h",
    "ffn.down": "mlp.dense_4h_to_h",
}
NAMES = {"partial_rotary_factor": "rotary_pct", "rope_theta": "rotary_emb_base"}
DEFAULTS = {"max_position_embeddings": 2048, "partial_rotary_factor": 0.25}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Queries, keys and values take turns head by head. The head has had two names."""
    fused = "gpt_neox.layers.{i}.attention.query_key_value"
    tables = (modules({**_OUTSIDE, "head": head}, "gpt_neox.layers.", _LAYER) for head in ("embed_out", "lm_head"))
    return tuple(taking_turns(table, fused, spec) for table in tables)


@architecture("gpt_neox", weights=weights)
def gpt_neox(c: Config) -> Decoder:
    """GPT-NeoX 20B, Pythia, Dolly 2, RedPajama-INCITE and Polyglot."""
    c.rename(NAMES)
    c.assume(DEFAULTS)
    bias = c.boolean("attention_bias", True)
    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        mlp_bias=True,
        rope=lambda head_dim: read_rope(c, head_dim, partial=True),
        default_act="gelu",
        norm=layer_norm(c, "layer_norm_eps"),
        gated=False,
    )
    return spec.each_layer(parallel="two norms") if c.boolean("use_parallel_residual", True) else spec
