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
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import Table, centered, with_biases
from causerie.models.registry import architecture
from causerie.models.step_config import ALWAYS, NAMES, OF_LAYERS, gatings, ropes_of, sliding_heads, sparse_layers
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP
from causerie.spec.router import MOST_EXPERTS, Router

_LAYER = "model.layers.{i}."
_MATRICES = ("gate", "up", "down")
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
    c.rename(NAMES)
    c.assume(DEFAULTS)
    for key, value in ALWAYS.items():
        c.expect(key, value)
    c.expect("gating", True, "per-head")
    c.leave("need_fp32_gate", "im_start_token_id", "mtp_layer_types", "mtp_mlp_layer_types")  # here always in float32
    count = c.integer("num_hidden_layers", most=MOST_LAYERS)
    drafting = c.integer("num_nextn_predict_layers", 0, least=0, most=count)
    c.cut(OF_LAYERS, count, drafting)
    kinds = layer_kinds(c, [FULL] * count)
    head_dim = c.integer("head_dim", 128)
    ropes = ropes_of(c, kinds, head_dim)
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


def _with_more_heads(c: Config, spec: Decoder, kinds: Sequence[str]) -> Decoder:
    """With the window of sliding layers, and the number of heads that they have."""
    layers = [i for i, kind in enumerate(kinds) if kind == SLIDING]
    heads = sliding_heads(c, next(spec.attentions), layers)
    if not layers:
        c.leave("sliding_window")
        return spec
    return with_kinds(spec, kinds, {SLIDING: {"window": c.integer("sliding_window"), "heads": heads}})


def _with_limits(c: Config, spec: Decoder, mlp_bias: bool) -> Decoder:
    """With experts in the layers that have some, and the limits of each layer: 0 where there is none."""
    layers = range(len(spec.layers))
    count = c.integer("n_routed_experts", 288, most=MOST_EXPERTS)
    active = c.integer("num_experts_per_tok", 8, most=count)
    router = Router(active, "sigmoid", choice_bias=True, scale=c.number("moe_router_scaling_factor", 1.0))
    hidden, beside = c.integer("moe_intermediate_size", 1280), c.integer("share_expert_dim", 1280)
    own, common = (gatings(c, key, len(layers)) for key in ("swiglu_limits", "swiglu_limits_shared"))
    dense = spec.layers[0].ffn
    sparse = sparse_layers(c, len(layers))

    def half(i: int) -> MLP | Experts:
        if i not in sparse:
            return MLP(dense.hidden, common[i], mlp_bias)
        return Experts(count, router, hidden, own[i], shared=Shared(MLP(beside, common[i], mlp_bias)))

    return replace(spec, layers=tuple(replace(layer, ffn=half(i)) for i, layer in enumerate(spec.layers)))
