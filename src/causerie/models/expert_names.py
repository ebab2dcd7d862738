"""What checkpoints call the experts of a layer, in the arrangements that programs of the field write: each matrix
alone, or those of all experts in one tensor. Knows no family."""

from __future__ import annotations

from collections.abc import Mapping

from causerie.checkpoint.expression import Expression, Place, Rows
from causerie.models.names import Table
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts
from causerie.spec.router import Router

EXPERT_MATRICES = {"gate": "gate_proj", "up": "up_proj", "down": "down_proj"}


def experts_of(spec: Decoder) -> Experts:
    """Those of the first layer that has some; all such layers of a decoder have alike ones."""
    return next((layer.experts for layer in spec.layers if layer.experts is not None), _NONE)


_NONE = Experts(0, Router(0), 0)


def experts_alone(spec: Decoder, place: str, matrices: Mapping[str, str] = EXPERT_MATRICES) -> dict[str, str]:
    """Each matrix of each expert in a tensor of its own, under `place` and the expert's number."""
    return {
        f"layers.{{i}}.ffn.experts.{e}.{ours}": f"{place}.{e}.{theirs}.weight"
        for e in range(experts_of(spec).count)
        for ours, theirs in matrices.items()
    }


def experts_stacked(spec: Decoder, both: str, down: str) -> dict[str, Expression]:
    """One tensor has gate and up of all experts, the rows of one after those of the other; one has down of all."""
    table: dict[str, Expression] = {}
    experts = experts_of(spec)
    for e in range(experts.count):
        ours = f"layers.{{i}}.ffn.experts.{e}."
        table[ours + "gate"] = Rows(Place(both, e), 0, experts.hidden)
        table[ours + "up"] = Rows(Place(both, e), experts.hidden, 2 * experts.hidden)
        table[ours + "down"] = Place(down, e)
    return table


def both_arrangements(spec: Decoder, others: Table, mlp: str) -> tuple[Table, Table]:
    """The tables of a family whose experts lie under `mlp`, alone as files have them or stacked as transformers holds
    them, and whose other weights have the same names in both."""
    stacked = experts_stacked(spec, f"{mlp}.experts.gate_up_proj", f"{mlp}.experts.down_proj")
    return {**others, **experts_alone(spec, f"{mlp}.experts")}, {**others, **stacked}
