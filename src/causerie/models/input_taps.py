"""A decoder in passes of one layer each, which tell what its matrices read. Between two passes rows wait outside, so
that the weights of one layer at a time need be there.

Knows no weight's value, and not what is made of what it tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from causerie.spec.decoder import EMBEDDING, EMBEDDING_NORM, NORM, POSITIONS, Decoder
from causerie.spec.experts import Experts
from causerie.spec.ops import Expert, Linear, Ops, Value, Weights, linear_parts

Place: TypeAlias = int | Literal["entry", "exit"]
"""A layer, or what is before the first or behind the last."""


@dataclass(frozen=True)
class InputReading:
    """Which matrices read a tap, and of its columns those from `first` on; none where it is what the pass gives."""

    tap: int
    names: tuple[str, ...]
    first: int = 0


class InputTaps:
    """Operations, and a note of what the matrices among them read."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops
        self.taps: list[Value] = []
        self.readings: list[InputReading] = []

    def __getattr__(self, name: str) -> Any:
        """All that has no matrices is as it is."""
        return getattr(self._ops, name)

    def linear(self, x: Value, *parts: Linear) -> tuple[Value, ...]:
        """All parts read x."""
        self._note(x, parts)
        return self._ops.linear(x, *parts)

    def joined(self, x: Value, *parts: Linear) -> Value:
        """All parts read x."""
        self._note(x, parts)
        return self._ops.joined(x, *parts)

    def block_diagonal(self, x: Value, parts: Sequence[Linear]) -> Value:
        """Each part reads its own columns of x."""
        first, tap = 0, self.tap(x)
        for part in parts:
            self.readings.append(InputReading(tap, (part.weight.name,), first))
            first += part.weight.shape[1]
        return self._ops.block_diagonal(x, parts)

    def experts(self, x: Value, scores: Value, experts: Sequence[Expert], *others: Any) -> Value:
        """The first matrices of all experts read x; `expert_pass` tells what the last ones do."""
        self._note(x, [part for each in experts for part in (each.gate, each.up) if part is not None])
        return self._ops.experts(x, scores, experts, *others)

    def tap(self, x: Value) -> int:
        """The number of a tap that gives x."""
        for number, tap in enumerate(self.taps):
            if tap is x:
                return number
        self.taps.append(x)
        return len(self.taps) - 1

    def _note(self, x: Value, parts: Sequence[Linear]) -> None:
        self.readings.append(InputReading(self.tap(x), tuple(part.weight.name for part in parts)))


@dataclass
class LayerPass:
    """One of the passes: a `backends.ops.Forward`. Once it has been traced, `readings` say whose inputs the taps are,
    and `result` and `extra` which taps the next pass reads."""

    place: Place
    readings: list[InputReading] = field(default_factory=list, init=False)
    result: int = field(default=0, init=False)
    extra: int | None = field(default=None, init=False)

    def __call__(self, ops: Ops, spec: Decoder, weights: Weights) -> tuple[Value, ...]:
        """Nothing of either exit, and the taps. What it reads are features: a row of what the pass before gives, and
        behind it of what layers are given besides."""
        notes = InputTaps(ops)
        noting = cast(Ops, notes)
        if self.place == "entry":
            x, extra = _entry(noting, spec, weights)
            self.extra = None if extra is None else notes.tap(extra)
        else:
            width = spec.width if spec.streams is None else spec.streams.count * spec.width
            further = 0 if spec.layer_input is None else spec.layer_input.width * len(spec.layers)
            features = ops.features(width + further)
            x = ops.columns(features, 0, width)
            extra = ops.columns(features, width, further) if further else None
            x = (
                _exit(noting, spec, x, weights)
                if self.place == "exit"
                else spec.layers[self.place].forward(noting, x, self.place, weights, last=False, extra=extra)
            )
        self.result, self.readings = notes.tap(x), notes.readings
        if self.place == "exit":
            self.readings.append(InputReading(self.result, (spec.head,)))
        return *ops.exits(ops.select(x)), *notes.taps


@dataclass
class ExpertPass:
    """What the experts of a layer make of features between their matrices, each of all rows."""

    layer: int
    readings: list[InputReading] = field(default_factory=list, init=False)

    def __call__(self, ops: Ops, spec: Decoder, weights: Weights) -> tuple[Value, ...]:
        """Nothing of either exit, and a tap for each expert."""
        experts = spec.layers[self.layer].experts
        assert isinstance(experts, Experts)
        x = ops.columns(ops.features(experts.latent or spec.width), 0, experts.latent or spec.width)
        taps: list[Value] = []
        for number in range(experts.count):
            prefix = f"layers.{self.layer}.ffn.experts.{number}."
            names = ("gate", "up") if experts.gated else ("up",)
            *gate, up = ops.linear(x, *linear_parts(weights, prefix, names))
            taps.append(ops.glu(gate[0], up, experts.act) if gate else ops.activate(up, cast(Any, experts.act)))
            self.readings.append(InputReading(number, (f"{prefix}down",)))
        return *ops.exits(ops.select(x)), *taps


def _entry(ops: Ops, spec: Decoder, weights: Weights) -> tuple[Value, Value | None]:
    x = ops.embed(weights[EMBEDDING], spec.embedding_scale)
    if spec.positions is not None:
        x = ops.add(x, ops.positions(weights[POSITIONS], spec.positions.offset))
    if spec.embedding_norm is not None:
        x = spec.embedding_norm.forward(ops, x, weights, EMBEDDING_NORM)
    extra = None if spec.layer_input is None else spec.layer_input.shared(ops, x, weights, spec.width)
    return (x if spec.streams is None else spec.streams.entry(ops, x, weights)), extra


def _exit(ops: Ops, spec: Decoder, x: Value, weights: Weights) -> Value:
    x = x if spec.streams is None else spec.streams.exit(ops, x, weights)
    return spec.norm.forward(ops, x, weights, NORM)
