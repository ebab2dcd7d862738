"""Qwen3.5 with experts, the text model: Qwen3.5 with many small experts beside one that all tokens use, as far as its
gate opens."""

from __future__ import annotations

from causerie.models.archs.qwen3_5_text import text_hybrid, with_own_head
from causerie.models.archs.qwen3_next import EXPERT_WEIGHTS, experts_beside_one
from causerie.models.config import Config
from causerie.models.delta_names import hybrid_names, rule_by_kind
from causerie.models.draft_names import centered_apart
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import both_arrangements
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 248320,
    "hidden_size": 2048,
    "num_hidden_layers": 40,
    "num_attention_heads": 16,
    "max_position_embeddings": 32768,
    "partial_rotary_factor": 0.25,
    "norm_topk_prob": True,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """The experts' matrices in one tensor, as files have them, or each alone."""
    others = {**hybrid_names(spec), **rule_by_kind(spec), **EXPERT_WEIGHTS}
    tables = both_arrangements(spec, others, "model.layers.{i}.mlp")[::-1]
    return tuple({**table, **centered_apart(spec, table)} for table in tables)


@architecture("qwen3_5_moe_text", weights=weights)
def qwen3_5_moe_text(c: Config) -> Decoder:
    """The text models of Qwen3.5 and 3.6 with experts, 35B-A3B to 397B-A17B."""
    c.assume(DEFAULTS)
    c.expect("norm_topk_prob", True)
    spec = text_hybrid(c, kv_heads=2, hidden=c.integer("moe_intermediate_size", 512))
    experts = experts_beside_one(c, spec, count=256, active=8)
    return with_own_head(c, in_layers(spec, experts, range(len(spec.layers))))
