"""A mixture of experts: the feed-forward part of a decoder as several gated layers, of which each token uses a few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.spec.cost import PartCost
from causerie.spec.mlp import MLP, Gating
from causerie.spec.ops import Expert, Ops, Value, Weights, linear_parts
from causerie.spec.router import Router
from causerie.spec.weight import WeightSpec, vector


def unread_share(count: int, active: int, rows: float) -> float:
    """Which part of `count` experts none of `rows` tokens chooses, where each chooses `active` and all are as
    likely."""
    return float((1 - active / count) ** rows)


@dataclass(frozen=True)
class Shared:
    """A feed-forward layer that every token uses beside its experts. Where it is `weighed`, its result is
    multiplied by the sigmoid of a score of its own."""

    mlp: MLP
    weighed: bool = False


@dataclass(frozen=True)
class Experts:
    """`count` feed-forward layers, of which a router chooses some for each token (Shazeer et al., 2017)."""

    count: int
    router: Router
    hidden: int  # of each expert
    act: Gating = "silu"
    bias: bool = False
    shared: Shared | None = None
    gated: bool = True
    latent: int | None = None  # the width of what experts read and give, where a matrix before and one behind change it

    @property
    def expert(self) -> MLP:
        """One of them."""
        return MLP(self.hidden, self.act, self.bias, self.gated)

    def weights(self, width: int) -> Iterator[WeightSpec]:
        """The router, which has a row for each expert; the experts; and what is shared."""
        if self.router.norm is not None:
            yield from self.router.norm.weights("router_norm", width)
        yield WeightSpec("router", (self.count, width), "router")
        if self.router.bias:
            yield vector("router_bias", self.count)
        if self.router.choice_bias:
            yield WeightSpec("choice_bias", (self.count,), "choice")
        if self.router.share_scales:
            yield vector("share_scales", self.count)
        if self.latent is not None:
            yield WeightSpec("narrow", (self.latent, width), "feed-forward")
            yield WeightSpec("widen", (width, self.latent), "feed-forward")
        for e in range(self.count):
            for weight in self.expert.weights(self.latent or width):
                yield weight.within(f"experts.{e}.")
        if self.shared is not None:
            for weight in self.shared.mlp.weights(width):
                yield weight.within("shared.")
            if self.shared.weighed:
                yield WeightSpec("shared_router", (1, width), "router")

    def cost(self, width: int) -> PartCost:
        """The router, those experts that are active, and what is shared."""
        each = self.expert.cost(self.latent or width).matrices
        own = PartCost((self.count + 2 * (self.latent or 0)) * width + self.router.active * each)
        if self.shared is None:
            return own
        return own + self.shared.mlp.cost(width) + PartCost(width if self.shared.weighed else 0)

    def unread(self, width: int, rows: float) -> Iterator[tuple[WeightSpec, float]]:
        """The weights of one expert, and how many of each a step of `rows` tokens is expected to leave unread."""
        idle = self.count * unread_share(self.count, self.router.active, rows)
        for weight in self.expert.weights(self.latent or width):
            yield weight, idle

    def forward(
        self, ops: Ops, x: Value, layer: int, weights: Weights, prefix: str, judged: Value | None = None
    ) -> Value:
        """The weighted sum of what each token's experts make of it, and what is shared: [n, width] → [n, width]. They
        are chosen by what is `judged`, which is x where nothing is said."""
        scores = self._scores(ops, x if judged is None else judged, weights, prefix)
        experts = [self._matrices(weights, f"{prefix}experts.{e}.") for e in range(self.count)]
        read = x
        if self.latent is not None:
            (read,) = ops.linear(x, *linear_parts(weights, prefix, ["narrow"]))
        biases, scales = (weights.get(prefix + name) for name in ("choice_bias", "share_scales"))
        mixture = ops.experts(read, scores, experts, self.router, biases, self.act, scales)
        if self.latent is not None:
            (mixture,) = ops.linear(mixture, *linear_parts(weights, prefix, ["widen"]))
        if self.shared is None:
            return mixture
        shared = self.shared.mlp.forward(ops, x, layer, weights, prefix + "shared.")
        if self.shared.weighed:
            (score,) = ops.linear(x, *linear_parts(weights, prefix, ["shared_router"]))
            shared = ops.weighed(shared, score)
        return ops.add(mixture, shared)

    def _scores(self, ops: Ops, x: Value, weights: Weights, prefix: str) -> Value:
        """[n, count]"""
        if self.router.norm is not None:
            x = self.router.norm.forward(ops, x, weights, prefix + "router_norm")
        (scores,) = ops.linear(x, *linear_parts(weights, prefix, ["router"]))
        scale, cap = self.router.score_scale, self.router.score_cap
        return scores if scale == 1.0 and cap is None else ops.softcap(scores, scale, cap)

    def _matrices(self, weights: Weights, prefix: str) -> Expert:
        gate = linear_parts(weights, prefix, ["gate"])[0] if self.gated else None
        return Expert(gate, *linear_parts(weights, prefix, ["up", "down"]))
