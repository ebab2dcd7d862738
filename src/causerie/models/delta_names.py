"""What checkpoints call the weights of hybrids of attention and the gated delta rule, in the arrangements that families
of the field have. Knows no family."""

from __future__ import annotations

from collections.abc import Mapping

from causerie.checkpoint.expression import Expression, Flattened, Rows, Squeezed, Tensor, Transposed
from causerie.checkpoint.head_rows import Turns
from causerie.models.names import LLAMA_WEIGHTS, QK_NORMS, centered
from causerie.spec.decoder import Decoder
from causerie.spec.delta import DeltaRule

_BLOCK = "model.layers.{i}."
_RULE = _BLOCK + "linear_attn."
_OURS = "layers.{i}.mixer."


def hybrid_names(spec: Decoder) -> dict[str, str | Expression]:
    """All but what the delta rule reads, and experts: norms by 1 + w but for the rule's own, and gates of attention
    that take turns with its queries, head by head."""
    table = dict(centered({**LLAMA_WEIGHTS, **QK_NORMS}))
    attention = next(spec.attentions, None)
    if attention is not None:
        size = attention.head_dim
        table |= _turns(_BLOCK + "self_attn.q_proj.weight", {"q": size, "gate": size})
    conv = Flattened(Transposed(Squeezed(Tensor(_RULE + "conv1d.weight"))))
    own = {"log_rate": "A_log", "step_offset": "dt_bias", "norm": "norm.weight", "out": "out_proj.weight"}
    return table | {_OURS + "conv": conv} | {_OURS + ours: _RULE + theirs for ours, theirs in own.items()}


def rule_by_kind(spec: Decoder) -> dict[str, str | Expression]:
    """What the rule reads: queries, keys and values one after the other in a tensor, the others in tensors of their
    own."""
    rule = _rule_of(spec)
    if rule is None:
        return {}
    sizes = {"query": rule.key_width, "key": rule.key_width, "value": rule.value_width}
    table: dict[str, str | Expression] = {}
    start = 0
    for name, rows in sizes.items():
        table[_OURS + name] = Rows(Tensor(_RULE + "in_proj_qkv.weight"), start, start + rows)
        start += rows
    alone = {"out_gate": "in_proj_z", "beta": "in_proj_b", "step": "in_proj_a"}
    return table | {_OURS + ours: f"{_RULE}{theirs}.weight" for ours, theirs in alone.items()}


def rule_by_head(spec: Decoder) -> dict[str, Expression]:
    """What the rule reads, of each key head together."""
    rule = _rule_of(spec)
    if rule is None:
        return {}
    values = rule.group * rule.value_dim
    rows = {"query": rule.key_dim, "key": rule.key_dim, "value": values, "out_gate": values}
    return {
        **_turns(_RULE + "in_proj_qkvz.weight", rows),
        **_turns(_RULE + "in_proj_ba.weight", {"beta": rule.group, "step": rule.group}),
    }


def _rule_of(spec: Decoder) -> DeltaRule | None:
    return next((layer.mixer for layer in spec.layers if isinstance(layer.mixer, DeltaRule)), None)


def _turns(tensor: str, rows: Mapping[str, int]) -> dict[str, Expression]:
    """Matrices that take turns in one tensor, each with so many rows a turn."""
    table: dict[str, Expression] = {}
    start, step = 0, sum(rows.values())
    for name, count in rows.items():
        table[_OURS + name] = Turns(Tensor(tensor), start, start + count, step)
        start += count
    return table
