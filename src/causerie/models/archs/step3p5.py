"""Step 3.5 and 3.7, the text model: norms by 1 + w; normed heads behind gates, of which sliding layers have more, with
a rotation of their own; and in most layers many experts, which a bias of their own helps to choose, beside a layer that
all tokens use. What is inside of some layers is held within limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from causerie.checkpoint.expression import Expression, Place
from causerie.models.archs import qwen3
from causerie.models.archs.llama import llama_like
from causerie.models.config import MOST_LAYERS, Config
from causerie.models.expert_names import experts_of, experts_stacked
from causerie.models.layer_kinds import DENSE, FULL, SLIDING, SPARSE, layer_kinds, numbers_of_kinds, with_kinds
from causerie.models.names import Table, centered, with_biases
from causerie.models.registry import architecture
from causerie.models.rope_config import read_kind, read_scaled
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP, Gating, LimitedSwish
from causerie.spec.rope import Rope
from causerie.spec.router import MOST_EXPERTS, Router

_LAYER = "model.layers.{i}."
_MATRICES = ("gate", "up", "down")
_NAMES = {
    "num_key_value_heads": "num_attention_groups",
    "n_routed_experts": "moe_num_experts",
    "num_experts_per_tok": "moe_top_k",
    "share_expert_dim": "share_expert_dims",
}
_ALWAYS = {  # of the many switches of first files the one value that models have
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
_OF_LAYERS = (
    "layer_types",
    "mlp_layer_types",
    "partial_rotary_factors",
    "rope_theta",
    "swiglu_limits",
    "swiglu_limits_shared",
)
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 128815,
    "hidden_size": 4096,
    "intermediate_size": 11264,
    "num_hidden_layers": 45,
    "num_attention_heads": 64,
    "max_position_embeddings": 128000,
    "rms_norm_eps": 1e-5,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """One tensor for the gates of all experts, one for what is up and one for what is down, as files have them; or two,
    as transformers holds them."""
    moe, mlp = _LAYER + "moe.", _LAYER + "mlp."
    apart: dict[str, Expression] = {
        f"layers.{{i}}.ffn.experts.{e}.{name}": Place(f"{moe}{name}_proj.weight", e)
        for e in range(experts_of(spec).count)
        for name in _MATRICES
    }
    stacked = experts_stacked(spec, mlp + "experts.gate_up_proj", mlp + "experts.down_proj")
    return (
        _others(moe + "router_bias", moe + "gate", _LAYER + "share_expert.") | apart,
        _others(mlp + "gate.e_score_correction_bias", mlp + "gate", mlp + "shared_experts.") | stacked,
    )


def _others(choice_bias: str, router: str, shared: str) -> dict[str, str | Expression]:
    ours = "layers.{i}.ffn."
    beside = with_biases({f"{ours}shared.{name}": f"{shared}{name}_proj.weight" for name in _MATRICES})
    return {
        **centered(qwen3.WEIGHTS),
        **beside,
        "layers.{i}.mixer.gate": _LAYER + "self_attn.g_proj.weight",
        ours + "router": router + ".weight",
        ours + "choice_bias": choice_bias,
    }


@architecture("step3p5", weights=weights)
def step3p5(c: Config) -> Decoder:
    """Step-3.5-Flash, and the text model of Step-3.7-Flash."""
    c.rename(_NAMES)
    c.assume(DEFAULTS)
    for key, value in _ALWAYS.items():
        c.expect(key, value)
    c.expect("gating", True, "per-head")
    c.leave("need_fp32_gate", "im_start_token_id", "mtp_layer_types", "mtp_mlp_layer_types")  # here always in float32
    count = c.integer("num_hidden_layers", most=MOST_LAYERS)
    drafting = c.integer("num_nextn_predict_layers", 0, least=0, most=count)
    c.cut(_OF_LAYERS, count, drafting)
    kinds = layer_kinds(c, [FULL] * count)
    head_dim = c.integer("head_dim", 128)
    ropes = _ropes(c, kinds, head_dim)
    bias, mlp_bias = c.boolean("attention_bias", False), c.boolean("mlp_bias", False)
    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        mlp_bias=mlp_bias,
        kv_heads=8,
        head_dim=128,
        rope=lambda _: ropes[kinds[0]],
        act=None,
    )
    c.expect("max_seq_len", spec.context)
    scale = c.number("query_pre_attn_scalar", head_dim) ** -0.5
    spec = spec.each_attention(qk_norm=spec.norm, gated=True, gated_heads=True, scale=scale)
    changes = {kind: {"rope": rope} for kind, rope in ropes.items()}
    spec = with_kinds(_with_more_heads(c, spec, kinds), kinds, changes)
    return replace(_with_limits(c, spec, mlp_bias), drafting_layers=drafting)


def _ropes(c: Config, kinds: Sequence[str], head_dim: int) -> dict[str, Rope]:
    """The rotation of each kind of layer that there is: an object for each; or, as first files have it, numbers for
    each layer and a scaling for those that see everything."""
    if c.holds_objects("rope_parameters"):
        return {kind: read_kind(c, kind, head_dim, {}, 1e4, partial=True) for kind in dict.fromkeys(kinds)}
    thetas = numbers_of_kinds(c, "rope_theta", kinds, 1e4)
    shares = numbers_of_kinds(c, "partial_rotary_factors", kinds, 1.0)
    scaling = c.part("rope_scaling")
    plain = Config({}, family=c.family)
    ropes = {}
    for kind, theta in thetas.items():
        part = scaling if scaling is not None and kind == FULL else plain
        rope = read_scaled(c, part, head_dim, theta)
        dims = int(head_dim * shares[kind])
        if dims % 2 or not 0 < dims <= head_dim:
            raise c.wrong("partial_rotary_factors", shares[kind], f"an even part of the {head_dim} elements of a head")
        ropes[kind] = replace(rope, dims=dims)
    return ropes


def _with_more_heads(c: Config, spec: Decoder, kinds: Sequence[str]) -> Decoder:
    """With the window of sliding layers, and the number of heads that they have."""
    full, layers = next(spec.attentions), [i for i, kind in enumerate(kinds) if kind == SLIDING]
    heads = _sliding_heads(c, full)
    own = c.numbered_parts("per_layer_config") or {}
    said = {i: part.integer("num_attention_heads", full.heads) for i, part in own.items()}
    if said and said != dict.fromkeys(layers, heads):
        raise c.wrong("per_layer_config", said, f"{heads} heads for each of layers {layers}")
    if not layers:
        c.leave("sliding_window")
        return spec
    return with_kinds(spec, kinds, {SLIDING: {"window": c.integer("sliding_window"), "heads": heads}})


def _sliding_heads(c: Config, full: Attention) -> int:
    other = c.part("attention_other_setting") or Config({}, family=c.family)
    other.expect("attention_type", SLIDING)
    other.expect("num_attention_groups", full.kv_heads)
    other.expect("head_dim", full.head_dim)
    other.expect("true_head_dim", full.head_dim)
    heads = c.integer("num_sliding_attention_heads", other.integer("num_attention_heads", full.heads))
    if heads % full.kv_heads:
        raise c.wrong("num_sliding_attention_heads", heads, f"a multiple of {full.kv_heads}")
    return heads


def _with_limits(c: Config, spec: Decoder, mlp_bias: bool) -> Decoder:
    """With experts in the layers that have some, and the limits of each layer: 0 where there is none."""
    layers = range(len(spec.layers))
    count = c.integer("n_routed_experts", 288, most=MOST_EXPERTS)
    active = c.integer("num_experts_per_tok", 8, most=count)
    router = Router(active, "sigmoid", choice_bias=True, scale=c.number("moe_router_scaling_factor", 1.0))
    hidden, beside = c.integer("moe_intermediate_size", 1280), c.integer("share_expert_dim", 1280)
    own, common = (_gatings(c, key, len(layers)) for key in ("swiglu_limits", "swiglu_limits_shared"))
    dense = spec.layers[0].ffn
    sparse = _sparse_layers(c, len(layers))

    def half(i: int) -> MLP | Experts:
        if i not in sparse:
            return MLP(dense.hidden, common[i], mlp_bias)
        return Experts(count, router, hidden, own[i], shared=Shared(MLP(beside, common[i], mlp_bias)))

    return replace(spec, layers=tuple(replace(layer, ffn=half(i)) for i, layer in enumerate(spec.layers)))


def _gatings(c: Config, key: str, layers: int) -> list[Gating]:
    limits = c.numbers(key, layers, above=False) if c.has(key) else [0.0] * layers
    return [LimitedSwish(limit) if limit else "silu" for limit in limits]


def _sparse_layers(c: Config, layers: int) -> frozenset[int]:
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
