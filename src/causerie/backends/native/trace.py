"""The vocabulary of operations, recorded instead of computed.

`decoder.forward` runs once over `NativeOps`; each operation notes a line of a program over symbolic values. Afterwards
roundings are folded into the operations before them and values that are never alive together share memory. Knows no
step and no thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.abi import CacheNumber, Counted, Layout, Narrow, Op
from causerie.backends.native.cache import LayerCaches
from causerie.backends.native.expert_numbers import gating_numbers, router_numbers
from causerie.backends.native.program import BUFFER, CODE_PANELS, INSTRUCTION, PART, ROUTE, format_number, number
from causerie.errors import EngineError
from causerie.quant.plain import to_float32, to_plain
from causerie.quant.transform import TURNED, Transform
from causerie.quant.weight import FORMATS, Weight
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.mlp import Gating
from causerie.spec.norm import Norm
from causerie.spec.ops import Expert, Linear
from causerie.spec.router import Router
from causerie.spec.short_conv import ShortConv

CAN_ROUND = (Op.NORM, Op.GLU, Op.ATTENTION, Op.SHORT_CONV)  # operations that can give their result in bfloat16
CAN_QUANTIZE = (Op.NORM, Op.GLU, Op.SHORT_CONV, Op.TRANSFORM)  # and in 8 bits


@dataclass(frozen=True)
class Form:
    """How the elements of a value are written."""

    narrow: Narrow
    group: int = 0  # of codes: how many share a scale


WIDE, BRAIN = Form(Narrow.NOT), Form(Narrow.BFLOAT16)


@dataclass(frozen=True)
class Placed:
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
        self._rounded: dict[tuple[int, Form], Value] = {}
        self._transformed: dict[tuple[int, Transform], Value] = {}

    def embed(self, table: Weight, scale: float = 1.0) -> Value:
        """[tokens, width]."""
        at: Placed = table.data
        out = self._value(table.shape[1], Counted.TOKENS)
        numbers: dict[str, float] = {
            "address": at.address,
            "layout": number(at.layout),
            "format": format_number(table.format),
            "panels": self.panels.index(table),
        }
        numbers["scale"] = _rounded(scale, table.format)
        self._note(Op.EMBED, (), out, numbers)
        return out

    def norm(self, x: Value, weight: Weight, norm: Norm) -> Value:
        """Of groups of len(weight)."""
        out = self._value(x.width, x.counted)
        self._note(Op.NORM, (x,), out, {"address": weight.data.address, "length": weight.shape[0], "eps": norm.eps})
        return out

    def linear(self, x: Value, *parts: Linear) -> tuple[Value, ...]:
        """bfloat16 matrices read x rounded to bfloat16, quantized ones in 8 bits or as it is; parts that read the same
        share one pass."""
        outputs = tuple(self._value(part.weight.shape[0], x.counted) for part in parts)
        for reading, chosen in _by_input(parts):
            outs = tuple(outputs[i] for i in chosen)
            self.lines.append(Line(Op.LINEAR, (self._read(x, reading),), outs, {}, tuple(parts[i] for i in chosen)))
        return outputs

    def attention(self, q: Value, k: Value, v: Value, layer: int, spec: Attention, sinks: Weight | None) -> Value:
        """Two lines: turn and write to the cache, then attend."""
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
        turning = common | {"dims": spec.rope.dims, "rope": self._ropes.index(spec.rope)}
        sunk = 0 if sinks is None else sinks.data.address
        attending = {"scale": spec.scale, "window": spec.window or 0, "sinks": sunk}
        self._note(Op.ROTATE, (q, k, v), turned, turning)
        self._note(Op.ATTENTION, (turned,), out, common | attending)
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

    def glu(self, gate: Value, up: Value, act: Gating) -> Value:
        """act(gate) · up."""
        out = self._value(gate.width, gate.counted, times=gate.times)
        self._note(Op.GLU, (gate, up), out, gating_numbers(act))
        return out

    def experts(
        self,
        x: Value,
        scores: Value,
        experts: Sequence[Expert],
        router: Router,
        choice_bias: Weight | None,
        act: Gating,
    ) -> Value:
        """Each row as often as it has experts, the rows of each expert one after the other; then the sums."""
        active = router.active
        routes = self._value(active * ROUTE.itemsize // 4, x.counted)
        bias = 0 if choice_bias is None else choice_bias.data.address
        self._note(Op.ROUTE, (scores,), routes, router_numbers(router) | {"bias": bias})
        self._note(Op.GROUP, (routes,), routes, {"active": active, "experts": len(experts)})
        gate, up = self._expert_linear(x, active, [[each.gate, each.up] for each in experts], gather=True)
        (result,) = self._expert_linear(self.glu(gate, up, act), active, [[each.down] for each in experts])
        out = self._value(result.width, x.counted)
        self._note(Op.COMBINE, (result, routes), out, {"active": active})
        return out

    def weighed(self, x: Value, score: Value) -> Value:
        """x · sigmoid(score)."""
        out = self._value(x.width, x.counted)
        self._note(Op.WEIGH, (x, score), out, {})
        return out

    def add(self, x: Value, y: Value) -> Value:
        """x + y."""
        out = self._value(x.width, x.counted)
        self._note(Op.ADD, (x, y), out, {})
        return out

    def select(self, x: Value) -> Value:
        """The rows of which something is wanted: first those whose logits are."""
        out = self._value(x.width, Counted.WANTED)
        self._note(Op.SELECT, (x,), out, {})
        return out

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
        for reading, chosen in _by_input([part for _, _, part in parts]):
            read = self._read(x, reading)
            if gather:
                read, once = self._value(x.width, x.counted, reading.form, active), read
                self._note(Op.GATHER, (once,), read, {"length": once.row_bytes})
            some = [parts[i] for i in chosen]
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


def _can_give(line: Line, out: Value) -> bool:
    """Whether the operation of `line` can write its result as `out`."""
    if out.form == BRAIN:  # only even widths: an odd one needs a zero beside its last element, which ROUND writes
        return line.op in CAN_ROUND and out.width % 2 == 0
    whole_row = line.op is not Op.NORM or line.numbers["length"] == out.width
    return line.op in CAN_QUANTIZE and whole_row


def fold_roundings(lines: Iterable[Line]) -> list[Line]:
    """Without the roundings whose input nobody else reads: the operation before them writes as is read after it."""
    folded: list[Line] = []
    kept = list(lines)
    uses = Counter(value.number for line in kept for value in line.inputs)
    for line in kept:
        if line.op is Op.ROUND and uses[line.inputs[0].number] == 1:
            before = next((i for i, other in enumerate(folded) if line.inputs[0] in other.outputs), None)
            if before is not None and _can_give(folded[before], line.outputs[0]):
                folded[before] = replace(folded[before], outputs=line.outputs)
                continue
        folded.append(line)
    return folded


@dataclass(frozen=True)
class Memory:
    """Which buffer each value lives in, how long a row of each buffer is, and how many there are of each row that is
    counted."""

    buffer_of: dict[int, int]  # by value number
    strides: list[int]
    times: list[int]
    result_strides: list[int]  # of the buffers behind those

    def sizes(self, rows: int) -> list[int]:
        """Bytes of each buffer but the results'."""
        return [stride * times * rows for stride, times in zip(self.strides, self.times, strict=True)]


def share_memory(lines: list[Line], results: tuple[Value, ...]) -> Memory:
    """A buffer for every value; values that are never alive together share one. The results' buffers are the last, and
    their rows lie without gaps, since their memory is the caller's."""
    last_use = {value.number: i for i, line in enumerate(lines) for value in (*line.outputs, *line.inputs)}
    buffer_of: dict[int, int] = {}
    given = {result.number for result in results}
    strides: list[int] = []
    times: list[int] = []
    free: list[int] = []
    for i, line in enumerate(lines):
        for value in line.outputs:
            if value.number in given or value.number in buffer_of:  # several lines may write to one value
                continue
            alike = [each for each in free if times[each] == value.times]
            buffer_of[value.number] = chosen = _fitting(value.row_bytes, strides, alike)
            if chosen == len(times):
                times.append(value.times)
            else:
                free.remove(chosen)
        ending = {v.number for v in (*line.inputs, *line.outputs) if last_use[v.number] == i and v.number not in given}
        free += sorted({buffer_of[number] for number in ending})
    buffer_of |= {result.number: len(strides) + i for i, result in enumerate(results)}
    return Memory(buffer_of, strides, times, [result.width * 4 for result in results])


def _fitting(row_bytes: int, strides: list[int], free: list[int]) -> int:
    """The free buffer that is just large enough, else the largest free one made larger, else a new one."""
    if not free:
        strides.append(row_bytes)
        return len(strides) - 1
    large = [each for each in free if strides[each] >= row_bytes]
    chosen = min(large, key=strides.__getitem__) if large else max(free, key=strides.__getitem__)
    strides[chosen] = max(strides[chosen], row_bytes)
    return chosen


def with_merges(lines: list[Line]) -> list[Line]:
    """Each attention in two lines of the same values: what the first sums up apart, the second puts together."""
    return [
        part for line in lines for part in ((line, replace(line, op=Op.MERGE)) if line.op is Op.ATTENTION else (line,))
    ]


def assemble(lines: list[Line], memory: Memory, panels: PanelsTable) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """The lines as C++ reads them, and the table of their parts; what their matrices need of `panels` is put there."""
    program: NDArray[np.void] = np.zeros(len(lines), INSTRUCTION)
    parts: NDArray[np.void] = np.zeros(sum(len(line.parts) for line in lines), PART)
    first = 0
    for instruction, line in zip(program, lines, strict=True):
        shape = line.inputs[0] if line.inputs else line.outputs[0]
        out = line.outputs[0]
        instruction["op"], instruction["counted"] = number(line.op), number(out.counted)
        instruction["times"], instruction["width"] = out.times, shape.width
        instruction["narrow"], instruction["group"] = number(out.form.narrow), out.form.group
        for name, value in zip("xyz", line.inputs, strict=False):
            instruction[name] = memory.buffer_of[value.number]
        instruction["out"] = memory.buffer_of[out.number]
        for name, given in line.numbers.items():
            instruction[name] = given
        instruction["first_part"], instruction["part_count"] = first, len(line.parts)
        own = parts[first : first + len(line.parts)]
        first += len(own)
        experts = line.experts or (0,) * len(line.parts)
        for part, linear, result, expert in zip(own, line.parts, line.outputs, experts, strict=False):
            part["expert"] = expert
            part["weight"], part["format"] = linear.weight.data.address, format_number(linear.weight.format)
            part["layout"], part["panels"] = number(linear.weight.data.layout), panels.index(linear.weight)
            part["bias"] = 0 if linear.bias is None else linear.bias.data.address
            part["out"], part["rows"] = memory.buffer_of[result.number], linear.weight.shape[0]
            if linear.weight.data.layout is Layout.ROWS or linear.weight.shape[1] != shape.width:
                raise EngineError(f"Weight {linear.weight.name!r} was not placed as a matrix of {shape.width} inputs.")
    return program, parts


def buffers(memory: Memory, rows: int, begin: int) -> NDArray[np.void]:
    """The table of buffers, one after the other from address `begin`, each of `rows` rows or a multiple of
    them; those of the results are the caller's."""
    table: NDArray[np.void] = np.zeros(len(memory.strides) + len(memory.result_strides), BUFFER)
    table["stride"] = memory.strides + memory.result_strides
    for buffer, size in zip(table, memory.sizes(rows), strict=False):
        buffer["data"] = begin
        begin += size
    return table
