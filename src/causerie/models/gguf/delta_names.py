"""What GGUF files call the weights of hybrids of attention and the gated delta rule. What converting did to them is
undone: value heads take turns there by key head, in the files of some architectures, where they lie here key head by
key head; and how fast states shrink is stored as -exp of what checkpoints say. Knows no architecture."""

from __future__ import annotations

from math import gcd

from causerie.checkpoint.elementwise import LogOfNegated
from causerie.checkpoint.expression import Expression, Flattened, Tensor, Transposed
from causerie.checkpoint.head_rows import Turns
from causerie.checkpoint.rearranged import ColumnBlocks, RowBlocks
from causerie.models.gguf.names import BLOCK, OURS, Entries, rows_of
from causerie.spec.decoder import Decoder
from causerie.spec.delta import DeltaRule

_MIXER = OURS + "mixer."


def gated_attention_names(spec: Decoder) -> Entries:
    """Of attention whose gates take turns with its queries, head by head."""
    mixer = next(spec.attentions, None)
    if mixer is None:
        return {}
    size, both = mixer.head_dim, Tensor(BLOCK + "attn_q.weight")
    return {
        _MIXER + "q": Turns(both, 0, size, 2 * size),
        _MIXER + "gate": Turns(both, size, 2 * size, 2 * size),
        _MIXER + "k": BLOCK + "attn_k.weight",
        _MIXER + "v": BLOCK + "attn_v.weight",
    }


def delta_names(spec: Decoder, *, in_turns: bool) -> Entries:
    """Of the delta rule, whose value heads lie `in_turns` or key head by key head; empty where no layer has it."""
    rule = next((layer.mixer for layer in spec.layers if isinstance(layer.mixer, DeltaRule)), None)
    if rule is None:
        return {}
    order = _order(rule) if in_turns and rule.group > 1 else None
    rows = rows_of(
        BLOCK + "attn_qkv.weight", {"query": rule.key_width, "key": rule.key_width, "value": rule.value_width}
    )
    table: dict[str, Expression] = {
        **rows,
        "value": _rows(rows["value"], rule.value_dim, order),
        "out_gate": _rows(Tensor(BLOCK + "attn_gate.weight"), rule.value_dim, order),
        "beta": _rows(Tensor(BLOCK + "ssm_beta.weight"), 1, order),
        "step": _rows(Tensor(BLOCK + "ssm_alpha.weight"), 1, order),
        "conv": Flattened(Transposed(_channels(rule, order))),
        "log_rate": LogOfNegated(_rows(Tensor(BLOCK + "ssm_a"), 1, order)),
        "step_offset": _rows(Tensor(BLOCK + "ssm_dt.bias"), 1, order),
        "norm": Tensor(BLOCK + "ssm_norm.weight"),
        "out": Tensor(BLOCK + "ssm_out.weight"),
    }
    if order is not None:
        table["out"] = ColumnBlocks(table["out"], rule.value_dim, order)
    return {_MIXER + name: expression for name, expression in table.items()}


def by_head(spec: Decoder) -> Entries:
    """What decides how much is written and kept, of files that have both in one tensor, key head by key head."""
    rule = next(layer.mixer for layer in spec.layers if isinstance(layer.mixer, DeltaRule))
    both, group = Tensor(BLOCK + "ssm_ba.weight"), rule.group
    return {
        _MIXER + "beta": Turns(both, 0, group, 2 * group),
        _MIXER + "step": Turns(both, group, 2 * group, 2 * group),
    }


def _order(rule: DeltaRule) -> tuple[int, ...]:
    """Where each value head lies whose key head has all of its own together."""
    return tuple(turn * rule.key_heads + key_head for key_head in range(rule.key_heads) for turn in range(rule.group))


def _rows(of: Expression, size: int, order: tuple[int, ...] | None) -> Expression:
    return of if order is None else RowBlocks(of, size, order)


def _channels(rule: DeltaRule, order: tuple[int, ...] | None) -> Expression:
    """The taps of each channel: those of queries, keys and values."""
    taps = Tensor(BLOCK + "ssm_conv1d.weight")
    if order is None:
        return taps
    size = gcd(rule.key_dim, rule.value_dim)
    before, each = 2 * rule.key_width // size, rule.value_dim // size
    values = (before + head * each + part for head in order for part in range(each))
    return RowBlocks(taps, size, (*range(before), *values))
