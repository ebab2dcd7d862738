"""GGUF files of tiny models, written by the gguf package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFValueType, GGUFWriter
from gguf.quants import dequantize, quantize
from numpy.typing import NDArray

_WIDTH = 32  # of a block of Q8_0
_PLAIN = ("ffn_gate_inp", "altup_", "ssm_conv1d", "shortconv.conv", "position_embd")  # as llama.cpp leaves them plain


def write_gguf(path: Path, metadata: Mapping[str, Any], tensors: Mapping[str, NDArray[np.float32]]) -> Path:
    """Writes a file with numbers in float32, but for matrices that are bytes: those are in Q8_0."""
    writer = GGUFWriter(path, metadata["general.architecture"])
    for key, value in metadata.items():
        if key != "general.architecture":
            writer.add_key_value(key, value, GGUFValueType.ARRAY if isinstance(value, list) else _kind(value))
    for name, array in tensors.items():
        writer.add_tensor(name, array, raw_dtype=GGMLQuantizationType.Q8_0 if array.dtype == np.uint8 else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def in_eight_bits(
    tensors: Mapping[str, NDArray[np.float32]],
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.float32]]]:
    """The same with all matrices in Q8_0 that may be, and with the numbers that these stand for."""
    packed: dict[str, NDArray[Any]] = {}
    numbers: dict[str, NDArray[np.float32]] = {}
    for name, array in tensors.items():
        packed[name], numbers[name] = array, array
        if array.ndim > 1 and array.shape[-1] % _WIDTH == 0 and not any(each in name for each in _PLAIN):
            packed[name] = quantize(array, GGMLQuantizationType.Q8_0)
            numbers[name] = dequantize(packed[name], GGMLQuantizationType.Q8_0).reshape(array.shape)
    return packed, numbers


def _kind(value: Any) -> GGUFValueType:
    if isinstance(value, bool):
        return GGUFValueType.BOOL
    if isinstance(value, int):
        return GGUFValueType.UINT32
    return GGUFValueType.FLOAT32 if isinstance(value, float) else GGUFValueType.STRING
