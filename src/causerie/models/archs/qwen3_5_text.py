"""Qwen3.5, the text model: the gated delta rule in three layers of four, gated attention in the fourth, of which a
quarter of each head turns; norms by 1 + w."""

from __future__ import annotations

from causerie.models.archs.qwen3_next import hybrid, with_head
from causerie.models.config import Config
from causerie.models.delta_names import hybrid_names, rule_by_kind
from causerie.models.draft_names import centered_apart
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_text_rope
from causerie.spec.decoder import Decoder

DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 248320,
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "max_position_embeddings": 32768,
    "partial_rotary_factor": 0.25,
}


def weights(spec: Decoder) -> Table:
    """Those of a hybrid whose delta rule reads tensors of each kind."""
    table = {**hybrid_names(spec), **rule_by_kind(spec)}
    return {**table, **centered_apart(spec, table)}


@architecture("qwen3_5_text", weights=weights)
def qwen3_5_text(c: Config) -> Decoder:
    """The text models of Qwen3.5, 3.6 and 3.8, the dense ones."""
    c.assume(DEFAULTS)
    return with_own_head(c, text_hybrid(c, kv_heads=4))


def text_hybrid(c: Config, *, kv_heads: int, hidden: int | None = None) -> Decoder:
    """The hybrid inside of a model that sees pictures, as `hybrid` makes it."""
    rope = lambda head_dim: read_text_rope(c, head_dim, partial=True)  # noqa: E731
    return hybrid(c, kv_heads=kv_heads, rope=rope, hidden=hidden)


def with_own_head(c: Config, spec: Decoder) -> Decoder:
    """With the head to guess with, where files hold one whose embedding is the model's."""
    layers, dedicated = c.integer("mtp_num_hidden_layers", 0, least=0), c.boolean("mtp_use_dedicated_embeddings", False)
    return with_head(spec) if layers and not dedicated else spec
