"""The vocabulary of spec/ops.py in plain torch: each operation as its sentence says it, for any device.

In float32 on the CPU this is what every other implementation is tested against. One `TorchOps` serves one step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from causerie.backends.torch.attention import attend, oldest, rotated
from causerie.backends.torch.cache import PagedCache, StepTensors
from causerie.backends.torch.delta import delta_rule, heads_of, log_decay
from causerie.backends.torch.packed import QuantizedMatrix
from causerie.backends.torch.recurrence import convolved, mamba, mamba2, step_sizes
from causerie.backends.torch.routing import routed
from causerie.backends.torch.transform import TransformTensors
from causerie.errors import EngineError
from causerie.quant.weight import Weight
from causerie.spec.attention import Attention
from causerie.spec.causal_conv import CausalConv
from causerie.spec.delta import DeltaRule
from causerie.spec.latent import LatentAttention
from causerie.spec.mamba import Mamba
from causerie.spec.mamba2 import Mamba2
from causerie.spec.mlp import Activation, ClampedSwish, Gating, LimitedSwish
from causerie.spec.norm import Norm
from causerie.spec.ops import DeltaVectors, Expert, Linear
from causerie.spec.rope import Rope
from causerie.spec.router import Router
from causerie.spec.short_conv import ShortConv

MOST_SCORES = 2**26  # attention scores held at once, in elements: queries are taken in chunks that stay below


class TorchOps:
    """Operations on the rows of `step`; values are tensors [n, width] in the model's dtype."""

    def __init__(
        self,
        step: StepTensors,
        cache: PagedCache,
        rotations: Mapping[Rope, Tensor],
        dtype: torch.dtype,
        choices: Sequence[Tensor] = (),
    ) -> None:
        """`choices` are counts [experts] for each layer that has experts, in order; each choice of a row is added."""
        self._step = step
        self._dtype = dtype
        self._cache = cache
        self._rotations = rotations  # [n, 2, dims / 2] each
        self._choices = iter(choices)

    def embed(self, table: Weight, scale: float = 1.0) -> Tensor:
        """[n, width]"""
        tokens = self._step.tokens * (self._step.tokens < table.shape[0])
        if isinstance(table.data, QuantizedMatrix):
            inputs, rows = table.data.inputs, table.data.rows(tokens)
            rows = (rows if inputs is None else inputs.undone(rows)).to(self._dtype)
        else:
            rows = F.embedding(tokens, table.data).to(self._dtype)
        return rows if scale == 1.0 else rows * torch.tensor(scale, dtype=rows.dtype, device=rows.device)

    def norm(
        self, x: Tensor, weight: Weight | None, norm: Norm, group: int | None = None, bias: Weight | None = None
    ) -> Tensor:
        """Over groups, root and means in float32; rounded at the end, or before the weight where the mean stays."""
        groups = x.float().unflatten(-1, (-1, group or x.shape[-1]))
        if norm.centered:
            groups = groups - groups.mean(-1, keepdim=True)
        scaled = groups * torch.rsqrt(groups.pow(2).mean(-1, keepdim=True) + norm.eps)
        if weight is not None:
            late = norm.centered or weight.data.dtype is torch.float32  # numbers that the model's own dtype would round
            own = weight.data.unflatten(-1, (-1, groups.shape[-1]))
            scaled = own.float() * scaled if late else own * scaled.to(x.dtype)
        if bias is not None:
            scaled = scaled + bias.data.unflatten(-1, (-1, groups.shape[-1])).float()
        return scaled.to(x.dtype).flatten(-2)

    def linear(self, x: Tensor, *parts: Linear) -> tuple[Tensor, ...]:
        """x · weightᵀ + bias, part by part; what a matrix does to its inputs is done once for all that do the same."""
        read: dict[TransformTensors | None, Tensor] = {None: x}
        for inputs in (_inputs(part) for part in parts):
            if inputs is not None and inputs not in read:
                read[inputs] = inputs.apply(x)
        return tuple(_linear(read[_inputs(part)], part, x.dtype) for part in parts)

    def attention(
        self,
        q: Tensor,
        k: Tensor | None,
        v: Tensor | None,
        layer: int,
        spec: Attention,
        norms: tuple[Weight, Weight] | None = None,
        sinks: Weight | None = None,
    ) -> Tensor:
        """[n, heads · value_dim]"""
        queries = self._turned(q.unflatten(-1, (spec.heads, spec.head_dim)), spec.query_rope or spec.rope)
        if spec.qk_norm is not None and norms is not None:
            queries = self.norm(queries, norms[0], spec.qk_norm)
        if k is not None and v is not None:
            keys = self._turned(k.unflatten(-1, (spec.kv_heads, spec.head_dim)), spec.rope)
            if spec.qk_norm is not None and norms is not None:
                keys = self.norm(keys, norms[1], spec.qk_norm)
            values = v.unflatten(-1, (spec.kv_heads, spec.value_dim))
            self._cache.write(layer, self._step.places[self._cache.group(layer)], keys, values)
        return self._attended(queries, layer, spec, None if sinks is None else sinks.data)

    def block_diagonal(self, x: Tensor, parts: Sequence[Linear]) -> Tensor:
        """Piece by piece."""
        pieces = zip(x.chunk(len(parts), -1), parts, strict=True)
        return torch.cat([out for piece, part in pieces for out in self.linear(piece, part)], -1)

    def joined(self, x: Tensor, *parts: Linear) -> Tensor:
        """[n, Σ outputs]"""
        return torch.cat(self.linear(x, *parts), -1)

    def latent_attention(
        self, q: Tensor, q_turning: Tensor, latent: Tensor, k_turning: Tensor, layer: int, spec: LatentAttention
    ) -> Tensor:
        """Attention whose keys are latents and what has turned, side by side, and whose values are latents."""
        turned = self._turned(q_turning.unflatten(-1, (spec.heads, -1)), spec.rope)
        queries = torch.cat([q.unflatten(-1, (spec.heads, spec.rank)), turned], -1)
        keys = torch.cat([latent[:, None], self._turned(k_turning[:, None], spec.rope)], -1)
        self._cache.write(layer, self._step.places[self._cache.group(layer)], keys, keys[..., :0])
        return self._attended(queries, layer, spec.over_latents, None, spec.rank)

    def _attended(
        self, queries: Tensor, layer: int, spec: Attention, sinks: Tensor | None, of_key: int | None = None
    ) -> Tensor:
        """[n, heads · elements of a value]: what queries, turned, gather of what the layer keeps. The first `of_key`
        elements of a key are its value, where it is said."""
        group = self._cache.group(layer)
        mixed = queries.new_empty((*queries.shape[:-1], of_key or spec.value_dim))
        for sequence in self._step.sequences:
            chunk = max(1, MOST_SCORES // (spec.heads * sequence.length))
            for start in range(sequence.start, sequence.stop, chunk):
                rows = slice(start, min(start + chunk, sequence.stop))
                first, last = sequence.positions(rows)
                seen = slice(oldest(first, spec), last + 1)
                kept_keys, kept_values = self._cache.read(layer, sequence.tables[group], seen)
                kept_values = kept_values if of_key is None else kept_keys[..., :of_key]
                mixed[rows] = attend(queries[rows], kept_keys, kept_values, first, seen.start, spec, sinks)
        return mixed.flatten(-2)

    def short_conv(self, x: Tensor, taps: Weight, bias: Weight | None, layer: int, spec: ShortConv) -> Tensor:
        """[n, channels]"""
        before, after, entering = x.chunk(3, dim=-1)
        return after * self._convolved(before * entering, taps, bias, layer, (spec.taps, spec.channels)).to(x.dtype)

    def causal_conv(self, x: Tensor, taps: Weight, bias: Weight | None, layer: int, spec: CausalConv) -> Tensor:
        """[n, channels]"""
        if spec.scales:
            x = x * torch.cat([x.new_full((count,), scale) for count, scale in spec.scales])
        return F.silu(self._convolved(x, taps, bias, layer, (spec.taps, spec.channels))).to(x.dtype)

    def mamba2(
        self, x: Tensor, steps: Tensor, shrinking: Weight, skip: Weight, step_shift: Weight, layer: int, spec: Mamba2
    ) -> Tensor:
        """[n, heads · head_dim]"""
        sizes, rates = step_sizes(steps, step_shift.data, spec), -shrinking.data.float().exp()
        passed = skip.data.float()[:, None] * x[:, : spec.inner].float().unflatten(-1, (spec.heads, spec.head_dim))

        def run(rows: slice, state: Tensor, _: int) -> tuple[Tensor, Tensor]:
            return mamba2(x[rows], sizes[rows], rates, state.view(spec.heads, spec.head_dim, spec.state), spec)

        results = self._recurred(torch.empty_like(passed), layer, spec.conv.elements, run)
        return (passed + results).flatten(-2).to(x.dtype)

    def mamba(
        self, x: Tensor, steps: Tensor, both: Tensor, shrinking: Weight, skip: Weight, layer: int, spec: Mamba
    ) -> Tensor:
        """[n, inner]"""
        sizes, rates = F.softplus(steps.float()), -shrinking.data.float().exp().unflatten(0, (spec.state, -1)).T
        passed = skip.data.float() * x.float()

        def run(rows: slice, state: Tensor, _: int) -> tuple[Tensor, Tensor]:
            return mamba(x[rows], sizes[rows], both[rows], rates, state.view(spec.inner, spec.state))

        return (passed + self._recurred(torch.empty_like(passed), layer, spec.conv.elements, run)).to(x.dtype)

    def delta(
        self,
        inputs: tuple[Tensor, Tensor, Tensor],
        beta: Tensor,
        step: Tensor,
        vectors: DeltaVectors,
        layer: int,
        spec: DeltaRule,
    ) -> Tensor:
        """[n, value_heads · value_dim]"""
        mixed = F.silu(self._convolved(torch.cat(inputs, -1), vectors.taps, None, layer, (spec.taps, spec.channels)))
        queries, keys, values = heads_of(mixed, spec)
        decay = log_decay(step, vectors.log_rate.data, vectors.step_offset.data)
        learned = beta.float().sigmoid()

        def run(rows: slice, state: Tensor, position: int) -> tuple[Tensor, Tensor]:
            matrices = state.view(spec.value_heads, spec.key_dim, spec.value_dim)
            return delta_rule(queries[rows], keys[rows], values[rows], decay[rows], learned[rows], matrices, position)

        results = self._recurred(torch.empty_like(values), layer, spec.past * spec.channels, run)
        return results.flatten(1).to(inputs[2].dtype)

    def glu(self, gate: Tensor, up: Tensor, act: Gating) -> Tensor:
        """act(gate) · up"""
        if isinstance(act, ClampedSwish):
            gate, up = gate.clamp(max=act.limit), up.clamp(-act.limit, act.limit)
            return (up + 1) * (gate * torch.sigmoid(gate * act.slope))
        if isinstance(act, LimitedSwish):
            return F.silu(gate).clamp(max=act.limit) * up.clamp(-act.limit, act.limit)
        return self.activate(gate, act) * up

    def gate_heads(self, x: Tensor, gate: Tensor, act: Activation) -> Tensor:
        """x · act(gate), the function in float32"""
        opened = self.activate(gate.float(), act).to(x.dtype)
        return (x.unflatten(-1, (gate.shape[-1], -1)) * opened[..., None]).flatten(-2)

    def xielu(self, x: Tensor, above: Weight, below: Weight) -> Tensor:
        """In float32."""
        wide = x.float()
        grown, shrunk = F.softplus(above.data.float()) * wide.square(), torch.expm1(wide.clamp(max=0)) - wide
        return (torch.where(wide > 0, grown, (0.5 + F.softplus(below.data.float())) * shrunk) + wide / 2).to(x.dtype)

    def activate(self, x: Tensor, act: Activation) -> Tensor:
        """act(x)"""
        return _ACTIVATIONS[act](x)

    def clip(self, x: Tensor, limit: float) -> Tensor:
        """x in ± limit"""
        return x.clamp(-limit, limit)

    def positions(self, table: Weight, offset: int) -> Tensor:
        """[n, width]"""
        return F.embedding(self._step.positions + offset, table.data)

    def experts(
        self,
        x: Tensor,
        scores: Tensor,
        experts: Sequence[Expert],
        router: Router,
        choice_bias: Weight | None,
        act: Gating,
        share_scales: Weight | None = None,
    ) -> Tensor:
        """Expert by expert over the rows that choose it; the sum in float32, in the order of each row's choices."""
        shares, choices = routed(scores, router, None if choice_bias is None else choice_bias.data)
        if (counts := next(self._choices, None)) is not None:
            counts.scatter_add_(0, choices.flatten(), torch.ones_like(choices.flatten()))
        if share_scales is not None:
            shares = shares * share_scales.data.float()[choices]
        results = x.new_empty((*choices.shape, x.shape[-1]))  # [n, active, width]
        for number, expert in enumerate(experts):
            rows, slots = torch.where(choices == number)
            if not len(rows):
                continue
            read = x[rows] * shares[rows, slots, None].to(x.dtype) if router.on_input else x[rows]
            (results[rows, slots],) = self.linear(self._inner(read, expert, act), expert.down)
        weighed = results.float() if router.on_input else results.float() * shares[..., None]
        return weighed.sum(1).to(x.dtype)

    def weighed(self, x: Tensor, score: Tensor) -> Tensor:
        """x · sigmoid(score)"""
        return x * score.sigmoid()

    def add(self, x: Tensor, y: Tensor, scale: float = 1.0) -> Tensor:
        """x + y · scale"""
        return x + (y if scale == 1.0 else y * scale)

    def softcap(self, x: Tensor, scale: float, cap: float | None) -> Tensor:
        """cap · tanh(x · scale / cap)"""
        return x * scale if cap is None else torch.tanh(x * scale / cap) * cap

    def times(self, x: Tensor, factors: Weight) -> Tensor:
        """x · factors"""
        return (x.unflatten(-1, (-1, len(factors.data))) * factors.data).flatten(-2)

    def blend(
        self, x: Tensor, y: Tensor, piece: int, factors: Tensor | None, constants: Sequence[float] = ()
    ) -> Tensor:
        """[n, width]"""
        pieces, others = x.unflatten(-1, (-1, piece)), y.unflatten(-1, (-1, piece))
        shape = (pieces.shape[1], others.shape[1])
        matrix = torch.zeros(shape, dtype=x.dtype, device=x.device) if factors is None else factors.unflatten(-1, shape)
        if constants:
            matrix = matrix + torch.tensor(constants, dtype=x.dtype, device=x.device).view(shape)
        return (pieces + matrix @ others).flatten(-2)

    def leveled(self, x: Tensor, y: Tensor, least: float) -> Tensor:
        """[n, width + width of y], in float32"""
        pieces = y.float().unflatten(-1, (-1, x.shape[-1]))
        roots = pieces.square().mean(-1, keepdim=True).clamp(min=least).sqrt()
        size = x.float().square().mean(-1, keepdim=True).sqrt()
        return torch.cat([x, (pieces * (size[:, None] / roots)).flatten(-2).to(x.dtype)], -1)

    def excess(self, x: Tensor, deviations: float) -> Tensor:
        """max(0, x - c)"""
        deviation, mean = torch.std_mean(x.float(), -1, correction=0, keepdim=True)
        return F.relu(x - (mean + deviation * deviations).to(x.dtype))

    def columns(self, x: Tensor, first: int, width: int) -> Tensor:
        """[n, width]"""
        return x[:, first : first + width]

    def select(self, x: Tensor) -> Tensor:
        """[r + h, width]"""
        return x[self._step.outputs]

    def features(self, width: int) -> Tensor:
        """[n, width]"""
        rows = self._step.features
        if rows is None or rows.shape[1] != width:
            shape = None if rows is None else tuple(rows.shape)
            raise EngineError(f"A step cannot run: it comes with rows {shape}, and rows of {width} are read.")
        return rows

    def exits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[r, width] and [h, width]"""
        return x[: self._step.logits_count], x[self._step.logits_count :]

    def _convolved(
        self, entering: Tensor, taps: Weight, bias: Weight | None, layer: int, shape: tuple[int, int]
    ) -> Tensor:
        """The sum over taps and channels of `shape`, in float32, and the bias; keeps what entered last."""
        count, channels = shape
        each, past = taps.data.float().unflatten(0, shape), slice(0, (count - 1) * channels)
        sums = torch.empty_like(entering, dtype=torch.float32)
        for sequence in self._step.sequences:
            assert sequence.slots is not None  # by the cache's shape
            read, written = sequence.slots
            before = self._cache.remembered(layer, read, past).unflatten(0, (count - 1, channels))
            reach = torch.cat((before, entering[sequence.start : sequence.stop].float()))  # [past + its rows, channels]
            sums[sequence.start : sequence.stop] = convolved(reach, each)
            self._cache.remember(layer, written, past, reach[1 - count :].flatten())
        return sums if bias is None else sums + bias.data.float()

    def _recurred(
        self, results: Tensor, layer: int, first: int, run: Callable[[slice, Tensor, int], tuple[Tensor, Tensor]]
    ) -> Tensor:
        """`results`, filled with what `run` makes of the rows of each sequence, of the state before them, which a slot
        has from element `first` on, and of their first position; the state behind them is kept."""
        part = slice(first, None)
        for sequence in self._step.sequences:
            assert sequence.slots is not None  # by the cache's shape
            read, written = sequence.slots
            rows = slice(sequence.start, sequence.stop)
            results[rows], after = run(rows, self._cache.remembered(layer, read, part), sequence.position)
            self._cache.remember(layer, written, part, after.flatten())
        return results

    def _inner(self, x: Tensor, expert: Expert, act: Gating) -> Tensor:
        """What the last matrix of an expert reads."""
        if expert.gate is not None:
            gate, up = self.linear(x, expert.gate, expert.up)
            return self.glu(gate, up, act)
        assert isinstance(act, str)  # what else there is needs a gate
        (up,) = self.linear(x, expert.up)
        return self.activate(up, act)

    def _turned(self, heads: Tensor, rope: Rope | None) -> Tensor:
        return heads if rope is None else rotated(heads, self._rotations[rope])


_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "sigmoid": F.sigmoid,
    "softplus": F.softplus,
    "relu": F.relu,
    "relu2": lambda x: F.relu(x).square(),
}


def _inputs(part: Linear) -> TransformTensors | None:
    return part.weight.data.inputs if isinstance(part.weight.data, QuantizedMatrix) else None


def _linear(x: Tensor, part: Linear, dtype: torch.dtype) -> Tensor:
    matrix, bias = part.weight.data, None if part.bias is None else part.bias.data
    if isinstance(matrix, QuantizedMatrix):
        return matrix.linear(x, bias).to(dtype)
    if matrix.dtype is not x.dtype or (bias is not None and bias.dtype is not x.dtype):  # held as a file has them
        return F.linear(x.float(), matrix.float(), None if bias is None else bias.float()).to(dtype)
    return F.linear(x, matrix, bias)
