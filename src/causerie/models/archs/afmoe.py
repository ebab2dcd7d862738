"""Trinity: normed heads behind a gate, norms before and after each half, three sliding layers to a full one on which
positions turn nothing, and in all but the first layers many experts, which a bias of their own helps to choose, beside
a layer that all tokens use."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import EXPERT_MATRICES, both_arrangements
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS, QK_NORMS, Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP
from causerie.spec.router import MOST_EXPERTS, Router

_LAYER = "model.layers.{i}."
_MLP = _LAYER + "mlp"
_OTHERS: Table = {
    **LLAMA_WEIGHTS,
    **QK_NORMS,
    "layers.{i}.mixer.gate": _LAYER + "self_attn.gate_proj.weight",
    "layers.{i}.mixer_norm_after": _LAYER + "post_attention_layernorm.weight",
    "layers.{i}.ffn_norm": _LAYER + "pre_mlp_layernorm.weight",
    "layers.{i}.ffn_norm_after": _LAYER + "post_mlp_layernorm.weight",
    "layers.{i}.ffn.router": f"{_MLP}.router.gate.weight",
    "layers.{i}.ffn.choice_bias": f"{_MLP}.expert_bias",
    **{
        f"layers.{{i}}.ffn.shared.{ours}": f"{_MLP}.shared_experts.{name}.weight"
        for ours, name in EXPERT_MATRICES.items()
    },
}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 200192,
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "max_position_embeddings": 16384,
    "rms_norm_eps": 1e-5,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    return both_arrangements(spec, _OTHERS, _MLP)


@architecture("afmoe", weights=weights)
def afmoe(c: Config) -> Decoder:
    """Arcee's Trinity Nano, Mini and Large."""
    c.assume(DEFAULTS)
    c.expect("score_func", "sigmoid")
    c.expect("route_norm", True)
    c.expect("n_group", 1)
    c.expect("topk_group", 1)
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, head_dim=128)
    spec = spec.each_attention(qk_norm=spec.norm, gated=True)
    layers = tuple(replace(layer, norm_after=spec.norm) for layer in spec.layers)
    scale = spec.width**0.5 if c.boolean("mup_enabled", False) else 1.0
    spec = replace(spec, layers=layers, embedding_scale=scale)
    distance, window = c.integer("global_attn_every_n_layers", 4), c.integer("sliding_window", 1024)
    kinds = layer_kinds(c, [SLIDING if (i + 1) % distance else FULL for i in range(len(layers))])
    spec = with_kinds(spec, kinds, {SLIDING: {"window": window}, FULL: {"rope": None}})
    return in_layers(spec, _experts(c), range(c.integer("num_dense_layers", 1, least=0), len(layers)))


def _experts(c: Config) -> Experts:
    count, hidden = c.integer("num_experts", 64, most=MOST_EXPERTS), c.integer("moe_intermediate_size", 1408)
    router = Router(
        c.integer("num_experts_per_tok", 6, most=count),
        "sigmoid",
        choice_bias=True,
        sum_offset=1e-20,
        scale=c.number("route_scale", 1.0),
    )
    return Experts(count, router, hidden, shared=Shared(MLP(hidden * c.integer("num_shared_experts", 2))))
