"""The vocabulary of operations, recorded instead of computed.

`decoder.forward` runs once over `NativeOps`; each operation notes a line of a program over symbolic values, which
assembly.py makes a program of. Knows no step and no thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native import abi
from causerie.backends.native.abi import CacheNumber, Counted, Layout, Narrow, Op
from causerie.backends.native.cache import LayerCaches
from causerie.backends.native.program import CODE_PANELS, ROUTE, format_number, number
from causerie.quant.plain import to_float32, to_plain
from causerie.quant.transform import TURNED, Transform
from causerie.quant.weight import FORMATS, Weight
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.mlp import Activation
from causerie.spec.norm import Norm
from causerie.spec.ops import Expert, Linear
from causerie.spec.short_conv import ShortConv


@dataclass(frozen=True)
class Form:
    """How the elements of a value are written."""

    narrow: Narrow
    group: int = 0  # of codes: how many share a scale


WIDE, BRAIN = Form(Narrow.NOT), Form(Narrow.BFLOAT16)


@dataclass(frozen=True)
class Placement:
    """What `Weight.data` is on this backend: an address in memory that stays as long as this exists."""

    address: int
    layout: Layout
    memory: NDArray[np.uint8] = field(repr=False)  # all of its bytes
    table: NDArray[np.void] | None = field(default=None, repr=False)  # of packed panels, at the address
    panels: NDArray[np.void] | None = field(default=None, repr=False)  # of a quantized one: its CodePanels


@dataclass(frozen=True)
class Value:
    """A matrix that some line of the program will have computed."""

    number: int
    width: int
    counted: Counted  # what its rows are
    form: Form = WIDE
    times: int = 1  # how many rows there are of each that is counted

    @property
    def row_bytes(self) -> int:
        """Bytes from row to row: whole cache lines, no multiple of 1 KiB, where rows would evict each other."""
        if self.form in (WIDE, BRAIN):
            size = self.width * (4 if self.form == WIDE else 2)
        else:  # codes, scales, sums: quantized.h
            size = self.width + self.width // self.form.group * 4 + self.width // 32 * 4
        lines = -(-size // 64)
        return 64 * (lines + 1 if lines % 16 == 0 else lines)


@dataclass(frozen=True)
class Line:
    """One instruction over values; `numbers` are fields of INSTRUCTION."""

    op: Op
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    numbers: Mapping[str, float]
    parts: tuple[Linear, ...] = ()
    experts: tuple[int, ...] = ()  # of each part of EXPERT_LINEAR: whose rows it multiplies


class PanelsTable:
    """The CodePanels of all quantized matrices that a program reads, each once."""

    def __init__(self) -> None:
        self._indexes: dict[bytes, int] = {}

    def index(self, weight: Weight) -> int:
        """Whose of them a matrix has; 0 for one that is not quantized."""
        panels = weight.data.panels
        return 0 if panels is None else self._indexes.setdefault(panels.tobytes(), len(self._indexes))

    def array(self) -> NDArray[np.void]:
        """As C++ reads it."""
        return np.frombuffer(b"".join(self._indexes) or bytes(CODE_PANELS.itemsize), CODE_PANELS)


class NativeOps:
    """Implements `causerie.spec.ops.Ops`; `lines` is what was recorded."""

    def __init__(self, spec: Decoder, caches: LayerCaches) -> None:
        self.lines: list[Line] = []
        self.panels = PanelsTable()
        self._ropes = spec.ropes
        self._caches = caches
        self._values = 0
        self.constants: list[NDArray[np.float32]] = []  # numbers that instructions name by address
        self._rounded: dict[tuple[int, Form], Value] = {}
        self._transformed: dict[tuple[int, Transform], Value] = {}

    def embed(self, table: Weight, scale: float = 1.0) -> Value:
        """[tokens, width]."""
        out = self._value(table.shape[1], Counted.TOKENS)
        self._note(Op.EMBED, (), out, self._table(table) | {"scale": _rounded(scale, table.format)})
        return out

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
        for reading, indices in _by_input(parts):
            outs = tuple(outputs[i] for i in indices)
            self.lines.append(Line(Op.LINEAR, (self._read(x, reading),), outs, {}, tuple(parts[i] for i in indices)))
        return outputs

    def attention(
        self, q: Value, k: Value, v: Value, layer: int, spec: Attention, norms: tuple[Weight, Weight] | None = None
    ) -> Value:
        """Two lines: turn, norm and write to the cache, then attend."""
        cache = self._caches.pages(layer)
        common = {
            "heads": spec.heads,
            "kv_heads": spec.kv_heads,
            "head_dim": spec.head_dim,
            "format": number(CacheNumber[self._caches.shape.dtype.upper()]),
            "address": int(cache["address"]),
            "block_bytes": int(cache["block_bytes"]),
            "block_stride": int(cache["block_stride"]),
            "tables": int(cache["tables"]),
        }
        turned, out = self._value(q.width, Counted.TOKENS), self._value(q.width, Counted.TOKENS)
        self._note(Op.ROTATE, (q, k, v), turned, common | self._turning(spec, norms))
        attending = common | {"scale": spec.scale, "window": spec.window or 0, "cap": spec.softcap or 0.0}
        if spec.slopes is not None:
            self.constants.append(np.array(spec.slopes, np.float32))
            attending["slopes"] = self.constants[-1].ctypes.data
        self._note(Op.ATTENTION, (turned,), out, attending)
        return out

    def short_conv(self, x: Value, taps: Weight, bias: Weight | None, layer: int, spec: ShortConv) -> Value:
        """[tokens, channels]."""
        out = self._value(spec.channels, x.counted)
        numbers = {
            "length": spec.taps,
            "address": taps.data.address,
            "bias": 0 if bias is None else bias.data.address,
            "slots": self._caches.slot(layer),
            "slot_stride": self._caches.slot_stride,
        }
        self._note(Op.SHORT_CONV, (x,), out, numbers)
        return out

    def glu(self, gate: Value, up: Value, act: Activation) -> Value:
        """act(gate) · up."""
        out = self._value(gate.width, gate.counted, times=gate.times)
        self._note(Op.GLU, (gate, up), out, {"act": number(abi.Activation[act.upper()])})
        return out

    def activate(self, x: Value, act: Activation) -> Value:
        """act(x)."""
        return self._by_row(Op.ACTIVATE, x, {"act": number(abi.Activation[act.upper()])})

    def clip(self, x: Value, limit: float) -> Value:
        """x in ± limit."""
        return self._by_row(Op.CLIP, x, {"scale": limit})

    def experts(self, x: Value, scores: Value, experts: Sequence[Expert], active: int, act: Activation) -> Value:
        """Each row as often as it has experts, the rows of each expert one after the other; then the sums."""
        routes = self._value(active * ROUTE.itemsize // 4, x.counted)
        self._note(Op.ROUTE, (scores,), routes, {"active": active})
        self._note(Op.GROUP, (routes,), routes, {"active": active, "experts": len(experts)})
        gate, up = self._expert_linear(x, active, [[each.gate, each.up] for each in experts], gather=True)
        (result,) = self._expert_linear(self.glu(gate, up, act), active, [[each.down] for each in experts])
        out = self._value(result.width, x.counted)
        self._note(Op.COMBINE, (result, routes), out, {"active": active})
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

    def select(self, x: Value) -> Value:
        """The rows of which something is wanted: first those whose logits are."""
        out = self._value(x.width, Counted.OUTPUTS)
        self._note(Op.SELECT, (x,), out, {})
        return out

    def exits(self, x: Value) -> tuple[Value, Value]:
        """The first rows of the same value, and a copy of the others."""
        states = self._value(x.width, Counted.STATES)
        self._note(Op.SELECT, (x,), states, {})
        return replace(x, counted=Counted.LOGITS), states

    def _by_row(self, op: Op, x: Value, numbers: Mapping[str, float]) -> Value:
        out = self._value(x.width, x.counted, times=x.times)
        self._note(op, (x,), out, numbers)
        return out

    def _expert_linear(
        self, x: Value, active: int, experts: Sequence[Sequence[Linear]], *, gather: bool = False
    ) -> tuple[Value, ...]:
        """A value for each matrix that an expert has, in which each expert fills the rows of its places. Rows of `x`
        lie by place, or are to be gathered so."""
        outputs = [self._value(each.weight.shape[0], x.counted, times=active) for each in experts[0]]
        parts = [(expert, i, part) for expert, own in enumerate(experts) for i, part in enumerate(own)]
        parts.sort(key=lambda each: each[1])
        for reading, indices in _by_input([part for _, _, part in parts]):
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

    def _turning(self, spec: Attention, norms: tuple[Weight, Weight] | None) -> dict[str, float]:
        numbers: dict[str, float] = {}
        if spec.rope is not None:
            query_rope, rope = (self._ropes.index(each) for each in spec.ropes)
            numbers |= {"dims": spec.rope.dims, "rope": rope, "query_rope": query_rope}
        if spec.qk_norm is not None and norms is not None:
            q_norm, k_norm = (weight.data.address for weight in norms)
            numbers |= {"q_norm": q_norm, "k_norm": k_norm, "eps": spec.qk_norm.eps}
        return numbers

    def _table(self, table: Weight) -> dict[str, float]:
        """Where the rows of a table lie, and how."""
        at: Placement = table.data
        return {
            "address": at.address,
            "layout": number(at.layout),
            "format": format_number(table.format),
            "panels": self.panels.index(table),
        }

    def _value(self, width: int, counted: Counted, form: Form = WIDE, times: int = 1) -> Value:
        self._values += 1
        return Value(self._values - 1, width, counted, form, times)

    def _note(self, op: Op, inputs: tuple[Value, ...], out: Value, numbers: Mapping[str, float]) -> None:
        self.lines.append(Line(op, inputs, (out,), numbers))

    def _read(self, x: Value, reading: InputForm) -> Value:
        """x as matrices read it: each transform and each rounding of it is done once."""
        transform = reading.transform
        if transform is None:
            return self._as(x, reading.form)
        if (x.number, transform) not in self._transformed:
            out = self._transformed[x.number, transform] = self._value(x.width, x.counted, times=x.times)
            order, factors = transform.order, transform.factors
            addresses = {
                "address": 0 if order is None else order.ctypes.data,
                "factors": 0 if factors is None else factors.ctypes.data,
                "length": 0 if transform.signs is None else TURNED,
            }
            self._note(Op.TRANSFORM, (x,), out, addresses)
        return self._as(self._transformed[x.number, transform], reading.form)

    def _as(self, x: Value, form: Form) -> Value:
        if form == WIDE:
            return x
        if (x.number, form) not in self._rounded:
            out = self._rounded[x.number, form] = self._value(x.width, x.counted, form, x.times)
            self._note(Op.ROUND, (x,), out, {})
        return self._rounded[x.number, form]


def _rounded(scale: float, format: str) -> float:
    """A factor of a table's rows, rounded as the model's plain numbers are; those of a quantized one as bfloat16."""
    plain = format if format in FORMATS else "bfloat16"
    return float(to_float32(to_plain(np.array([scale], np.float32), plain), plain)[0])


@dataclass(frozen=True)
class InputForm:
    """How a matrix reads its input."""

    form: Form
    transform: Transform | None = None


def _form_of(weight: Weight) -> Form:
    """How what a matrix reads is written."""
    if weight.format == "bfloat16":
        return BRAIN
    panels = weight.data.panels
    group = 0 if panels is None else int(panels["input_group"][0])
    return Form(Narrow.CODES, group) if group else WIDE


def _by_input(parts: Sequence[Linear]) -> list[tuple[InputForm, list[int]]]:
    """How matrices read their input, and which of them read it so."""
    read = [InputForm(_form_of(part.weight), part.weight.transform) for part in parts]
    return [(reading, [i for i, each in enumerate(read) if each == reading]) for reading in dict.fromkeys(read)]
