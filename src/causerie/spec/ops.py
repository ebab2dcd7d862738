"""The vocabulary of operations: all that a decoder and its parts may ask of a machine.

Parts are written once over `Ops` and run unchanged on every backend: torch computes at once, native appends
instructions to a program. A value (`Value`) is whatever the backend likes; it stands for a matrix of float activations
`[tokens, width]`. This module knows no backend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from causerie.spec.attention import Attention
    from causerie.spec.causal_conv import CausalConv
    from causerie.spec.delta import DeltaRule
    from causerie.spec.latent import LatentAttention
    from causerie.spec.mamba import Mamba
    from causerie.spec.mamba2 import Mamba2
    from causerie.spec.mlp import Activation, Gating
    from causerie.spec.norm import Norm
    from causerie.spec.router import Router
    from causerie.spec.short_conv import ShortConv

Value: TypeAlias = Any
Weight: TypeAlias = Any  # quant/weight.py's, whose format and data are a backend's affair
Weights: TypeAlias = Mapping[str, Weight]  # by canonical name, as Decoder.weights() lists them


@dataclass(frozen=True)
class Linear:
    """A matrix (outputs, inputs) with its bias (outputs,), or None."""

    weight: Weight
    bias: Weight | None = None


@dataclass(frozen=True)
class Expert:
    """The matrices of one feed-forward layer among several, gated or not."""

    gate: Linear | None
    up: Linear
    down: Linear


@dataclass(frozen=True)
class DeltaVectors:
    """What the delta rule has besides matrices: `taps` of its convolution [taps · channels], the oldest position's
    first; `log_rate` and `step_offset`, of each value head."""

    taps: Weight
    log_rate: Weight
    step_offset: Weight


class Ops(Protocol):
    """What a step can do. Shapes are of one step with n tokens; rows never influence each other except in attention,
    convolutions and recurrences, and there only through the cache blocks and the slots of their own sequence."""

    def embed(self, table: Weight, scale: float = 1.0) -> Value:
        """[n, width]: the rows of `table` that the step's tokens name, the first one for a token that it has none for,
        times `scale`, rounded as the table's numbers are."""
        ...

    def norm(
        self, x: Value, weight: Weight | None, norm: Norm, group: int | None = None, bias: Weight | None = None
    ) -> Value:
        """x / sqrt(mean(x²) + eps) · weight + bias over groups of so many elements: one group per row for a layer's
        norm, which is where `group` is None, one per head for a norm on queries and keys; of a `centered` norm each
        group less its mean. Where weight and bias are shorter than a row, they are repeated. Means and root in
        float32."""
        ...

    def linear(self, x: Value, *parts: Linear) -> tuple[Value, ...]:
        """x · weightᵀ + bias for each part; several parts (q, k, v) share one pass over x."""
        ...

    def attention(
        self,
        q: Value,
        k: Value | None,
        v: Value | None,
        layer: int,
        spec: Attention,
        norms: tuple[Weight, Weight] | None = None,
        sinks: Weight | None = None,
    ) -> Value:
        """Rotates q and k, writes k and v to the cache of `layer`, returns softmax(q·kᵀ · scale) · v: [n, heads ·
        value_dim]. q is [n, heads · head_dim], k [n, kv_heads · head_dim] and v [n, kv_heads · value_dim]; query head h
        reads key head h // group. Without k and v nothing is written: `layer` is another one, which has written them
        for the same rows. `norms` are weights of the norm of each query and of each key head after its rotation. Where
        scores have a softcap, softmax reads softcap · tanh(q·kᵀ · scale / softcap); where the heads have slopes the
        score at j of the query at i is less by slope · (i - j). Softmax in float32, of each head also over its sink, a
        score that no value belongs to."""
        ...

    def short_conv(self, x: Value, taps: Weight, bias: Weight | None, layer: int, spec: ShortConv) -> Value:
        """[n, channels]: c · (Σ taps[k] · e[p - past + k] + bias) over k = 0 … past, of each channel by itself, at
        position p, where e = b · v entered; x is [n, 3 · channels], b, c and v side by side. taps is [taps · channels],
        the oldest position's first, bias [channels]. What entered before the sequence's first row is read from the slot
        of `layer`, 0 where there is none, and what entered at the last `past` positions is written to one. Sums in
        float32."""
        ...

    def delta(
        self,
        inputs: tuple[Value, Value, Value],
        beta: Value,
        step: Value,
        vectors: DeltaVectors,
        layer: int,
        spec: DeltaRule,
    ) -> Value:
        """[n, value_heads · value_dim]: of each head Sᵀ · q, at each position after S has become d · S + k ⊗ c, where c
        = sigmoid(beta) · (v - d · Sᵀ · k) and d = exp(-exp(log_rate) · log(1 + exp(step + step_offset))). The `inputs`
        are queries and keys [n, key_heads · key_dim] and values [n, value_heads · value_dim]; q, k and v are silu(Σ
        taps[j] · e[p - past + j]) over j = 0 … past of what entered so, q and k of each head then divided by their
        length, and q by the root of key_dim. Value head h reads q and k of head h // group. What entered before the
        sequence's first row and S are read from the slot of `layer`, 0 where there is none, and written to one. All
        of it in float32."""
        ...

    def glu(self, gate: Value, up: Value, act: Gating) -> Value:
        """act(gate) · up, or as the gating says."""
        ...

    def gate_heads(self, x: Value, gate: Value, act: Activation) -> Value:
        """[n, width]: x · act(gate), where each of a row's gates is for as many neighbours."""
        ...

    def activate(self, x: Value, act: Activation) -> Value:
        """act(x)."""
        ...

    def xielu(self, x: Value, above: Weight, below: Weight) -> Value:
        """softplus(above) · x² + x/2 where x > 0, else (1/2 + softplus(below)) · (exp(x) - 1 - x) + x/2; both weights
        are one number (Huang & Schlag, "Deriving activation functions using integration", 2024)."""
        ...

    def clip(self, x: Value, limit: float) -> Value:
        """x cut off at ± limit."""
        ...

    def positions(self, table: Weight, offset: int) -> Value:
        """[n, width]: the rows of `table` at the step's positions + offset."""
        ...

    def experts(
        self,
        x: Value,
        scores: Value,
        experts: Sequence[Expert],
        router: Router,
        choice_bias: Weight | None,
        act: Gating,
        share_scales: Weight | None = None,
    ) -> Value:
        """[n, width]: for each row Σ share · down(act(gate(x)) · up(x)), or of experts without a gate share ·
        down(act(up(x))), over those that `router` chooses by the scores, [n, experts], best first, each share times
        the expert's one of `share_scales`; all about shares in float32. What no row chooses is not read. Where the
        router's shares are `on_input` it is x that each multiplies, and the result is added as it is."""
        ...

    def weighed(self, x: Value, score: Value) -> Value:
        """[n, width]: x · sigmoid(score), where score is [n, 1]."""
        ...

    def add(self, x: Value, y: Value, scale: float = 1.0) -> Value:
        """x + y · scale."""
        ...

    def softcap(self, x: Value, scale: float, cap: float | None) -> Value:
        """cap · tanh(x · scale / cap); x · scale without a cap. x may be written over: nobody else may read it."""
        ...

    def times(self, x: Value, factors: Weight) -> Value:
        """x · factors, which are repeated where a row is longer."""
        ...

    def columns(self, x: Value, first: int, width: int) -> Value:
        """[n, width]: so many elements of each row, from number `first` on."""
        ...

    def block_diagonal(self, x: Value, parts: Sequence[Linear]) -> Value:
        """[n, Σ outputs]: a row of x is cut into as many equal pieces as there are parts, each piece goes through its
        own part, and the results lie side by side."""
        ...

    def latent_attention(
        self, q: Value, q_turning: Value, latent: Value, k_turning: Value, layer: int, spec: LatentAttention
    ) -> Value:
        """Rotates q_turning and k_turning, writes latent and k_turning to the cache of `layer`, returns what each head
        gathers of latents, softmax((q·latentᵀ + q_turning·k_turningᵀ) · scale) · latent: [n, heads · rank]. q is
        [n, heads · rank], q_turning [n, heads · dims], latent [n, rank] and k_turning [n, dims]. Softmax in float32."""
        ...

    def select(self, x: Value) -> Value:
        """[r + h, width]: the rows whose logits the step wants, then those whose hidden states it wants."""
        ...

    def causal_conv(self, x: Value, taps: Weight, bias: Weight | None, layer: int, spec: CausalConv) -> Value:
        """[n, channels]: silu(Σ taps[k] · e[p - past + k] + bias) over k = 0 … past, of each channel by itself, at
        position p, where e = scale · x entered, x being [n, channels]. taps is [taps · channels], the oldest position's
        first, bias [channels]. What entered before the sequence's first row is read from the front of the slot of
        `layer`, 0 where there is none, and what entered at the last `past` positions is written there. Sums in
        float32."""
        ...

    def mamba2(
        self, x: Value, steps: Value, shrinking: Weight, skip: Weight, step_shift: Weight, layer: int, spec: Mamba2
    ) -> Value:
        """[n, heads · head_dim]: S · C + skip · x of each head, position by position, where S becomes
        S · exp(-step · exp(shrinking)) + step · x ⊗ B, and step is softplus(scale · steps + step_shift), held between
        the least and the most; `x` has x, B and C side by side, head h reads those of group h // (heads / groups).
        steps is [n, heads]; shrinking, skip and step_shift are [heads]. S before the sequence's first row is read from
        the slot of `layer`, behind what its convolution keeps, 0 where there is none, and written there at the end. All
        of it in float32."""
        ...

    def mamba(
        self, x: Value, steps: Value, both: Value, shrinking: Weight, skip: Weight, layer: int, spec: Mamba
    ) -> Value:
        """[n, inner]: Σ S · C + skip · x of each channel over its numbers, position by position, where each number S
        becomes S · exp(-step · exp(shrinking)) + step · x · B, and step is softplus(steps). x and steps are [n, inner],
        `both` is [n, 2 · state], B and C side by side; shrinking is [state · inner], skip [inner]. S is kept as by
        `mamba2`. All of it in float32."""
        ...

    def joined(self, x: Value, *parts: Linear) -> Value:
        """[n, Σ outputs]: what `linear` gives of each part, side by side."""
        ...

    def blend(self, x: Value, y: Value, piece: int, factors: Value | None, constants: Sequence[float] = ()) -> Value:
        """[n, width]: rows of x and of y are cut into pieces of so many elements; to piece j of x is added the sum of
        all pieces i of y, each times f[j · pieces of y + i], where f is the row of `factors`, `constants`, or where
        both are there their sum."""
        ...

    def leveled(self, x: Value, y: Value, least: float) -> Value:
        """[n, width + width of y]: x, and behind it each piece of y that is as wide, multiplied so that the root of its
        mean square is that of x, its own mean square being at least `least`. Means and roots in float32."""
        ...

    def excess(self, x: Value, deviations: float) -> Value:
        """max(0, x - c), where c is the mean of a row and so many standard deviations of it."""
        ...

    def features(self, width: int) -> Value:
        """[n, width]: the rows that come with the step beside its tokens (`Step.features`); at most once in a pass."""
        ...

    def exits(self, x: Value) -> tuple[Value, Value]:
        """[r, width] and [h, width]: both kinds of the selected rows, apart."""
        ...


def linear_parts(weights: Weights, prefix: str, names: Sequence[str]) -> tuple[Linear, ...]:
    """The named matrices under `prefix`, each with its bias where the model has one."""
    return tuple(Linear(weights[prefix + name], weights.get(f"{prefix}{name}_bias")) for name in names)
