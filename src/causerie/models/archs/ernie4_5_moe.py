"""ERNIE 4.5 with experts: ERNIE 4.5 with many small feed-forward layers in the place of each, of which a token uses a
few, chosen with the help of a bias, beside one that all tokens use."""

from __future__ import annotations

from dataclasses import replace

from causerie.checkpoint.expression import Expression, Place
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import EXPERT_MATRICES, both_arrangements
from causerie.models.names import LLAMA_WEIGHTS, Table, in_halves
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP, Gating
from causerie.spec.router import MOST_EXPERTS, Router

_MLP = "model.layers.{i}.mlp"
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 103424,
    "hidden_size": 2560,
    "intermediate_size": 12288,
    "num_hidden_layers": 28,
    "num_attention_heads": 20,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    others: dict[str, str | Expression] = {
        **in_halves(LLAMA_WEIGHTS, next(spec.attentions)),
        "layers.{i}.ffn.router": f"{_MLP}.gate.weight",
        "layers.{i}.ffn.choice_bias": Place(f"{_MLP}.moe_statics.e_score_correction_bias", 0),
    }
    for ours, name in EXPERT_MATRICES.items():
        others[f"layers.{{i}}.ffn.shared.{ours}"] = f"{_MLP}.shared_experts.{name}.weight"
    return both_arrangements(spec, others, _MLP)


@architecture("ernie4_5_moe", weights=weights)
def ernie4_5_moe(c: Config) -> Decoder:
    """ERNIE 4.5 21B-A3B and 300B-A47B."""
    c.assume(DEFAULTS)
    c.expect("use_bias", False)
    c.expect("moe_gate", "topk")
    c.expect("moe_use_aux_free", True)
    spec = llama_like(
        c,
        kv_heads=4,
        rope=lambda head_dim: read_rope(c, head_dim, default_theta=5e5),
    )
    last = len(spec.layers) - 1
    end = c.integer("moe_layer_end_index", -1, least=-1, most=last)
    first, step = c.integer("moe_layer_start_index", 1, least=0), c.integer("moe_layer_interval", 1)
    sparse = (i for i in range(first, (last if end == -1 else end) + 1) if (i + 1) % step == 0)
    spec = in_layers(spec, _experts(c, spec.layers[0].ffn.act), sparse)
    return replace(spec, tied=c.boolean("tie_word_embeddings", True))


def _experts(c: Config, act: Gating) -> Experts:
    count = c.integer("moe_num_experts", 64, most=MOST_EXPERTS)
    hidden, shared = c.integer("moe_intermediate_size", 1536), c.integer("moe_num_shared_experts", 2, least=0)
    router = Router(
        c.integer("moe_k", 6, most=count),
        choice_bias=True,
        least_sum=c.number("moe_norm_min", 1e-12),
    )
    beside = Shared(MLP(hidden * shared, act)) if shared else None
    return Experts(count, router, hidden, act, shared=beside)
