"""The vocabulary of spec/ops.py in plain torch: each operation as its sentence says it, for any device.

In float32 on the CPU this is what every other implementation is tested against. One `TorchOps` serves one step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from causerie.backends.torch.cache import PagedCache, StepTensors
from causerie.backends.torch.packed import QuantizedMatrix
from causerie.backends.torch.transform import TransformTensors
from causerie.quant.weight import Weight
from causerie.spec.attention import Attention
from causerie.spec.mlp import Activation
from causerie.spec.norm import Norm
from causerie.spec.ops import Expert, Linear
from causerie.spec.rope import Rope
from causerie.spec.short_conv import ShortConv

MOST_SCORES = 2**26  # attention scores held at once, in elements: queries are taken in chunks that stay below


class TorchOps:
    """Operations on the rows of `step`; values are tensors [n, width] in the model's dtype."""

    def __init__(
        self, step: StepTensors, cache: PagedCache, rotations: Mapping[Rope, Tensor], dtype: torch.dtype
    ) -> None:
        self._step = step
        self._dtype = dtype
        self._cache = cache
        self._rotations = rotations  # [n, 2, dims / 2] each

    def embed(self, table: Weight, scale: float = 1.0) -> Tensor:
        """[n, width]"""
        if isinstance(table.data, QuantizedMatrix):
            rows = table.data.rows(self._step.tokens).to(self._dtype)
        else:
            rows = F.embedding(self._step.tokens, table.data)
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
        self, q: Tensor, k: Tensor, v: Tensor, layer: int, spec: Attention, norms: tuple[Weight, Weight] | None = None
    ) -> Tensor:
        """[n, heads · head_dim]"""
        queries = self._turned(q.unflatten(-1, (spec.heads, spec.head_dim)), spec.query_rope or spec.rope)
        keys = self._turned(k.unflatten(-1, (spec.kv_heads, spec.head_dim)), spec.rope)
        if spec.qk_norm is not None and norms is not None:
            queries, keys = (self.norm(x, w, spec.qk_norm) for x, w in zip((queries, keys), norms, strict=True))
        group = self._cache.group(layer)
        self._cache.write(layer, self._step.places[group], keys, v.unflatten(-1, (spec.kv_heads, spec.head_dim)))
        mixed = torch.empty_like(queries)
        for sequence in self._step.sequences:
            chunk = max(1, MOST_SCORES // (spec.heads * sequence.length))
            for start in range(sequence.start, sequence.stop, chunk):
                rows = slice(start, min(start + chunk, sequence.stop))
                first, last = sequence.positions(rows)
                seen = slice(0 if spec.window is None else max(0, first - spec.window + 1), last + 1)
                kept_keys, kept_values = self._cache.read(layer, sequence.tables[group], seen)
                mixed[rows] = _attend(queries[rows], kept_keys, kept_values, first, seen.start, spec)
        return mixed.flatten(-2)

    def short_conv(self, x: Tensor, taps: Weight, bias: Weight | None, layer: int, spec: ShortConv) -> Tensor:
        """[n, channels]"""
        before, after, entering = x.chunk(3, dim=-1)
        entering = before * entering
        each = taps.data.float().unflatten(0, (spec.taps, spec.channels))
        sums = torch.empty_like(entering, dtype=torch.float32)
        for sequence in self._step.sequences:
            assert sequence.slots is not None  # by the cache's shape
            read, written = sequence.slots
            past = self._cache.remembered(layer, read).unflatten(0, (spec.past, spec.channels))
            reach = torch.cat((past, entering[sequence.start : sequence.stop]))  # [past + its rows, channels]
            sums[sequence.start : sequence.stop] = (reach.float().unfold(0, spec.taps, 1) * each.T).sum(-1)
            self._cache.remember(layer, written, reach[-spec.past :].flatten())
        if bias is not None:
            sums += bias.data.float()
        return after * sums.to(x.dtype)

    def glu(self, gate: Tensor, up: Tensor, act: Activation) -> Tensor:
        """act(gate) · up"""
        return self.activate(gate, act) * up

    def activate(self, x: Tensor, act: Activation) -> Tensor:
        """act(x)"""
        return _ACTIVATIONS[act](x)

    def clip(self, x: Tensor, limit: float) -> Tensor:
        """x in ± limit"""
        return x.clamp(-limit, limit)

    def positions(self, table: Weight, offset: int) -> Tensor:
        """[n, width]"""
        return F.embedding(self._step.positions + offset, table.data)

    def experts(self, x: Tensor, scores: Tensor, experts: Sequence[Expert], active: int, act: Activation) -> Tensor:
        """Expert by expert over the rows that choose it; the sum in float32, in the order of each row's choices."""
        ordered, order = scores.float().softmax(-1).sort(dim=-1, descending=True, stable=True)
        shares, choices = ordered[:, :active], order[:, :active]
        results = x.new_empty((*choices.shape, x.shape[-1]))  # [n, active, width]
        for number, expert in enumerate(experts):
            rows, slots = torch.where(choices == number)
            if not len(rows):
                continue
            gate, up = self.linear(x[rows], expert.gate, expert.up)
            (results[rows, slots],) = self.linear(self.glu(gate, up, act), expert.down)
        shares = shares / shares.sum(-1, keepdim=True)
        return (results.float() * shares[..., None]).sum(1).to(x.dtype)

    def add(self, x: Tensor, y: Tensor, scale: float = 1.0) -> Tensor:
        """x + y · scale"""
        return x + (y if scale == 1.0 else y * scale)

    def softcap(self, x: Tensor, scale: float, cap: float | None) -> Tensor:
        """cap · tanh(x · scale / cap)"""
        return x * scale if cap is None else torch.tanh(x * scale / cap) * cap

    def select(self, x: Tensor) -> Tensor:
        """[r + h, width]"""
        return x[self._step.outputs]

    def exits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[r, width] and [h, width]"""
        return x[: self._step.logits_count], x[self._step.logits_count :]

    def _turned(self, heads: Tensor, rope: Rope | None) -> Tensor:
        return heads if rope is None else _rotated(heads, self._rotations[rope])


_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "sigmoid": F.sigmoid,
    "relu": F.relu,
    "relu2": lambda x: F.relu(x).square(),
}


def _inputs(part: Linear) -> TransformTensors | None:
    return part.weight.data.inputs if isinstance(part.weight.data, QuantizedMatrix) else None


def _linear(x: Tensor, part: Linear, dtype: torch.dtype) -> Tensor:
    matrix, bias = part.weight.data, None if part.bias is None else part.bias.data
    if isinstance(matrix, QuantizedMatrix):
        return matrix.linear(x, bias).to(dtype)
    return F.linear(x, matrix, bias)


def _rotated(heads: Tensor, turn: Tensor) -> Tensor:
    """heads [n, heads, head_dim] turned by [n, 2, dims/2]: element i of the first `dims` with element i + dims/2."""
    cos, sin = turn[:, :1], turn[:, 1:]  # [n, 1, dims/2]
    half = cos.shape[-1]
    x = heads.float()
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1).to(heads.dtype)


def _attend(q: Tensor, k: Tensor, v: Tensor, first: int, offset: int, spec: Attention) -> Tensor:
    """q [m, heads, head_dim] from position `first` on sees k, v [s, kv_heads, head_dim] from `offset` on; float32."""
    m, s = q.shape[0], k.shape[0]
    queries = q.float().unflatten(1, (spec.kv_heads, spec.group))  # [m, kv_heads, group, head_dim]
    scores = torch.einsum("mkgd,skd->kgms", queries, k.float()) * spec.scale
    if spec.softcap is not None:
        scores = torch.tanh(scores / spec.softcap) * spec.softcap
    at = torch.arange(first, first + m, device=q.device)[:, None]
    of = torch.arange(offset, offset + s, device=q.device)[None, :]
    visible = of <= at
    if spec.window is not None:
        visible &= of > at - spec.window
    if spec.slopes is not None:
        slopes = torch.tensor(spec.slopes, device=q.device).view(spec.kv_heads, spec.group, 1, 1)
        scores -= slopes * (at - of)
    shares = scores.masked_fill_(~visible, -torch.inf).softmax(-1)
    return torch.einsum("kgms,skd->mkgd", shares, v.float()).flatten(1, 2).to(q.dtype)
