"""From the lines of a traced decoder to the program that C++ reads.

Roundings are folded into the operations before them, and values that are never alive together share memory. Knows no
decoder, no step and no thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.abi import Layout, Op
from causerie.backends.native.line import BRAIN, Line, PanelsTable, Value
from causerie.backends.native.program import BUFFER, INSTRUCTION, PART, format_number, number
from causerie.errors import EngineError

# Operations that can give their result in bfloat16, and in 8 bits.
CAN_ROUND = (Op.NORM, Op.GLU, Op.ACTIVATE, Op.XIELU, Op.ATTENTION, Op.GATE_HEADS, Op.SHORT_CONV)
CAN_QUANTIZE = (Op.NORM, Op.GLU, Op.ACTIVATE, Op.XIELU, Op.SHORT_CONV, Op.TRANSFORM)


def _can_give(line: Line, out: Value) -> bool:
    """Whether the operation of `line` can write its result as `out`."""
    if out.form == BRAIN:  # only even widths: an odd one needs a zero beside its last element, which ROUND writes
        return line.op in CAN_ROUND and out.width % 2 == 0
    whole_row = line.op is not Op.NORM or line.numbers["length"] == out.width
    return line.op in CAN_QUANTIZE and whole_row


def fold_roundings(lines: Iterable[Line], results: Iterable[Value]) -> list[Line]:
    """Without the roundings whose input nobody else reads, and that is no result: the operation before them writes as
    is read after it."""
    folded: list[Line] = []
    lines = list(lines)
    uses = Counter(value.number for line in lines for value in line.inputs)
    uses.update(value.number for value in results)
    for line in lines:
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
    outer_strides: list[int]  # of the buffers behind those

    def sizes(self, rows: int) -> list[int]:
        """Bytes of each buffer but the caller's."""
        return [stride * times * rows for stride, times in zip(self.strides, self.times, strict=True)]


def share_memory(lines: list[Line], outer: Mapping[int, int]) -> Memory:
    """A buffer for every value; values that are never alive together share one. `outer` are those whose memory is the
    caller's, with the bytes from row to row there; their buffers are the last, in this order."""
    last_use = {value.number: i for i, line in enumerate(lines) for value in (*line.outputs, *line.inputs)}
    buffer_of: dict[int, int] = {}
    strides: list[int] = []
    times: list[int] = []
    free: list[int] = []
    for i, line in enumerate(lines):
        for value in line.outputs:
            if value.number in outer or value.number in buffer_of:  # several lines may write to one value
                continue
            alike = [each for each in free if times[each] == value.times]
            buffer_of[value.number] = buffer = _fitting(value.row_bytes, strides, alike)
            if buffer == len(times):
                times.append(value.times)
            else:
                free.remove(buffer)
        ending = {v.number for v in (*line.inputs, *line.outputs) if last_use[v.number] == i and v.number not in outer}
        free += sorted({buffer_of[number] for number in ending})
    buffer_of |= {number: len(strides) + i for i, number in enumerate(outer)}
    return Memory(buffer_of, strides, times, list(outer.values()))


def _fitting(row_bytes: int, strides: list[int], free: list[int]) -> int:
    """The free buffer that is just large enough, else the largest free one made larger, else a new one."""
    if not free:
        strides.append(row_bytes)
        return len(strides) - 1
    large = [each for each in free if strides[each] >= row_bytes]
    buffer = min(large, key=strides.__getitem__) if large else max(free, key=strides.__getitem__)
    strides[buffer] = max(strides[buffer], row_bytes)
    return buffer


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
        inputs = shape.width // line.pieces
        instruction["op"], instruction["counted"] = number(line.op), number(out.counted)
        instruction["times"], instruction["width"] = out.times, shape.width
        instruction["narrow"], instruction["group"] = number(out.form.narrow), out.form.group
        instruction["evening"] = out.form.evening
        for name, value in zip("xyzw", line.inputs, strict=False):
            instruction[name] = memory.buffer_of[value.number]
        instruction["out"] = memory.buffer_of[out.number]
        if line.op in (Op.LINEAR, Op.EXPERT_LINEAR):
            instruction["width"], instruction["length"] = inputs, shape.width
        for name, immediate in line.numbers.items():
            instruction[name] = immediate
        instruction["first_part"], instruction["part_count"] = first, len(line.parts)
        own = parts[first : first + len(line.parts)]
        first += len(own)
        experts = line.experts or (0,) * len(line.parts)
        columns = line.columns or ((0, 0),) * len(line.parts)
        for part, linear, result, expert, at in zip(own, line.parts, line.outputs, experts, columns, strict=False):
            part["expert"], (part["column"], part["out_column"]) = expert, at
            part["weight"], part["format"] = linear.weight.data.address, format_number(linear.weight.format)
            part["layout"], part["panels"] = number(linear.weight.data.layout), panels.index(linear.weight)
            part["bias"] = 0 if linear.bias is None else linear.bias.data.address
            part["out"], part["rows"] = memory.buffer_of[result.number], linear.weight.shape[0]
            if linear.weight.data.layout is Layout.ROWS or linear.weight.shape[1] != inputs:
                raise EngineError(f"Weight {linear.weight.name!r} was not placed as a matrix of {inputs} inputs.")
    return program, parts


def buffers(memory: Memory, rows: int, begin: int) -> NDArray[np.void]:
    """The table of buffers, one after the other from address `begin`, each of `rows` rows or a multiple of
    them; the last ones' memory is the caller's."""
    table: NDArray[np.void] = np.zeros(len(memory.strides) + len(memory.outer_strides), BUFFER)
    table["stride"] = memory.strides + memory.outer_strides
    for buffer, size in zip(table, memory.sizes(rows), strict=False):
        buffer["data"] = begin
        begin += size
    return table
