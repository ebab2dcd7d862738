"""What GGUF files call the weights: tables from canonical names to tensors, or to expressions over them, as
models/names.py has them of other files. All architectures share the names; what converting to GGUF did to the numbers
of some is said by the architecture. Opens no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from causerie.checkpoint.expression import Columns, Expression, Place, Rows, Tensor
from causerie.models.expert_names import experts_of
from causerie.models.gguf.metadata import Metadata
from causerie.models.names import Table, in_halves, with_biases
from causerie.spec.decoder import Decoder
from causerie.spec.draft_head import DRAFT
from causerie.spec.rope import Rope

Entries: TypeAlias = dict[str, str | Expression]
"""Of a table that others are joined to."""

BLOCK = "blk.{i}."
OURS = "layers.{i}."

_OUTSIDE = {
    "embed": "token_embd",
    "positions": "position_embd",
    "embed_norm": "token_embd_norm",
    "norm": "output_norm",
    "head": "output",
}
_INSIDE = {
    "mixer_norm": "attn_norm",
    "mixer_norm_after": "post_attention_norm",
    "mixer.q": "attn_q",
    "mixer.k": "attn_k",
    "mixer.v": "attn_v",
    "mixer.o": "attn_output",
    "mixer.q_norm": "attn_q_norm",
    "mixer.k_norm": "attn_k_norm",
    "ffn_norm": "ffn_norm",
    "ffn_norm_after": "post_ffw_norm",
    "ffn.gate": "ffn_gate",
    "ffn.up": "ffn_up",
    "ffn.down": "ffn_down",
    "ffn.router": "ffn_gate_inp",
    "ffn.shared_router": "ffn_gate_inp_shexp",
    "ffn.shared.gate": "ffn_gate_shexp",
    "ffn.shared.up": "ffn_up_shexp",
    "ffn.shared.down": "ffn_down_shexp",
}
_DRAFT_NORMS = {"token_norm": "enorm", "state_norm": "hnorm", "norm": "shared_head_norm"}
_EXPERTS = {"gate": "ffn_gate_exps", "up": "ffn_up_exps", "down": "ffn_down_exps"}

_PLAIN: Table = with_biases(
    {ours: f"{theirs}.weight" for ours, theirs in _OUTSIDE.items()}
    | {OURS + ours: f"{BLOCK}{theirs}.weight" for ours, theirs in _INSIDE.items()}
) | {
    OURS + "mixer.sinks": BLOCK + "attn_sinks.weight",
    OURS + "ffn.choice_bias": BLOCK + "exp_probs_b.bias",
}


def plain_names(m: Metadata, spec: Decoder) -> Entries:
    """The table of a file whose heads turn in halves, as ours do: what architectures have in common."""
    table = {**_PLAIN, **_expert_names(m, spec), **_draft_names(spec)}
    mixer = next(spec.attentions, None)
    if mixer is not None and m.holds_in_blocks("attn_qkv.weight"):
        rows = {"q": mixer.query_width, "k": mixer.key_width, "v": mixer.value_width}
        table |= {
            f"{OURS}mixer.{name}{suffix}": cut
            for suffix, kind in (("", "weight"), ("_bias", "bias"))
            for name, cut in rows_of(f"{BLOCK}attn_qkv.{kind}", rows).items()
        }
    return table


def paired_names(m: Metadata, spec: Decoder) -> Entries:
    """The table of a file whose heads turn in pairs, element i with the one beside it."""
    table = plain_names(m, spec)
    mixer = next(spec.attentions, None)
    if mixer is None:
        return table
    whole = Rope(1.0, mixer.head_dim, spec.context)  # of heads that do not turn, but lie as if they did
    return dict(in_halves(table, mixer if mixer.rope is not None else replace(mixer, rope=whole)))


def gate_and_up(spec: Decoder) -> Entries:
    """Both of a layer in one tensor, the rows of the gate first."""
    hidden = spec.layers[0].ffn.hidden
    both = rows_of(BLOCK + "ffn_up.weight", {"gate": hidden, "up": hidden})
    return {f"{OURS}ffn.{name}": rows for name, rows in both.items()}


def rows_of(tensor: str, rows: Mapping[str, int]) -> dict[str, Expression]:
    """Matrices that are rows of one tensor, one after the other; `rows` says how many each has."""
    table: dict[str, Expression] = {}
    start = 0
    for name, count in rows.items():
        table[name] = Rows(Tensor(tensor), start, start + count)
        start += count
    return table


def _expert_names(m: Metadata, spec: Decoder) -> Entries:
    """Each matrix is a place of the stack of all experts'."""
    both = m.holds_in_blocks("ffn_gate_up_exps.weight")
    experts = experts_of(spec)
    table: Entries = {}
    for e in range(experts.count):
        ours = f"{OURS}ffn.experts.{e}."
        for name, theirs in _EXPERTS.items():
            table[ours + name] = Place(f"{BLOCK}{theirs}.weight", e)
            table[f"{ours}{name}_bias"] = Place(f"{BLOCK}{theirs}.bias", e)
        if both:
            stack = Place(f"{BLOCK}ffn_gate_up_exps.weight", e)
            table[ours + "gate"] = Rows(stack, 0, experts.hidden)
            table[ours + "up"] = Rows(stack, experts.hidden, 2 * experts.hidden)
    return table


def _draft_names(spec: Decoder) -> Entries:
    """Of a head that files hold as the layer behind the last one, whose block is called as other layers are."""
    if spec.draft_head is None:
        return {}
    place = BLOCK.replace("{i}", str(len(spec.layers))) + "nextn."
    both = Tensor(f"{place}eh_proj.weight")
    return {
        **{DRAFT + ours: f"{place}{theirs}.weight" for ours, theirs in _DRAFT_NORMS.items()},
        f"{DRAFT}token": Columns(both, 0, spec.width),
        f"{DRAFT}state": Columns(both, spec.width, 2 * spec.width),
    }
