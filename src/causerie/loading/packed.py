"""Weights that files hold quantized already: which of a checkpoint's tensors make up a matrix, and reading slices of
them in the reference layout of their format.

Three ways are known. Ours (`save_pretrained`): beside each other `<tensor>.<array>` for each array of the format, and
the formats by tensor in config.json. bitsandbytes': 4-bit `<tensor>` (bytes) with `<tensor>.absmax`, `.quant_map`,
`.nested_absmax`, `.nested_quant_map` and `.quant_state.bitsandbytes__nf4` (JSON as bytes); 8-bit `<tensor>` (int8) with
`<module>.SCB` and `<module>.weight_format`. gpt-oss's MXFP4: stacks of experts as `<stack>_blocks` [experts, outputs,
groups, 16] and `<stack>_scales`, whose rows are outputs, also where the plain stack has them in columns. Knows no
backend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.expression import Every, Expression, Place, Rows, ShapeError, Tensor, Transposed
from causerie.checkpoint.index import DTYPES, TensorIndex
from causerie.errors import ConfigError, Unsupported, WeightFileError
from causerie.quant.format import Buffers, Format, ranges
from causerie.quant.formats import BLOCK, MXFP4, NESTED, QUANTIZED
from causerie.quant.packed_format import CODES
from causerie.quant.tables import TABLES, dynamic_map

KEY = "quantization_config"
METHODS = ("causerie", "bitsandbytes", "mxfp4")
VERSION = 1  # of the layout that `save_pretrained` writes
_STATE = "quant_state.bitsandbytes__"
_BLOCKS = {"codes": "_blocks", "scale": "_scales"}  # what the arrays of MXFP4 are called, behind the stack's name
_MOST_STATE = 2**16  # bytes of JSON beside a tensor; real ones have about 200


@dataclass(frozen=True)
class Packed:
    """One matrix in quantized form."""

    format: Format
    shape: tuple[int, int]
    arrays: Mapping[str, Expression]  # those of the format, where the files have them
    constants: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # arrays that are no tensor of their own
    others: tuple[str, ...] = ()  # tensors that say the same again

    @property
    def all_tensors(self) -> tuple[str, ...]:
        """Every tensor of the files that belongs to the matrix."""
        return (*(name for array in self.arrays.values() for name in array.tensors), *self.others)

    def read(self, index: TensorIndex, start: int, stop: int) -> Buffers:
        """The arrays of rows start..stop-1; see `quant.format.ranges`."""
        places = ranges(self.format, self.shape[1], start, stop)
        slices = {name: self._slice(index, name, place) for name, place in places.items() if name not in self.constants}
        return {**slices, **self.constants}

    def _slice(self, index: TensorIndex, name: str, place: slice) -> NDArray[Any]:
        expression = self.arrays[name]
        buffer = self.format.buffers(self.shape)[name]
        row = self.format.buffers((1, self.shape[1]))[name]
        size = DTYPES[expression.dtype(index)].itemsize
        if buffer.dtype == "U8" and size > 1:  # bytes that were stored as wider numbers
            place = slice(place.start // size, -(-place.stop // size))
        array = expression.read(index, place)
        if buffer.dtype == "U8" and array.dtype != np.uint8:
            array = array.reshape(-1).view(np.uint8)
        return array.reshape(-1, *row.shape[1:])


def method_of(config: Mapping[str, Any]) -> str | None:
    """How config.json says that its checkpoint is quantized: None, or one of METHODS. Raises Unsupported for another
    way, ConfigError where it is not said."""
    values = config.get(KEY)
    if values is None or values == {}:
        return None
    if not isinstance(values, Mapping):
        raise ConfigError(f"config.json sets {KEY!r} to {type(values).__name__}; it must be an object.")
    method = values.get("quant_method")
    if method is None and (values.get("load_in_4bit") or values.get("load_in_8bit")):
        method = "bitsandbytes"  # written before the field had a name for it
    if method not in METHODS:
        by = "in a way that config.json does not name (MLX?)" if method is None else f"by {method!r}"
        raise Unsupported(
            f"The checkpoint is quantized {by}; {', '.join(METHODS)} are read here. Use its float16 "
            "or bfloat16 checkpoint, with quantization='int4' for 4 bits."
        )
    if method == "causerie" and values.get("version") != VERSION:
        raise ConfigError(
            f"The folder holds version {values.get('version')!r} of our quantized layout and this program reads "
            f"{VERSION}. Quantize the original model again."
        )
    return str(method)


def without_method(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config as the family reads it."""
    return {key: value for key, value in config.items() if key != KEY}


def find_packed(config: Mapping[str, Any], index: TensorIndex, tensor: str, shape: tuple[int, ...]) -> Packed | None:
    """How the matrix called `tensor` lies in a quantized checkpoint; None where it is held plain. Raises
    WeightFileError where its arrays are not those of its format, Unsupported for a variant that is not read."""
    method = method_of(config)
    if method not in ("causerie", "bitsandbytes") or len(shape) != 2:
        return None
    matrix = (shape[0], shape[1])
    if method == "causerie":
        source = _ours(config[KEY], index, tensor, matrix)
    elif f"{tensor}.absmax" in index:
        source = _four_bit(index, tensor, matrix)
    elif tensor in index and index.info(tensor).dtype == "I8":
        source = _eight_bit(index, tensor, matrix)
    else:
        source = None
    if source is not None:
        _check(source, index)
    return source


def _ours(values: Mapping[str, Any], index: TensorIndex, tensor: str, shape: tuple[int, int]) -> Packed | None:
    formats = values.get("weights")
    if not isinstance(formats, Mapping):
        raise ConfigError(f"{KEY} of config.json has no 'weights', which should give the format of each tensor.")
    name = formats.get(tensor)
    if name is None:
        return None
    if not isinstance(name, str) or name not in QUANTIZED:
        raise ConfigError(f"config.json says that {tensor!r} is held as {name!r}; known: {', '.join(QUANTIZED)}.")
    format = QUANTIZED[name]
    if (why := format.refusal(shape[1])) is not None:
        raise ConfigError(f"config.json says that {tensor!r}, {shape[1]} wide, is held as {name}, but {why}.")
    return Packed(format, shape, {array: Tensor(f"{tensor}.{array}") for array in format.buffers(shape)})


def _four_bit(index: TensorIndex, tensor: str, shape: tuple[int, int]) -> Packed:
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
    arrays = {"codes": Tensor(tensor), "absmax": Tensor(f"{tensor}.absmax")}
    constants: dict[str, NDArray[Any]] = {}
    if double:
        maps[f"{tensor}.nested_quant_map"] = dynamic_map()
        arrays["nested_absmax"] = Tensor(f"{tensor}.nested_absmax")
        offset = state.get("nested_offset")
        if not isinstance(offset, float | int) or not isfinite(offset):
            raise WeightFileError(f"{states[0]!r} says nested_offset {offset!r}; a number is expected.")
        constants["offset"] = np.array([offset], np.float32)
    for name, known in maps.items():
        if name in index and not np.allclose(_small(index, name, known.size), known, rtol=1e-4, atol=1e-6):
            raise Unsupported(
                f"{name!r} is not the table of {table}; checkpoints with tables of their own are not read."
            )
    others = (states[0], *(name for name in maps if name in index))
    return Packed(QUANTIZED[f"{table}_double" if double else table], shape, arrays, constants, others)


def _eight_bit(index: TensorIndex, tensor: str, shape: tuple[int, int]) -> Packed:
    module = tensor.removesuffix(".weight")
    scale, layout = f"{module}.SCB", f"{module}.weight_format"
    if scale not in index:
        raise WeightFileError(f"{tensor!r} holds 8-bit numbers and has no {scale!r} beside it; download it again.")
    arrays = {"codes": Tensor(tensor), "scale": Tensor(scale)}
    if layout not in index:
        return Packed(QUANTIZED["bnb_int8"], shape, arrays)
    if _small(index, layout, 1).any():
        raise Unsupported(f"{tensor!r} is laid out for one kind of GPU ({layout!r}); only row by row is read.")
    return Packed(QUANTIZED["bnb_int8"], shape, arrays, others=(layout,))


def _small(index: TensorIndex, name: str, count: int) -> NDArray[Any]:
    """A tensor of so many elements; a file may say that it has more."""
    if prod(index.info(name).shape) != count:
        raise WeightFileError(f"{name!r} has shape {index.info(name).shape}; {count} elements are expected.")
    return index.read(name).reshape(-1)


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


def find_blocks(
    config: Mapping[str, Any], index: TensorIndex, expression: Expression, shape: tuple[int, ...], experts: int
) -> Packed | None:
    """How the matrix that is `expression` of a stack of so many experts lies in MXFP4; None where it is held plain.
    Raises WeightFileError where its arrays are not those of the format."""
    if method_of(config) != "mxfp4" or len(shape) != 2:
        return None
    arrays = {name: _by_outputs(expression, ending) for name, ending in _BLOCKS.items()}
    codes, scale = arrays["codes"], arrays["scale"]
    if codes is None or scale is None or not any(name in index for name in codes.tensors):
        return None
    packed = Packed(MXFP4, (shape[0], shape[1]), {"codes": codes, "scale": scale})
    _check(packed, index)
    groups = shape[1] // MXFP4.groups[0]
    for array, axes in ((codes, (shape[0], groups, MXFP4.groups[0] // 2)), (scale, (shape[0], groups))):
        info = index.info(array.tensors[0])
        if info.shape[0] != experts or array.shape(index) != axes:
            raise WeightFileError(
                f"Tensor {info.name!r} has shape {info.shape}; config.json makes it {experts} experts, of each of "
                f"which {axes} are a matrix. The config belongs to another checkpoint."
            )
    return packed


def _by_outputs(expression: Expression, ending: str) -> Expression | None:
    """The same of a stack whose name ends so and whose rows are outputs; None for what is no part of a stack."""
    match expression:
        case Place(name, place):
            return Place(name + ending, place)
        case Transposed(of):
            return _by_outputs(of, ending)
        case Every(of) | Rows(of):
            inner = _by_outputs(of, ending)
            return None if inner is None else replace(expression, of=inner)
    return None


def _check(packed: Packed, index: TensorIndex) -> None:
    """That every array is there, of its dtype and with as many elements as its format wants."""
    for name, buffer in packed.format.buffers(packed.shape).items():
        if name in packed.constants:
            continue
        expression = packed.arrays[name]
        info = index.info(expression.tensors[0])  # says which names are near where it is missing
        bytes_of_any = buffer.dtype == "U8" and name == CODES  # bitsandbytes may store them as wider numbers
        try:
            nbytes = prod(expression.shape(index)) * info.array_dtype.itemsize
        except ShapeError:
            nbytes = 0
        if (info.dtype != buffer.dtype and not bytes_of_any) or nbytes != buffer.nbytes:
            raise WeightFileError(
                f"Tensor {info.name!r} is {info.dtype} {info.shape}; {packed.format.name} of {packed.shape} needs "
                f"{buffer.dtype} {buffer.shape}. The config belongs to another checkpoint."
            )
