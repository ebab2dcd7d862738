"""The vocabulary of operations, recorded instead of computed.

`decoder.forward` runs once over `NativeOps`; each operation notes a line of a program over symbolic values, which
assembly.py makes a program of. Knows no step and no thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.abi import CacheNumber, Counted, Op
from causerie.backends.native.cache import LayerCaches
from causerie.backends.native.expert_numbers import gating_numbers, router_numbers
from causerie.backends.native.line import Line, Placement, Value
from causerie.backends.native.lookahead import StoredLayer
from causerie.backends.native.program import ROUTE, format_number, number
from causerie.backends.native.recording import Recording, by_input
from causerie.backends.native.recurrence_numbers import mamba2_numbers
from causerie.errors import EngineError
from causerie.quant.plain import to_float32, to_plain
from causerie.quant.weight import FORMATS, Weight
from causerie.spec.attention import Attention
from causerie.spec.causal_conv import CausalConv
from causerie.spec.decoder import Decoder
from causerie.spec.delta import LENGTH_EPS, DeltaRule
from causerie.spec.latent import LatentAttention
from causerie.spec.mamba import Mamba
from causerie.spec.mamba2 import Mamba2
from causerie.spec.mlp import Activation, Gating
from causerie.spec.norm import Norm
from causerie.spec.ops import DeltaVectors, Expert, Linear
from causerie.spec.router import Router
from causerie.spec.short_conv import ShortConv


class NativeOps(Recording):
    """Implements `causerie.spec.ops.Ops`."""

    def __init__(self, spec: Decoder, caches: LayerCaches, stored: Mapping[str, StoredLayer] | None = None) -> None:
        """`stored` are the layers whose experts stay in their file, by what the names of these begin with."""
        super().__init__()
        self._ropes, self._vocab = spec.ropes, spec.vocab
        self._caches = caches
        self._stored = stored or {}
        self.entry: Value | None = None  # features, where the pass reads any
        self.choices: list[NDArray[np.int64]] = []  # of each layer that has experts: how many rows have chosen each

    def embed(self, table: Weight, scale: float = 1.0) -> Value:
        """[tokens, width]."""
        out = self._value(table.shape[1], Counted.TOKENS)
        numbers = self._table(table) | {"scale": _rounded(scale, table.format)}
        if table.shape[0] < self._vocab:
            numbers["length"] = table.shape[0]
        self._note(Op.EMBED, (), out, numbers)
        return self._as_embedded(out, table)

    def positions(self, table: Weight, offset: int) -> Value:
        """[tokens, width]."""
        out = self._value(table.shape[1], Counted.TOKENS)
        self._note(Op.POSITIONS, (), out, self._table(table) | {"offset": offset})
        return out

    def norm(
        self, x: Value, weight: Weight | None, norm: Norm, group: int | None = None, bias: Weight | None = None
    ) -> Value:
        """Of groups, whose weights and biases are those of every so many groups of a row."""
        out, length = self._value(x.width, x.counted), group or x.width
        numbers = {"length": length, "eps": norm.eps, "centered": int(norm.centered)}
        for name, own in (("address", weight), ("bias", bias)):
            if own is not None:
                numbers |= {name: own.data.address, "heads": own.shape[0] // length}
        self._note(Op.NORM, (x,), out, numbers)
        return out

    def linear(self, x: Value, *parts: Linear) -> tuple[Value, ...]:
        """bfloat16 matrices read x rounded to bfloat16, quantized ones in 8 bits or as it is; parts that read the same
        share one pass."""
        outputs = tuple(self._value(part.weight.shape[0], x.counted) for part in parts)
        for reading, indices in by_input(parts):
            outs = tuple(outputs[i] for i in indices)
            self.lines.append(Line(Op.LINEAR, (self._read(x, reading),), outs, {}, tuple(parts[i] for i in indices)))
        return outputs

    def block_diagonal(self, x: Value, parts: Sequence[Linear]) -> Value:
        """As `linear`; each part reads its piece of a row, and writes its piece of the result."""
        if any(part.weight.transform is not None for part in parts):
            raise EngineError("A matrix that reads a piece of a row has inputs that are transformed; none may.")
        return self._side_by_side(x, parts, pieces=len(parts))

    def joined(self, x: Value, *parts: Linear) -> Value:
        """As `linear`; each part writes its piece of the result."""
        return self._side_by_side(x, parts, pieces=1)

    def _side_by_side(self, x: Value, parts: Sequence[Linear], pieces: int) -> Value:
        """What each part makes of a row, or of its own one of equal `pieces`."""
        ends = list(accumulate((part.weight.shape[0] for part in parts), initial=0))
        out, step = self._value(ends[-1], x.counted), x.width // pieces if pieces > 1 else 0
        for reading, indices in by_input(parts):
            own, columns = tuple(parts[i] for i in indices), tuple((i * step, ends[i]) for i in indices)
            read, outs = self._read(x, reading), (out,) * len(own)
            self.lines.append(Line(Op.LINEAR, (read,), outs, {}, own, pieces=pieces, columns=columns))
        return out

    def latent_attention(
        self, q: Value, q_turning: Value, latent: Value, k_turning: Value, layer: int, spec: LatentAttention
    ) -> Value:
        """Two lines: turn, put side by side and write to the cache, then attend."""
        over = spec.over_latents
        common = self._paged(layer, over) | {"value_dim": spec.rank, "latent": 1}
        turning = {"dims": spec.rope.dims, "rope": self._ropes.index(spec.rope)}
        queries = self._value(over.query_width, Counted.TOKENS)
        out = self._value(spec.heads * spec.rank, Counted.TOKENS)
        self._note(Op.KEEP_LATENT, (q, q_turning, latent, k_turning), queries, common | turning)
        self._note(Op.ATTENTION, (queries,), out, common | self._attending(over, None))
        return out

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
        """Two lines: turn, norm and write to the cache, then attend. Without keys the first turns no key head."""
        common = self._paged(layer, spec) | {"value_dim": spec.value_dim}
        turned, out = self._value(q.width, Counted.TOKENS), self._value(spec.mixed_width, Counted.TOKENS)
        if k is None or v is None:
            self._note(Op.ROTATE, (q,), turned, common | self._turning(spec, norms) | {"kv_heads": 0})
        else:
            self._note(Op.ROTATE, (q, k, v), turned, common | self._turning(spec, norms))
        self._note(Op.ATTENTION, (turned,), out, common | self._attending(spec, sinks))
        return out

    def short_conv(self, x: Value, taps: Weight, bias: Weight | None, layer: int, spec: ShortConv) -> Value:
        """[tokens, channels]."""
        out = self._value(spec.channels, x.counted)
        numbers = {
            "length": spec.taps,
            "address": taps.data.address,
            "bias": 0 if bias is None else bias.data.address,
        }
        self._note(Op.SHORT_CONV, (x,), out, numbers | self._slots(layer))
        return out

    def causal_conv(self, x: Value, taps: Weight, bias: Weight | None, layer: int, spec: CausalConv) -> Value:
        """[tokens, channels]."""
        scales = [np.full(count, scale, np.float32) for count, scale in spec.scales]
        numbers = {
            "length": spec.taps,
            "address": taps.data.address,
            "factors": self._constant(np.concatenate(scales)) if scales else 0,
            "bias": 0 if bias is None else bias.data.address,
        }
        return self._by_row(Op.CAUSAL_CONV, x, numbers | self._slots(layer))

    def mamba2(
        self, x: Value, steps: Value, shrinking: Weight, skip: Weight, step_shift: Weight, layer: int, spec: Mamba2
    ) -> Value:
        """[tokens, heads · head_dim]."""
        out = self._value(spec.inner, x.counted)
        addresses = {"address": shrinking, "factors": skip, "bias": step_shift}
        numbers = mamba2_numbers(spec) | {name: weight.data.address for name, weight in addresses.items()}
        self._note(Op.MAMBA2, (x, steps), out, numbers | self._slots(layer, spec.conv))
        return out

    def mamba(
        self, x: Value, steps: Value, both: Value, shrinking: Weight, skip: Weight, layer: int, spec: Mamba
    ) -> Value:
        """[tokens, inner]."""
        out = self._value(spec.inner, x.counted)
        numbers = {"length": spec.state, "address": shrinking.data.address, "factors": skip.data.address}
        self._note(Op.MAMBA, (x, steps, both), out, numbers | self._slots(layer, spec.conv))
        return out

    def delta(
        self,
        inputs: tuple[Value, Value, Value],
        beta: Value,
        step: Value,
        vectors: DeltaVectors,
        layer: int,
        spec: DeltaRule,
    ) -> Value:
        """Two lines: what the convolution gives, then the heads' matrices, which lie behind what that keeps."""
        common = {
            "heads": spec.value_heads,
            "kv_heads": spec.key_heads,
            "head_dim": spec.key_dim,
            "value_dim": spec.value_dim,
            "slot_stride": self._caches.slot_stride,
        }
        slot = self._caches.slot(layer)
        mixed, out = self._value(spec.channels, beta.counted), self._value(spec.value_width, beta.counted)
        convolving = {"length": spec.taps, "eps": LENGTH_EPS, "scale": spec.key_dim**-0.5}
        convolving |= {"address": vectors.taps.data.address, "slots": slot}
        self._note(Op.DELTA_INPUTS, inputs, mixed, common | convolving)
        rates = {"address": vectors.log_rate.data.address, "bias": vectors.step_offset.data.address}
        rates["slots"] = slot + 4 * spec.past * spec.channels
        self._note(Op.DELTA, (mixed, beta, step), out, common | rates)
        return out

    def glu(self, gate: Value, up: Value, act: Gating) -> Value:
        """act(gate) · up."""
        out = self._value(gate.width, gate.counted, times=gate.times)
        self._note(Op.GLU, (gate, up), out, gating_numbers(act))
        return out

    def gate_heads(self, x: Value, gate: Value, act: Activation) -> Value:
        """x · act(gate)."""
        out = self._value(x.width, x.counted)
        self._note(Op.GATE_HEADS, (x, gate), out, gating_numbers(act) | {"length": x.width // gate.width})
        return out

    def xielu(self, x: Value, above: Weight, below: Weight) -> Value:
        """Both numbers are read where they lie."""
        return self._by_row(Op.XIELU, x, {"address": above.data.address, "factors": below.data.address})

    def activate(self, x: Value, act: Activation) -> Value:
        """act(x)."""
        return self._by_row(Op.ACTIVATE, x, gating_numbers(act))

    def clip(self, x: Value, limit: float) -> Value:
        """x in ± limit."""
        return self._by_row(Op.CLIP, x, {"scale": limit})

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
        """Each row as often as it has experts, the rows of each expert one after the other; then the sums."""
        active = router.active
        routes = self._value(active * ROUTE.itemsize // 4, x.counted)
        bias = 0 if choice_bias is None else choice_bias.data.address
        factors = 0 if share_scales is None else share_scales.data.address
        self._note(Op.ROUTE, (scores,), routes, router_numbers(router) | {"bias": bias, "factors": factors})
        self.choices.append(np.zeros(len(experts), np.int64))
        numbers = {"active": active, "experts": len(experts), "choices": self.choices[-1].ctypes.data}
        self._note(Op.GROUP, (routes,), routes, numbers)
        layer = self._stored.get(experts[0].up.weight.name.rsplit(".", 2)[0])
        if layer is not None:
            self._fetch(x, routes, layer, len(experts))
        first = [[part for part in (each.gate, each.up) if part is not None] for each in experts]
        *gate, up = self._expert_linear(x, active, first, gather=True)
        if router.on_input:  # what a matrix makes of an input times a number is that number times what it makes of it
            for made in (*gate, up):
                self._note(Op.SHARE, (made, routes), made, {"active": active})
        inner = self.glu(gate[0], up, act) if gate else self._by_row(Op.ACTIVATE, up, gating_numbers(act))
        (result,) = self._expert_linear(inner, active, [[each.down] for each in experts])
        out = self._value(result.width, x.counted)
        self._note(Op.COMBINE, (result, routes), out, {"active": active, "plain": router.on_input})
        return out

    def weighed(self, x: Value, score: Value) -> Value:
        """x · sigmoid(score)."""
        out = self._value(x.width, x.counted)
        self._note(Op.WEIGH, (x, score), out, {})
        return out

    def add(self, x: Value, y: Value, scale: float = 1.0) -> Value:
        """x + y · scale, rounded once."""
        out = self._value(x.width, x.counted)
        self._note(Op.ADD, (x, y), out, {"scale": scale})
        return out

    def softcap(self, x: Value, scale: float, cap: float | None) -> Value:
        """In place: a second copy of logits would be large."""
        self._note(Op.SOFTCAP, (x,), x, {"scale": scale, "cap": cap or 0.0})
        return x

    def times(self, x: Value, factors: Weight) -> Value:
        """x · factors."""
        return self._by_row(Op.TIMES, x, {"factors": factors.data.address, "length": factors.shape[0]})

    def blend(self, x: Value, y: Value, piece: int, factors: Value | None, constants: Sequence[float] = ()) -> Value:
        """Constants lie where the program keeps its own."""
        out, inputs = self._value(x.width, x.counted), (x, y) if factors is None else (x, y, factors)
        numbers = {
            "length": piece,
            "groups": y.width // piece,
            "plain": factors is None,
            "factors": self._constant(np.array(constants, np.float32)) if constants else 0,
        }
        self._note(Op.BLEND, inputs, out, numbers)
        return out

    def leveled(self, x: Value, y: Value, least: float) -> Value:
        """[n, width + width of y]."""
        out = self._value(x.width + y.width, x.counted)
        self._note(Op.LEVELED, (x, y), out, {"groups": out.width // x.width, "eps": least})
        return out

    def excess(self, x: Value, deviations: float) -> Value:
        """max(0, x - c)."""
        return self._by_row(Op.EXCESS, x, {"scale": deviations})

    def columns(self, x: Value, first: int, width: int) -> Value:
        """A copy of them."""
        out = self._value(width, x.counted, times=x.times)
        self._note(Op.COLUMNS, (x,), out, {"offset": first, "width": width})
        return out

    def select(self, x: Value) -> Value:
        """The rows of which something is wanted: first those whose logits are."""
        out = self._value(x.width, Counted.OUTPUTS)
        self._note(Op.SELECT, (x,), out, {})
        return out

    def features(self, width: int) -> Value:
        """A value that no line computes: its memory is the caller's."""
        self.entry = self._value(width, Counted.TOKENS)
        return self.entry

    def exits(self, x: Value) -> tuple[Value, Value]:
        """The first rows of the same value, and a copy of the others."""
        states = self._value(x.width, Counted.STATES)
        self._note(Op.SELECT, (x,), states, {})
        return replace(x, counted=Counted.LOGITS), states

    def _expert_linear(
        self, x: Value, active: int, experts: Sequence[Sequence[Linear]], *, gather: bool = False
    ) -> tuple[Value, ...]:
        """A value for each matrix that an expert has, in which each expert fills the rows of its places. Rows of `x`
        lie by place, or are to be gathered so."""
        outputs = [self._value(each.weight.shape[0], x.counted, times=active) for each in experts[0]]
        parts = [(expert, i, part) for expert, own in enumerate(experts) for i, part in enumerate(own)]
        parts.sort(key=lambda each: each[1])
        for reading, indices in by_input([part for _, _, part in parts]):
            read = self._read(x, reading)
            if gather:
                read, once = self._value(x.width, x.counted, reading.form, active), read
                self._note(Op.GATHER, (once,), read, {"length": once.row_bytes})
            some = [parts[i] for i in indices]
            outs = tuple(outputs[i] for _, i, _ in some)
            self.lines.append(
                Line(
                    Op.EXPERT_LINEAR,
                    (read,),
                    outs,
                    {"experts": len(experts), "active": active},
                    tuple(part for *_, part in some),
                    tuple(expert for expert, *_ in some),
                )
            )
        return tuple(outputs)

    def _fetch(self, x: Value, routes: Value, layer: StoredLayer, experts: int) -> None:
        """Has the experts read that rows go to, and those of the next layer that its router would choose by x, where
        that reads a row as wide."""
        router, scores, ahead = layer.next_router, routes, {}
        if router is not None and router.shape[1] == x.width:
            (scores,) = self.linear(x, Linear(router, None))
            ahead = {"length": router.shape[0], "active": layer.next_active}
        self._note(Op.FETCH, (routes, scores), routes, {"offset": layer.first, "experts": experts} | ahead)

    def _paged(self, layer: int, spec: Attention) -> dict[str, float]:
        """Where a layer's pages lie, and what is in them."""
        cache = self._caches.pages(layer)
        return {
            "heads": spec.heads,
            "kv_heads": spec.kv_heads,
            "head_dim": spec.head_dim,
            "format": number(CacheNumber[self._caches.shape.dtype.upper()]),
            "address": int(cache["address"]),
            "block_bytes": int(cache["block_bytes"]),
            "block_stride": int(cache["block_stride"]),
            "tables": int(cache["tables"]),
        }

    def _turning(self, spec: Attention, norms: tuple[Weight, Weight] | None) -> dict[str, float]:
        numbers: dict[str, float] = {}
        if spec.rope is not None:
            query_rope, rope = (self._ropes.index(each) for each in spec.ropes)
            numbers |= {"dims": spec.rope.dims, "rope": rope, "query_rope": query_rope}
        if spec.qk_norm is not None and norms is not None:
            q_norm, k_norm = (weight.data.address for weight in norms)
            numbers |= {"q_norm": q_norm, "k_norm": k_norm, "eps": spec.qk_norm.eps}
        return numbers

    def _attending(self, spec: Attention, sinks: Weight | None) -> dict[str, float]:
        numbers = {"scale": spec.scale, "window": spec.window or 0, "cap": spec.softcap or 0.0}
        numbers["chunked"] = spec.chunked and spec.window is not None
        if spec.slopes is not None:
            numbers["slopes"] = self._constant(np.array(spec.slopes, np.float32))
        return numbers | {"sinks": 0 if sinks is None else sinks.data.address}

    def _slots(self, layer: int, conv: CausalConv | None = None) -> dict[str, float]:
        """Where a layer's slots begin, or in them what lies behind that which its convolution keeps."""
        begin = self._caches.slot(layer) + 4 * (0 if conv is None else conv.elements)
        return {"slots": begin, "slot_stride": self._caches.slot_stride}

    def _table(self, table: Weight) -> dict[str, float]:
        """Where the rows of a table lie, and how."""
        at: Placement = table.data
        return {
            "address": at.address,
            "layout": number(at.layout),
            "format": format_number(table.format),
            "panels": self.panels.index(table),
        }


def _rounded(scale: float, format: str) -> float:
    """A factor of a table's rows, rounded as the model's plain numbers are; those of a quantized one as bfloat16."""
    plain = format if format in FORMATS else "bfloat16"
    return float(to_float32(to_plain(np.array([scale], np.float32), plain), plain)[0])
