"""LFM2: gated short convolutions in most layers, grouped-query attention with normed heads in the others."""

from __future__ import annotations

from causerie.checkpoint.expression import Flattened, Squeezed, Tensor, Transposed
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.conv_layers import adjusted_width, with_convolutions
from causerie.models.layer_kinds import CONV, FULL, layer_kinds
from causerie.models.names import modules
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.mlp import MLP

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


@architecture("lfm2", weights=WEIGHTS)
def lfm2(c: Config) -> Decoder:
    """LFM2 and LFM2.5, 350M to 2.6B."""
    c.rename(NAMES)
    c.assume(DEFAULTS)
    spec = lfm2_like(c)
    return spec.each_layer(ffn=MLP(adjusted_width(c)))


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
    attending = c.integers("full_attn_idxs", most=len(spec.layers) - 1)
    older = [FULL if attending is None or i in attending else CONV for i in range(len(spec.layers))]
    return with_convolutions(c, spec, layer_kinds(c, older, (FULL, CONV)), taps=3)
