"""Qwen3-VL with experts, the text model: Qwen3 with experts, whose shares are always divided by their sum."""

from __future__ import annotations

from causerie.checkpoint.expression import Expression, Place, Rows
from causerie.checkpoint.rearranged import Oriented
from causerie.models.archs import qwen3_moe
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_names import experts_of
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_text_rope
from causerie.spec.decoder import Decoder
from causerie.spec.router import MOST_EXPERTS

_EXPERTS = "model.layers.{i}.mlp.experts."
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 151936,
    "hidden_size": 2048,
    "intermediate_size": 5632,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "max_position_embeddings": 128000,
    "norm_topk_prob": True,
    "tie_word_embeddings": True,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """All experts in one tensor, inputs by outputs or, as transformers holds them, the other way round; or each
    alone."""
    alone, stacked = qwen3_moe.weights(spec)
    experts = experts_of(spec)
    turned: dict[str, Expression] = {}
    for e in range(experts.count):
        ours = f"layers.{{i}}.ffn.experts.{e}."
        both = Oriented(Place(_EXPERTS + "gate_up_proj", e), 2 * experts.hidden, spec.width)
        turned[ours + "gate"] = Rows(both, 0, experts.hidden)
        turned[ours + "up"] = Rows(both, experts.hidden, 2 * experts.hidden)
        turned[ours + "down"] = Oriented(Place(_EXPERTS + "down_proj", e), spec.width, experts.hidden)
    return ({**stacked, **turned}, alone)


@architecture("qwen3_vl_moe_text", weights=weights)
def qwen3_vl_moe_text(c: Config) -> Decoder:
    """The text models of Qwen3-VL 30B-A3B and 235B-A22B."""
    c.assume(DEFAULTS)
    c.expect("norm_topk_prob", True)
    bias = c.boolean("attention_bias", False)
    rope = lambda head_dim: read_text_rope(c, head_dim, default_theta=5e5)  # noqa: E731
    spec = llama_like(c, bias=bias, out_bias=bias, kv_heads=16, rope=rope)
    spec = spec.each_attention(qk_norm=spec.norm)
    count = c.integer("num_local_experts", c.integer("num_experts", 60, most=MOST_EXPERTS), most=MOST_EXPERTS)
    experts = qwen3_moe.qwen_experts(c, spec, count, active=4, hidden=1408)
    return qwen3_moe.with_experts(c, spec, experts)
