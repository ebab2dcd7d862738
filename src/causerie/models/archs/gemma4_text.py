"""Gemma 4, the text model: normed heads, five sliding layers to a full one with larger and fewer heads that turn in
part; the last layers may read the keys and values of others, each layer may have a further embedding of its own, and
experts may stand beside the feed-forward layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from causerie.checkpoint.expression import Expression
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_names import experts_stacked
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import FURTHER_INPUTS, LLAMA_WEIGHTS, QK_NORMS, SANDWICH, Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_kind
from causerie.models.shared_keys import with_shared_keys
from causerie.spec.attention import Attention
from causerie.spec.beside import BesideExperts
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts
from causerie.spec.layer import Layer
from causerie.spec.layer_input import LayerInput
from causerie.spec.mlp import MLP
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope
from causerie.spec.router import MOST_EXPERTS, Router

_LAYER = "model.layers.{i}."
_OTHERS: dict[str, str | Expression] = {
    **LLAMA_WEIGHTS,
    **SANDWICH,
    **QK_NORMS,
    **FURTHER_INPUTS,
    "layers.{i}.scale": _LAYER + "layer_scalar",
    **{f"layers.{{i}}.ffn.mlp.{name}": f"{_LAYER}mlp.{name}_proj.weight" for name in ("gate", "up", "down")},
    "layers.{i}.ffn.norm": _LAYER + "pre_feedforward_layernorm.weight",
    "layers.{i}.ffn.mlp_norm_after": _LAYER + "post_feedforward_layernorm_1.weight",
    "layers.{i}.ffn.experts_norm": _LAYER + "pre_feedforward_layernorm_2.weight",
    "layers.{i}.ffn.experts_norm_after": _LAYER + "post_feedforward_layernorm_2.weight",
    "layers.{i}.ffn.router": _LAYER + "router.proj.weight",
    "layers.{i}.ffn.router_norm": _LAYER + "router.scale",
    "layers.{i}.ffn.share_scales": _LAYER + "router.per_expert_scale",
}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 262144,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 30,
    "num_attention_heads": 8,
    "max_position_embeddings": 131072,
    "hidden_activation": "gelu_pytorch_tanh",
}


def weights(spec: Decoder) -> Table:
    """The experts of a layer in two tensors."""
    return _OTHERS | experts_stacked(spec, _LAYER + "experts.gate_up_proj", _LAYER + "experts.down_proj")


@architecture("gemma4_text", weights=weights)
def gemma4_text(c: Config) -> Decoder:
    """The text models of Gemma 4 E2B, E4B, 26B-A4B and 31B."""
    c.assume(DEFAULTS)
    spec = gemma4_like(c, window=512)
    act = spec.layers[0].ffn.act
    if c.boolean("enable_moe_block", False):
        spec = replace(spec, layers=tuple(_beside_experts(c, layer) for layer in spec.layers))
    width = c.optional_integer("hidden_size_per_layer_input", 256, least=0)
    if not width:
        c.leave("vocab_size_per_layer_input")
        return spec
    rows = c.integer("vocab_size_per_layer_input", 262144, least=spec.vocab)
    return spec.each_layer(input=LayerInput(rows, width, act, spec.norm))


def gemma4_like(c: Config, *, window: int) -> Decoder:
    """What both families share; `window` is what a config means that does not say it."""
    c.expect("use_bidirectional_attention", "vision")  # of pictures
    bias = c.boolean("attention_bias", False)
    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        head_dim=256,
        kv_heads=4,
        rope=lambda dims: _rope(c, SLIDING, dims),
        act="hidden_activation",
    )
    count = len(spec.layers)
    kinds = list(layer_kinds(c, [FULL if i % 6 == 5 else SLIDING for i in range(count)]))
    kinds[-1] = FULL
    bare = Norm(spec.norm.eps, weight=False)
    spec = spec.each_attention(scale=1.0, qk_norm=spec.norm, value_norm=bare)
    both = c.boolean("attention_k_eq_v", False)
    head_dim, kv_heads = _full_heads(c, kinds, next(spec.attentions), both)
    full = {"head_dim": head_dim, "kv_heads": kv_heads, "rope": _rope(c, FULL, head_dim), "keys_as_values": both}
    sliding = {"window": c.integer("sliding_window", window)}
    spec = with_kinds(spec.each_layer(norm_after=spec.norm, scaled=True), kinds, {FULL: full, SLIDING: sliding})
    return replace(
        _widened(c, with_shared_keys(c, spec)),
        tied=c.boolean("tie_word_embeddings", True),
        embedding_scale=spec.width**0.5,
        logits_softcap=c.optional_number("final_logit_softcapping"),
    )


def _rope(c: Config, kind: str, head_dim: int) -> Rope:
    absent = {"rope_type": "proportional", "partial_rotary_factor": 0.25} if kind == FULL else {}
    return read_kind(c, kind, head_dim, absent, 1e6 if kind == FULL else 1e4)


def _full_heads(c: Config, kinds: Sequence[str], sliding: Attention, both: bool) -> tuple[int, int]:
    """The size of heads and the number of key heads in full layers: of all as files have it, or of each one as
    transformers writes it."""
    dims, heads = c.integer("global_head_dim", 512), c.optional_integer("num_global_key_value_heads", None)
    own = c.numbered_parts("per_layer_config")
    if own is None:
        return dims, heads if heads and both else sliding.kv_heads
    said = {
        (part.integer("head_dim", sliding.head_dim), part.integer("num_key_value_heads", sliding.kv_heads))
        for part in own.values()
    }
    if len(said) > 1 or [i for i, kind in enumerate(kinds) if kind == FULL] != sorted(own):
        raise c.wrong(
            "per_layer_config", sorted(own), f"alike in all layers that see everything, and only there: {kinds}"
        )
    return said.pop()


def _widened(c: Config, spec: Decoder) -> Decoder:
    """With feed-forward layers twice as wide where keys are not a layer's own, if the config says so."""
    if not c.boolean("use_double_wide_mlp", False):
        return spec

    def widened(layer: Layer) -> Layer:
        assert isinstance(layer.ffn, MLP)  # by `llama_like`
        return replace(layer, ffn=replace(layer.ffn, hidden=2 * layer.ffn.hidden))

    borrows = [mixer.shares is not None for mixer in spec.attentions]
    layers = (widened(layer) if wide else layer for layer, wide in zip(spec.layers, borrows, strict=True))
    return replace(spec, layers=tuple(layers))


def _beside_experts(c: Config, layer: Layer) -> Layer:
    """The same with experts beside its feed-forward layer."""
    assert isinstance(layer.ffn, MLP) and layer.norm is not None  # by `llama_like`
    count, width = c.integer("num_experts", most=MOST_EXPERTS), c.integer("hidden_size")
    router = Router(c.integer("top_k_experts", most=count), norm=layer.norm, score_scale=width**-0.5, share_scales=True)
    experts = Experts(count, router, c.integer("moe_intermediate_size"), layer.ffn.act)
    return replace(layer, ffn=BesideExperts(layer.ffn, experts, layer.norm))
