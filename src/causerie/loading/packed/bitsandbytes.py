"""Checkpoints of bitsandbytes. 4-bit: `<tensor>` (bytes, perhaps stored as wider numbers) with `<tensor>.absmax`,
`.quant_map`, `.nested_absmax`, `.nested_quant_map` and `.quant_state.bitsandbytes__nf4` (JSON as bytes). 8-bit:
`<tensor>` (int8) with `<module>.SCB` and `<module>.weight_format`. Fused tensors are quantized as they are, and blocks
run on from row to row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import Expression, Tensor
from causerie.checkpoint.index import TensorIndex
from causerie.errors import Unsupported, WeightFileError
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix, small_tensor
from causerie.loading.packed.parts import part_of
from causerie.loading.packed.stored import FlatBytes
from causerie.quant.formats import BLOCK, NESTED, QUANTIZED
from causerie.quant.tables import TABLES, dynamic_map

METHOD = "bitsandbytes"
_STATE = "quant_state.bitsandbytes__"
_MOST_STATE = 2**16  # bytes of JSON beside a tensor; real ones have about 200


class BitsAndBytesTensors:
    """Implements `model_matrix.PackedTensors`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """All is said by the tensors."""

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | Expression | None:
        """A tensor, or parts of one."""
        base = matrix.tensor
        if not isinstance(base, Tensor):
            return None
        whole = (matrix.sizes[0], matrix.shape[1]) if matrix.sizes else matrix.shape
        return part_of(matrix, index, _of_tensor(index, base.name, whole))


def _of_tensor(index: TensorIndex, tensor: str, shape: tuple[int, int]) -> PackedMatrix | None:
    if f"{tensor}.absmax" in index:
        packed = _four_bit(index, tensor, shape)
    elif tensor in index and index.info(tensor).dtype == "I8":
        packed = _eight_bit(index, tensor, shape)
    else:
        return None
    packed.check(index)
    return packed


def _four_bit(index: TensorIndex, tensor: str, shape: tuple[int, int]) -> PackedMatrix:
    states = [name for name in (f"{tensor}.{_STATE}{table}" for table in TABLES) if name in index]
    if len(states) != 1:
        raise WeightFileError(f"{tensor!r} has magnitudes beside it and no {_STATE}nf4 or fp4; download it again.")
    state = _state(index, states[0])
    double = f"{tensor}.nested_absmax" in index
    sizes = {"blocksize": BLOCK} | ({"nested_blocksize": NESTED} if double else {})
    for key, size in sizes.items():
        if state.get(key) != size:
            raise Unsupported(f"{tensor!r} was quantized with {key} {state.get(key)!r}; {size} is read here.")
    if state.get("shape") != list(shape):
        raise WeightFileError(f"{states[0]!r} says shape {state.get('shape')!r}, and config.json makes it {shape}.")
    table = states[0].rpartition("__")[2]
    maps = {f"{tensor}.quant_map": TABLES[table]}
    arrays: dict[str, Expression] = {"codes": FlatBytes(Tensor(tensor)), "absmax": Tensor(f"{tensor}.absmax")}
    constants: dict[str, NDArray[Any]] = {}
    if double:
        maps[f"{tensor}.nested_quant_map"] = dynamic_map()
        arrays["nested_absmax"] = Tensor(f"{tensor}.nested_absmax")
        offset = state.get("nested_offset")
        if not isinstance(offset, float | int) or not isfinite(offset):
            raise WeightFileError(f"{states[0]!r} says nested_offset {offset!r}; a number is expected.")
        constants["offset"] = np.array([offset], np.float32)
    for name, known in maps.items():
        if name in index and not np.allclose(small_tensor(index, name, known.size), known, rtol=1e-4, atol=1e-6):
            raise Unsupported(
                f"{name!r} is not the table of {table}; checkpoints with tables of their own are not read."
            )
    others = (states[0], *(name for name in maps if name in index))
    return PackedMatrix(QUANTIZED[f"{table}_double" if double else table], shape, arrays, constants, others)


def _eight_bit(index: TensorIndex, tensor: str, shape: tuple[int, int]) -> PackedMatrix:
    module = tensor.removesuffix(".weight")
    scale, layout = f"{module}.SCB", f"{module}.weight_format"
    if scale not in index:
        raise WeightFileError(f"{tensor!r} holds 8-bit numbers and has no {scale!r} beside it; download it again.")
    arrays = {"codes": Tensor(tensor), "scale": Tensor(scale)}
    if layout not in index:
        return PackedMatrix(QUANTIZED["bnb_int8"], shape, arrays)
    if small_tensor(index, layout, 1).any():
        raise Unsupported(f"{tensor!r} is laid out for one kind of GPU ({layout!r}); only row by row is read.")
    return PackedMatrix(QUANTIZED["bnb_int8"], shape, arrays, others=(layout,))


def _state(index: TensorIndex, name: str) -> dict[str, Any]:
    if index.info(name).nbytes > _MOST_STATE or index.info(name).dtype != "U8":
        raise WeightFileError(f"{name!r} is {index.info(name).nbytes} bytes of {index.info(name).dtype}, not JSON.")
    try:
        state = json.loads(index.read(name).tobytes())
    except (ValueError, RecursionError):
        state = None
    if not isinstance(state, dict):
        raise WeightFileError(f"{name!r} is not a JSON object; the file is damaged. Download it again.")
    return state
