"""One block of a decoder: its parts, and the norms around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from causerie.spec.alt_up import STREAMS, AltUp
from causerie.spec.attention import Attention
from causerie.spec.beside import BesideExperts
from causerie.spec.cost import PartCost
from causerie.spec.delta import DeltaRule
from causerie.spec.experts import Experts
from causerie.spec.latent import LatentAttention
from causerie.spec.layer_cache import LayerCache, Pages, Slot
from causerie.spec.layer_input import LayerInput
from causerie.spec.low_rank import LowRankPath
from causerie.spec.mamba import Mamba
from causerie.spec.mamba2 import Mamba2
from causerie.spec.mlp import MLP, NOTHING
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights
from causerie.spec.short_conv import ShortConv
from causerie.spec.side_by_side import SideBySide
from causerie.spec.weight import WeightSpec, vector

Mixer: TypeAlias = Attention | LatentAttention | ShortConv | DeltaRule | Mamba2 | SideBySide | Mamba
"""What brings positions together."""


@dataclass(frozen=True)
class Layer:
    """One block: x += mixer(norm(x)); x += ffn(norm(x)). Without a `norm` each half reads x as it is; with a
    `norm_after` its result is normed before it is added. Where the halves are `parallel`, both read what the block is
    given: through one norm, or each through its own (Wang & Komatsuzaki, "GPT-J", 2021). One of the halves may be
    missing, with its norms."""

    mixer: Mixer | None
    ffn: MLP | Experts | BesideExperts  # NOTHING where that half is missing
    norm: Norm | None
    norm_after: Norm | None = None
    residual_scale: float = 1.0  # of what each half adds
    parallel: Literal["one norm", "two norms"] | None = None
    input: LayerInput | None = None  # what it is given besides, which it adds to its result
    scaled: bool = False  # all that it gives is multiplied by one number of its own
    low_rank: LowRankPath | None = None  # beside the mixer
    streams: AltUp | None = None  # of which it computes the first; a further input is then added to the others

    @property
    def attention(self) -> Attention | None:
        """Where it attends."""
        mixer = self.mixer.attention if isinstance(self.mixer, SideBySide) else self.mixer
        return mixer if isinstance(mixer, Attention) else None

    def with_attention(self, **changes: Any) -> Layer:
        """The same block with these fields changed in its attention, where it has one."""
        if self.attention is None:
            return self
        changed = replace(self.attention, **changes)
        return replace(
            self, mixer=replace(self.mixer, attention=changed) if isinstance(self.mixer, SideBySide) else changed
        )

    @property
    def cache(self) -> tuple[LayerCache, ...]:
        """What it keeps between steps, of each kind at most one."""
        if self.mixer is None:
            return ()
        return self.mixer.cache if isinstance(self.mixer, SideBySide) else (self.mixer.cache,)

    @property
    def pages(self) -> Pages | None:
        """What it keeps of every position."""
        return next((each for each in self.cache if isinstance(each, Pages)), None)

    @property
    def slot(self) -> Slot | None:
        """What it keeps of a whole text."""
        return next((each for each in self.cache if isinstance(each, Slot)), None)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """All of it, for rows of `width`."""
        for name, part in self._halves:
            if self.norm is not None and (name == "mixer" or self._norms_ffn):
                yield from self.norm.weights(f"{name}_norm", width)
            for weight in part.weights(width):
                yield weight.within(f"{name}.")
            if self.norm_after is not None:
                yield from self.norm_after.weights(f"{name}_norm_after", width)
        if self.input is not None:
            for weight in self.input.weights(width):
                yield weight.within("input.")
        if self.scaled:
            yield vector("scale", 1)
        if self.low_rank is not None:
            for weight in self.low_rank.weights(width):
                yield weight.within("low_rank.")
        if self.streams is not None:
            for weight in self.streams.weights():
                yield weight.within(STREAMS)

    @property
    def experts(self) -> Experts | None:
        """Those of its feed-forward half, where it has some."""
        if isinstance(self.ffn, BesideExperts):
            return self.ffn.experts
        return self.ffn if isinstance(self.ffn, Experts) else None

    def cost(self, width: int) -> PartCost:
        """Of its parts."""
        cost = sum((part.cost(width) for _, part in self._halves), PartCost(0))
        cost = cost if self.input is None else cost + self.input.cost(width)
        cost = cost if self.low_rank is None else cost + self.low_rank.cost(width)
        return cost if self.streams is None else cost + self.streams.cost()

    def unread(self, width: int, rows: float) -> Iterator[tuple[WeightSpec, float]]:
        """Weights that a step of `rows` tokens need not read, and how many of each it is expected to leave so."""
        return self.ffn.unread(width, rows)

    def forward(
        self, ops: Ops, x: Value, layer: int, weights: Weights, *, last: bool, extra: Value | None = None
    ) -> Value:
        """[n, width] → [n, width], or all streams → all streams; of the last block only the rows that are wanted, as
        nobody attends to what follows. `extra` is what layers are given besides, all of them side by side."""
        prefix = f"layers.{layer}."
        own = prefix + STREAMS
        streams = None if self.streams is None else self.streams.prediction(ops, x, weights, own)
        x = x if self.streams is None else self.streams.first(ops, streams)
        made = self._computed(ops, x, layer, weights, last)
        if self.streams is not None:
            made = self.streams.correction(ops, ops.select(streams) if last else streams, made, weights, own)
        if self.input is not None:
            further = ops.columns(extra, layer * self.input.width, self.input.width)
            further = ops.select(further) if last else further
            if self.streams is None:
                made = self.input.forward(ops, made, further, weights, prefix + "input.")
            else:
                gating = self.streams.gating(ops, made, weights, own)
                addition = self.input.addition(ops, gating, further, weights, prefix + "input.")
                made = self.streams.addition(ops, made, addition)
        return ops.times(made, weights[prefix + "scale"]) if self.scaled else made

    def _computed(self, ops: Ops, x: Value, layer: int, weights: Weights, last: bool) -> Value:
        """What both halves make of x."""
        prefix = f"layers.{layer}."
        h, mixed = x, x
        if self.mixer is not None:
            h = self._normed(ops, x, weights, prefix + "mixer")
            result = self.mixer.forward(ops, h, layer, weights, prefix + "mixer.")
            mixed = self._added(ops, x, result, weights, prefix + "mixer")
        if self.low_rank is not None:
            mixed = self.low_rank.forward(ops, mixed, h, weights, prefix + "low_rank.")
        if self.parallel is None:
            mixed = read = ops.select(mixed) if last else mixed
        else:
            read = h if self.parallel == "one norm" else x
            mixed, read = (ops.select(mixed), ops.select(read)) if last else (mixed, read)
        if self.ffn == NOTHING:
            return mixed
        if self._norms_ffn:
            read = self._normed(ops, read, weights, prefix + "ffn")
        made = self.ffn.forward(ops, read, layer, weights, prefix + "ffn.")
        return self._added(ops, mixed, made, weights, prefix + "ffn")

    @property
    def _norms_ffn(self) -> bool:
        return self.parallel != "one norm" and not isinstance(self.ffn, BesideExperts)

    @property
    def _halves(self) -> Iterator[tuple[str, Mixer | MLP | Experts | BesideExperts]]:
        """By name, those that it has."""
        if self.mixer is not None:
            yield "mixer", self.mixer
        if self.ffn != NOTHING:
            yield "ffn", self.ffn

    def _normed(self, ops: Ops, x: Value, weights: Weights, half: str) -> Value:
        return x if self.norm is None else self.norm.forward(ops, x, weights, half + "_norm")

    def _added(self, ops: Ops, x: Value, result: Value, weights: Weights, half: str) -> Value:
        if self.norm_after is not None:
            result = self.norm_after.forward(ops, result, weights, half + "_norm_after")
        return ops.add(x, result, self.residual_scale)
