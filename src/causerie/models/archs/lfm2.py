"""LFM2: gated short convolutions in most layers, grouped-query attention with normed heads in the others."""

from __future__ import annotations

from dataclasses import replace

from causerie.checkpoint.expression import Flattened, Squeezed, Tensor, Transposed
from causerie.models.archs.llama import llama_like
from causerie.models.config import MOST_SIZE, Config
from causerie.models.layer_kinds import CONV, FULL, layer_kinds
from causerie.models.names import modules
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.mlp import MLP
from causerie.spec.short_conv import ShortConv

_BLOCK = "model.layers."
_OUTSIDE = {"embed": "model.embed_tokens", "norm": "model.embedding_norm", "head": "lm_head"}
_LAYER = {
    "mixer_norm": "operator_norm",
    **{f"mixer.{name}": f"self_attn.{name}_proj" for name in "qkv"},
    **{f"mixer.{name}_norm": f"self_attn.{name}_layernorm" for name in "qk"},
    "mixer.o": "self_attn.out_proj",
    "mixer.in": "conv.in_proj",
    "mixer.conv": "conv.conv",
    "mixer.out": "conv.out_proj",
    "ffn_norm": "ffn_norm",
    "ffn.gate": "feed_forward.w1",
    "ffn.up": "feed_forward.w3",
    "ffn.down": "feed_forward.w2",
}
_TAPS = Flattened(Transposed(Squeezed(Tensor(_BLOCK + "{i}.conv.conv.weight"))))
WEIGHTS = {**modules(_OUTSIDE, _BLOCK, _LAYER), "layers.{i}.mixer.conv": _TAPS}
NAMES = {"intermediate_size": "block_ff_dim", "tie_word_embeddings": "tie_embedding"}
DEFAULTS = {"norm_eps": 1e-5, "block_ffn_dim_multiplier": 1.0, "tie_word_embeddings": True}
_MOST_TAPS = 1024


@architecture("lfm2", weights=WEIGHTS)
def lfm2(c: Config) -> Decoder:
    """LFM2 and LFM2.5, 350M to 2.6B."""
    c.rename(NAMES)
    c.assume(DEFAULTS)
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
    conv = ShortConv(spec.width, c.integer("conv_L_cache", 3, least=2, most=_MOST_TAPS), c.boolean("conv_bias", False))
    attending = c.integers("full_attn_idxs", most=len(spec.layers) - 1)
    older = [FULL if attending is None or i in attending else CONV for i in range(len(spec.layers))]
    kinds = layer_kinds(c, older, (FULL, CONV))
    ffn = MLP(_hidden(c))
    layers = (
        replace(layer, mixer=conv if kind == CONV else layer.mixer, ffn=ffn)
        for layer, kind in zip(spec.layers, kinds, strict=True)
    )
    return replace(spec, layers=tuple(layers))


def _hidden(c: Config) -> int:
    """The width between the matrices of a feed-forward part: two thirds of what the config says, unless that is meant
    as it stands."""
    hidden = c.integer("intermediate_size")
    share, multiple = c.optional_number("block_ffn_dim_multiplier"), c.integer("block_multiple_of", 256)
    if c.boolean("block_auto_adjust_ff_dim", True):
        hidden = int(2 * hidden / 3)
        if share is not None:
            hidden = -(-int(share * hidden) // multiple) * multiple
        if not 1 <= hidden <= MOST_SIZE:
            raise c.wrong("block_ffn_dim_multiplier", share, f"a number that makes {hidden} one from 1 to {MOST_SIZE}")
    return hidden
