"""What configs of Step say of its layers: as files of today have it, a list or an object for each kind; or as the first
ones have it, in switches, in numbers for each layer and in a setting beside that of attention. Knows no weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from causerie.models.config import Config
from causerie.models.layer_kinds import DENSE, FULL, SLIDING, SPARSE, layer_kinds, numbers_of_kinds
from causerie.models.rope_config import read_kind, read_scaled
from causerie.spec.attention import Attention
from causerie.spec.mlp import Gating, LimitedSwish
from causerie.spec.rope import Rope

NAMES = {  # what most families call what first files of this one call otherwise
    "num_key_value_heads": "num_attention_groups",
    "n_routed_experts": "moe_num_experts",
    "num_experts_per_tok": "moe_top_k",
    "share_expert_dim": "share_expert_dims",
}
ALWAYS = {  # of the many switches of first files the one value that models have
    "att_impl_type": "GQA",
    "hidden_act": "silu",
    "moe_every_n_layer": 1,
    "moe_layer_offset": 0,
    "moe_router_activation": "sigmoid",
    "norm_expert_weight": True,
    "sink": False,
    "use_bidirectional_attention": False,
    "use_head_wise_attn_gate": True,
    "use_moe": True,
    "use_moe_router_bias": True,
    "use_qk_norm": True,
    "use_rope_layers": [],
    "yarn_only_types": [FULL],
    "zero_centered": True,
}
OF_LAYERS = (
    "layer_types",
    "mlp_layer_types",
    "partial_rotary_factors",
    "rope_theta",
    "swiglu_limits",
    "swiglu_limits_shared",
)


def ropes_of(c: Config, kinds: Sequence[str], head_dim: int) -> dict[str, Rope]:
    """The rotation of each kind of layer that there is: an object for each; or, as first files have it, numbers for
    each layer and a scaling for those that see everything."""
    if c.holds_objects("rope_parameters"):
        return {kind: read_kind(c, kind, head_dim, {}, 1e4, partial=True) for kind in dict.fromkeys(kinds)}
    thetas = numbers_of_kinds(c, "rope_theta", kinds, 1e4)
    shares = numbers_of_kinds(c, "partial_rotary_factors", kinds, 1.0)
    scaling = c.part("rope_scaling")
    plain = Config({}, family=c.family, origin=c.origin)
    ropes = {}
    for kind, theta in thetas.items():
        part = scaling if scaling is not None and kind == FULL else plain
        rope = read_scaled(c, part, head_dim, theta)
        dims = int(head_dim * shares[kind])
        if dims % 2 or not 0 < dims <= head_dim:
            raise c.wrong("partial_rotary_factors", shares[kind], f"an even part of the {head_dim} elements of a head")
        ropes[kind] = replace(rope, dims=dims)
    return ropes


def sliding_heads(c: Config, full: Attention, layers: Sequence[int]) -> int:
    """How many heads sliding layers have, which are these `layers`, beside those that see everything."""
    other = c.part("attention_other_setting") or Config({}, family=c.family, origin=c.origin)
    other.expect("attention_type", SLIDING)
    other.expect("num_attention_groups", full.kv_heads)
    other.expect("head_dim", full.head_dim)
    other.expect("true_head_dim", full.head_dim)
    heads = c.integer("num_sliding_attention_heads", other.integer("num_attention_heads", full.heads))
    if heads % full.kv_heads:
        raise c.wrong("num_sliding_attention_heads", heads, f"a multiple of {full.kv_heads}")
    own = c.numbered_parts("per_layer_config") or {}
    said = {i: part.integer("num_attention_heads", full.heads) for i, part in own.items()}
    if said and said != dict.fromkeys(layers, heads):
        raise c.wrong("per_layer_config", said, f"{heads} heads for each of layers {layers}")
    return heads


def gatings(c: Config, key: str, layers: int) -> list[Gating]:
    """Of each layer, whether and how far `key` limits what is inside: 0 says that it does not."""
    limits = c.numbers(key, layers, above=False) if c.has(key) else [0.0] * layers
    return [LimitedSwish(limit) if limit else "silu" for limit in limits]


def sparse_layers(c: Config, layers: int) -> frozenset[int]:
    """Those that have experts, by `mlp_layer_types`, or by their numbers; else all but the first three."""
    numbers: Sequence[int] = range(3, layers)
    if c.holds_list("moe_layers_enum"):
        numbers = c.integers("moe_layers_enum") or ()
    elif words := c.word("moe_layers_enum", ""):
        if not all(word.strip().isdecimal() for word in words.split(",")):
            raise c.wrong("moe_layers_enum", words, "numbers of layers, with commas between them")
        numbers = [int(word) for word in words.split(",")]
    kinds = layer_kinds(
        c, [SPARSE if i in numbers else DENSE for i in range(layers)], (DENSE, SPARSE), "mlp_layer_types"
    )
    return frozenset(i for i, kind in enumerate(kinds) if kind == SPARSE)
