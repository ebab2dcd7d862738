"""OPT: learned positions, whose table begins with two rows of none, layer norms and a plain feed-forward layer."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.gpt2 import gpt2_like
from causerie.models.config import Config
from causerie.models.names import Table, modules, without_prefix
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.norm import Norm
from causerie.spec.positions import Positions

_TABLE = modules(
    {
        "embed": "model.decoder.embed_tokens",
        "positions": "model.decoder.embed_positions",
        "norm": "model.decoder.final_layer_norm",
        "head": "lm_head",
    },
    "model.decoder.layers.",
    {
        "mixer_norm": "self_attn_layer_norm",
        "mixer.q": "self_attn.q_proj",
        "mixer.k": "self_attn.k_proj",
        "mixer.v": "self_attn.v_proj",
        "mixer.o": "self_attn.out_proj",
        "ffn_norm": "final_layer_norm",
        "ffn.up": "fc1",
        "ffn.down": "fc2",
    },
)
NAMES = {"intermediate_size": "ffn_dim", "hidden_act": "activation_function"}
DEFAULTS = {"max_position_embeddings": 2048, "tie_word_embeddings": True}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """The first files have no prefix."""
    return _TABLE, without_prefix(_TABLE, "model.")


@architecture("opt", weights=weights)
def opt(c: Config) -> Decoder:
    """OPT but for 350M, whose norms come after, and Galactica."""
    c.rename(NAMES)
    c.assume(DEFAULTS)
    c.expect("do_layer_norm_before", True)
    c.expect("_remove_final_layer_norm", False)
    c.expect("word_embed_proj_dim", c.integer("hidden_size"))
    bias, weight = c.boolean("enable_bias", True), c.boolean("layer_norm_elementwise_affine", True)
    norm = Norm(1e-5, centered=True, weight=weight, bias=weight)
    spec = gpt2_like(c, act="relu", norm=norm, bias=bias)
    return replace(spec, positions=Positions(spec.context, offset=2))
