"""GPT-2: learned positions, layer norms, biases everywhere and a plain feed-forward layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from causerie.checkpoint.expression import Columns, Rows, Tensor, Transposed
from causerie.models.archs.llama import layer_norm, llama_like
from causerie.models.config import Config
from causerie.models.names import Table, modules, without_prefix
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.norm import Norm
from causerie.spec.positions import Positions
from causerie.spec.rope import Rope

_BLOCK = "transformer.h."
_OUTSIDE = {"embed": "transformer.wte", "positions": "transformer.wpe", "norm": "transformer.ln_f", "head": "lm_head"}
_MATRICES = {"mixer.o": "attn.c_proj", "ffn.up": "mlp.c_fc", "ffn.down": "mlp.c_proj"}
NAMES = {
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "max_position_embeddings": "n_positions",
    "intermediate_size": "n_inner",
    "hidden_act": "activation_function",
}
DEFAULTS = {"max_position_embeddings": 1024, "tie_word_embeddings": True}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Matrices lie (inputs, outputs); queries, keys and values are columns of one. The first files have no prefix."""
    table = modules(_OUTSIDE, _BLOCK, {"mixer_norm": "ln_1", "ffn_norm": "ln_2", **_MATRICES})
    for ours, theirs in _MATRICES.items():
        table[f"layers.{{i}}.{ours}"] = Transposed(Tensor(f"{_BLOCK}{{i}}.{theirs}.weight"))
    fused = _BLOCK + "{i}.attn.c_attn"
    for place, name in enumerate("qkv"):
        first, last = place * spec.width, (place + 1) * spec.width
        table[f"layers.{{i}}.mixer.{name}"] = Transposed(Columns(Tensor(f"{fused}.weight"), first, last))
        table[f"layers.{{i}}.mixer.{name}_bias"] = Rows(Tensor(f"{fused}.bias"), first, last)
    return table, without_prefix(table, "transformer.")


@architecture("gpt2", weights=weights)
def gpt2(c: Config) -> Decoder:
    """GPT-2, DistilGPT-2, DialoGPT, Cerebras-GPT and what was made of them."""
    c.rename(NAMES)
    c.assume(DEFAULTS)
    c.boolean("reorder_and_upcast_attn", False)  # an order of the same products, which are of float32 here
    norm, hidden = layer_norm(c, "layer_norm_epsilon"), 4 * c.integer("hidden_size")
    spec = gpt2_like(c, act="gelu_new", norm=norm, hidden=hidden)
    if not c.boolean("scale_attn_weights", True):
        spec = spec.each_attention(scale=1.0)
    if c.boolean("scale_attn_by_inverse_layer_idx", False):
        scales = (mixer.scale / (i + 1) for i, mixer in enumerate(spec.attentions))
        scaled = (layer.with_attention(scale=scale) for layer, scale in zip(spec.layers, scales, strict=True))
        spec = replace(spec, layers=tuple(scaled))
    return replace(spec, positions=Positions(spec.context))


def gpt2_like(
    c: Config,
    *,
    act: str,
    norm: Norm,
    bias: bool = True,
    rope: Callable[[int], Rope | None] | None = None,
    hidden: int | None = None,
) -> Decoder:
    """The part that families share which are older than Llama: a plain feed-forward layer, of the width `hidden` and
    with the activation `act` where a config does not say them; a bias on every matrix, or on none; and no rotation but
    the one that `rope` gives."""
    return llama_like(
        c,
        bias=bias,
        out_bias=bias,
        mlp_bias=bias,
        rope=rope or (lambda head_dim: None),
        default_act=act,
        norm=norm,
        gated=False,
        hidden=hidden,
    )
