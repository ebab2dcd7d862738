"""Matrices that lie in a file as the kernels read them: their bytes freed of addresses, and taken into use where they
are mapped.

Layouts are those of abi.Layout; only packed bfloat16 holds addresses, in the table of its panels. What a file says
is checked, since kernels trust it. Knows no file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.abi import Layout
from causerie.backends.native.arena import ALIGNMENT, aligned
from causerie.backends.native.line import Placement
from causerie.backends.native.lossless import panels_of, piece_bytes, steps_of
from causerie.backends.native.program import ESCAPE, PACKED_PANEL, STEP_WEIGHTS
from causerie.backends.native.quantized import code_panels, held_bytes
from causerie.backends.ops import KernelMatrix
from causerie.checkpoint.extent import Extent
from causerie.errors import Unsupported, WeightFileError
from causerie.quant.formats import QUANTIZED, format_named
from causerie.quant.weight import Weight

LAYOUT_VERSION = 1
"""Of all layouts together: to be raised whenever the bytes of any of them change."""

Bytes = NDArray[np.uint8]
_STEP = {"data": 64, "escapes": 8}  # the addresses of a panel, and what they are multiples of


def kernel_matrix(weight: Weight) -> KernelMatrix:
    """A placed matrix with addresses counted from its first byte. Raises Unsupported for one that reads its inputs in
    another order, which the file has no place for."""
    if weight.transform is not None and weight.transform.order is not None:
        raise Unsupported(f"{weight.name!r} reorders its inputs and cannot be prepared; load its checkpoint instead.")
    placement: Placement = weight.data
    if (extent := placement.extent) is not None:
        memory = np.memmap(extent.path, np.uint8, "r", extent.begin, (extent.nbytes,))
        return KernelMatrix(placement.layout.name.lower(), (memory,))
    name = placement.layout.name.lower()
    if placement.table is None:
        return KernelMatrix(name, (placement.memory,))
    table = placement.table.copy()
    for field in _STEP:
        table[field] -= np.uint64(placement.memory.ctypes.data)
    return KernelMatrix(name, (table.view(np.uint8), placement.memory[table.nbytes :]))


def mapped(
    name: str, shape: tuple[int, int], format: str, layout: str, memory: Bytes, *, by_rows: bool = False
) -> Placement:
    """The matrix that lies in `memory`; it may lie `by_rows` where it is only ever read so. Raises WeightFileError
    where it cannot be one."""
    _check_place(name, memory.ctypes.data, len(memory))
    member = _layout(name, shape, format, layout)
    if member is Layout.PACKED and format == "bfloat16":
        return _packed(name, shape, memory)
    _check_size(name, shape, format, member, len(memory), by_rows=by_rows)
    return Placement(memory.ctypes.data, member, memory, panels=code_panels(format, shape[1]))


def left_in_file(name: str, shape: tuple[int, int], format: str, layout: str, extent: Extent) -> Placement:
    """The matrix that lies there, of which no byte is in memory. Raises WeightFileError where it cannot be one,
    Unsupported for one that holds addresses of its own."""
    _check_place(name, extent.begin, extent.nbytes)
    member = _layout(name, shape, format, layout)
    if member is Layout.PACKED:
        raise Unsupported(
            f"{name!r} was prepared in 12 bits, and experts that stay in their file cannot be. Prepare the model with "
            "--quantization int8 or int4, or with --packing none."
        )
    _check_size(name, shape, format, member, extent.nbytes)
    nothing = np.zeros(0, np.uint8)
    return Placement(0, member, nothing, panels=code_panels(format, shape[1]), extent=extent)


def _check_place(name: str, begin: int, nbytes: int) -> None:
    if begin % ALIGNMENT or nbytes % ALIGNMENT:
        raise _refusal(name, f"it begins or ends at no multiple of {ALIGNMENT} bytes")


def _layout(name: str, shape: tuple[int, int], format: str, layout: str) -> Layout:
    if (refusal := format_named(format).refusal(shape[1])) is not None:
        raise _refusal(name, f"it is {shape[1]} wide, and {refusal}")
    member = Layout.__members__.get(layout.upper())
    if member is None or (member is not Layout.PANELS and format in QUANTIZED):
        raise _refusal(name, f"{format} has no layout {layout!r}")
    return member


def _check_size(
    name: str, shape: tuple[int, int], format: str, layout: Layout, nbytes: int, *, by_rows: bool = False
) -> None:
    size = aligned(held_bytes(format, layout, shape))
    if layout is Layout.PACKED or (layout is Layout.ROWS and not by_rows) or size != nbytes:
        raise _refusal(
            name, f"it has {nbytes} bytes in the layout {layout.name.lower()!r}, and {format} of {shape} needs {size}"
        )


def _packed(name: str, shape: tuple[int, int], memory: Bytes) -> Placement:
    """With a table of its own, whose addresses are those of the mapping."""
    size = panels_of(shape[0]) * PACKED_PANEL.itemsize
    if len(memory) < size:
        raise _refusal(name, f"it has {len(memory)} bytes, which is less than the table of its panels")
    table = memory[:size].view(PACKED_PANEL).copy()
    steps = steps_of(shape[1])
    counts = table["escape_count"].astype(np.int64)
    plain = table["plain"] > 0
    lengths = {"data": piece_bytes(plain, steps), "escapes": counts * ESCAPE.itemsize}
    for field, length in lengths.items():
        begin = table[field]
        outside = (begin > len(memory)) | (begin.astype(np.int64) + length > len(memory)) | (begin % _STEP[field] != 0)
        if outside.any():
            raise _refusal(name, f"panel {int(outside.argmax())} lies outside of it")
    if (counts[plain] > 0).any() or (counts > steps * STEP_WEIGHTS).any():
        raise _refusal(name, "a panel has more exceptions than weights")
    _check_order(name, memory, table["escapes"].astype(np.int64), counts, steps * STEP_WEIGHTS)
    for field in _STEP:
        table[field] += np.uint64(memory.ctypes.data)
    return Placement(table.ctypes.data, Layout.PACKED, memory, table)


def _check_order(name: str, memory: Bytes, begins: NDArray[np.int64], counts: NDArray[np.int64], most: int) -> None:
    """That the exceptions of each panel are of its `most` weights and ascend, as kernels that search them rely on."""
    panel = np.repeat(np.arange(len(counts)), counts)
    rank = np.arange(len(panel)) - (np.cumsum(counts) - counts)[panel]
    at = memory.view(np.uint32)[(begins[panel] + rank * ESCAPE.itemsize) // 4].astype(np.int64)
    ascends = (np.diff(at) > 0) | (np.diff(panel) > 0)
    if (at >= most).any() or not ascends.all():
        raise _refusal(name, "its exceptions are not in order")


def _refusal(name: str, why: str) -> WeightFileError:
    return WeightFileError(f"The prepared matrix {name!r} cannot be used: {why}. Prepare the model again.")
