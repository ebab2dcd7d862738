"""MiniMax M2: half of each head turns, with a norm over all queries and one over all keys, and each token uses a few of
many experts, which a bias of their own helps to choose."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import experts_alone, experts_stacked
from causerie.models.names import LLAMA_WEIGHTS, QK_NORMS, Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts
from causerie.spec.rope import Rope
from causerie.spec.router import MOST_EXPERTS, Router

_LAYER = "model.layers.{i}."
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 200064,
    "hidden_size": 3072,
    "intermediate_size": 1536,
    "num_hidden_layers": 62,
    "num_attention_heads": 48,
    "max_position_embeddings": 196608,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    others, ours = {**LLAMA_WEIGHTS, **QK_NORMS}, "layers.{i}.ffn."
    moe, mlp = _LAYER + "block_sparse_moe.", _LAYER + "mlp."
    alone = experts_alone(spec, moe + "experts", {"gate": "w1", "up": "w3", "down": "w2"})
    stacked = experts_stacked(spec, mlp + "experts.gate_up_proj", mlp + "experts.down_proj")
    return tuple(
        {
            **others,
            ours + "router": place + "gate.weight",
            ours + "choice_bias": place + "e_score_correction_bias",
            **experts,
        }
        for place, experts in ((moe, alone), (mlp, stacked))
    )


@architecture("minimax_m2", weights=weights)
def minimax_m2(c: Config) -> Decoder:
    """MiniMax M2 to M2.5, where they are not in 8 bits."""
    c.assume(DEFAULTS)
    # What files say besides: what is always so here, and layers for drafting that they do not hold.
    c.expect("use_qk_norm", True)
    c.expect("qk_norm_type", "per_layer")
    c.expect("scoring_func", "sigmoid")
    c.expect("use_routing_bias", True)
    c.leave("use_mtp", "num_mtp_modules", "mtp_transformer_layers")
    spec = llama_like(c, kv_heads=8, head_dim=128, rope=lambda head_dim: _rope(c, head_dim))
    c.expect("attn_type_list", [1] * len(spec.layers))
    count = c.integer("num_local_experts", c.integer("num_experts", 256, most=MOST_EXPERTS), most=MOST_EXPERTS)
    router = Router(c.integer("num_experts_per_tok", 8, most=count), "sigmoid", choice_bias=True)
    experts = Experts(count, router, spec.layers[0].ffn.hidden, spec.layers[0].ffn.act)
    spec = spec.each_attention(qk_norm=spec.norm, qk_norm_whole=True)
    return in_layers(spec, experts, range(len(spec.layers)))


def _rope(c: Config, head_dim: int) -> Rope:
    """Files say how many elements of a head turn, transformers which part of it."""
    turning = c.optional_integer("rotary_dim", None, most=head_dim)
    if turning is not None:
        c.assume({"partial_rotary_factor": turning / head_dim})
    return read_rope(c, head_dim, partial=True, default_theta=5e6)
