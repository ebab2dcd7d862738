"""LFM2: gated short convolutions in most layers, grouped-query attention with normed heads in the others."""

from __future__ import annotations

from dataclasses import replace

from causerie.checkpoint.expression import Expression, Flattened, Squeezed, Tensor, Transposed
from causerie.models.archs.llama import llama_like
from causerie.models.config import MOST_SIZE, Config
from causerie.models.layer_kinds import CONV, FULL, layer_kinds
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.mlp import MLP
from causerie.spec.short_conv import ShortConv

_BLOCK = "model.layers.{i}."
_TENSORS = {
    "mixer_norm": "operator_norm.weight",
    "mixer.o": "self_attn.out_proj.weight",
    "mixer.q_norm": "self_attn.q_layernorm.weight",
    "mixer.k_norm": "self_attn.k_layernorm.weight",
    "mixer.in": "conv.in_proj.weight",
    "mixer.in_bias": "conv.in_proj.bias",
    "mixer.conv_bias": "conv.conv.bias",
    "mixer.out": "conv.out_proj.weight",
    "mixer.out_bias": "conv.out_proj.bias",
    "ffn_norm": "ffn_norm.weight",
    "ffn.gate": "feed_forward.w1.weight",
    "ffn.up": "feed_forward.w3.weight",
    "ffn.down": "feed_forward.w2.weight",
}
WEIGHTS: dict[str, str | Expression] = {
    **LLAMA_WEIGHTS,
    **{f"layers.{{i}}.{ours}": _BLOCK + theirs for ours, theirs in _TENSORS.items()},
    "layers.{i}.mixer.conv": Flattened(Transposed(Squeezed(Tensor(_BLOCK + "conv.conv.weight")))),
    "norm": "model.embedding_norm.weight",
}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 65536,
    "hidden_size": 2560,
    "intermediate_size": 12288,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 128000,
    "norm_eps": 1e-5,
    "tie_word_embeddings": True,
    "block_ffn_dim_multiplier": 1.0,
}
MOST_TAPS = 1024


@architecture("lfm2", weights=WEIGHTS)
def lfm2(c: Config) -> Decoder:
    """LFM2 and LFM2.5, 350M to 2.6B."""
    c.assume(DEFAULTS)
    spec = lfm2_like(c)
    return spec.each_layer(ffn=MLP(_hidden(c)))


def lfm2_like(c: Config) -> Decoder:
    """The part that it shares with the models that have experts."""
    c.expect("hidden_act", "silu")
    spec = llama_like(c, kv_heads=8, rope=lambda head_dim: read_rope(c, head_dim, default_theta=1e6), eps="norm_eps")
    spec = spec.each_attention(qk_norm=spec.norm)
    # What else published files say: the same widths and numbers by other names, and what their blocks always are.
    for key in ("block_dim", "conv_dim", "conv_dim_out"):
        c.expect(key, spec.width)
    c.expect("num_heads", next(spec.attentions).heads)
    c.expect("block_norm_eps", spec.norm.eps)
    c.expect("block_use_swiglu", True)
    c.expect("use_pos_enc", True)
    conv = ShortConv(spec.width, c.integer("conv_L_cache", 3, least=2, most=MOST_TAPS), c.boolean("conv_bias", False))
    attending = c.integers("full_attn_idxs", most=len(spec.layers) - 1)
    older = [FULL if attending is None or i in attending else CONV for i in range(len(spec.layers))]
    kinds = layer_kinds(c, older, (FULL, CONV))
    layers = (
        replace(layer, mixer=conv if kind == CONV else layer.mixer)
        for layer, kind in zip(spec.layers, kinds, strict=True)
    )
    return replace(spec, layers=tuple(layers), tied=c.boolean("tie_embedding", spec.tied))


def _hidden(c: Config) -> int:
    """The width between the matrices of a feed-forward part: two thirds of what the config says, unless that is meant
    as it stands."""
    hidden = c.integer("block_ff_dim", c.integer("intermediate_size"))
    share, multiple = c.optional_number("block_ffn_dim_multiplier"), c.integer("block_multiple_of", 256)
    if c.boolean("block_auto_adjust_ff_dim", True):
        hidden = int(2 * hidden / 3)
        if share is not None:
            hidden = -(-int(share * hidden) // multiple) * multiple
        if not 1 <= hidden <= MOST_SIZE:
            raise c.wrong("block_ffn_dim_multiplier", share, f"a number that makes {hidden} one from 1 to {MOST_SIZE}")
    return hidden
