"""Writes a safetensors file, whole or not at all. Knows the format and no model."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.index import DTYPES
from causerie.errors import CheckpointError, UsageError, unknown

# Where several names share a numpy dtype, the plain one; the others must be asked for.
_PLAIN = {DTYPES[name]: name for name in ("BOOL", "U8", "I8", "U16", "I16", "F16", "U32", "I32", "F32")} | {
    DTYPES[name]: name for name in ("U64", "I64", "F64", "C64")
}


def write_safetensors(
    path: str | Path,
    tensors: Mapping[str, NDArray[Any]],
    *,
    dtypes: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes `tensors` to `path`, replacing it only when all is written.

    `dtypes` names the dtype of arrays that hold raw bits: {"w": "BF16"} for a uint16 array. `metadata` defaults to
    {"format": "pt"}, without which transformers refuses a file. Raises UsageError on a dtype that cannot be written,
    CheckpointError where the disk refuses.
    """
    names = dict(dtypes or {})
    for name in names:
        if name not in tensors:
            raise unknown("tensor in dtypes", name, tensors)
    tagged = {name: names.get(name) or _plain(name, array) for name, array in tensors.items()}
    for name, dtype in tagged.items():
        if dtype not in DTYPES:
            raise unknown("dtype", dtype, DTYPES)
        if tensors[name].dtype != DTYPES[dtype]:
            raise UsageError(
                f"{name!r} is to be {dtype}, so its array must be {DTYPES[dtype]}; it is {tensors[name].dtype}."
            )
    head, places = laid_out({name: (tagged[name], tensors[name].shape) for name in tensors}, metadata)
    _write(Path(path), head, [tensors[name] for name in sorted(places, key=lambda name: places[name])])


def laid_out(
    tensors: Mapping[str, tuple[str, tuple[int, ...]]],
    metadata: Mapping[str, str] | None = None,
    alignment: int = 8,
) -> tuple[bytes, dict[str, int]]:
    """The first bytes of a file of tensors given as (dtype, shape), and where in it each one begins. Tensors of a
    multiple of `alignment` bytes (a power of two, more than 8) begin at such a multiple, in the order given. Of the
    others the widest elements come first, which keeps each aligned to its own element; the format allows no gaps."""

    def place(name: str) -> tuple[bool, int, str]:
        dtype, shape = tensors[name]
        size = DTYPES[dtype].itemsize
        if alignment > 8 and prod(shape) * size % alignment == 0:
            return False, 0, ""
        return True, -size, name

    order = sorted(tensors, key=place)
    header: dict[str, Any] = {"__metadata__": dict({"format": "pt"} if metadata is None else metadata)}
    offset = 0
    begins = {}
    for name in order:
        dtype, shape = tensors[name]
        end = offset + prod(shape) * DTYPES[dtype].itemsize
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        begins[name] = offset
        offset = end
    raw = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    raw += b" " * (-(8 + len(raw)) % alignment)
    head = len(raw).to_bytes(8, "little") + raw
    return head, {name: len(head) + begin for name, begin in begins.items()}


def _plain(name: str, array: NDArray[Any]) -> str:
    dtype = _PLAIN.get(array.dtype)
    if dtype is None:
        raise UsageError(
            f"{name!r} has dtype {array.dtype}, which safetensors cannot hold. It holds {', '.join(DTYPES)}."
        )
    return dtype


def _write(path: Path, head: bytes, arrays: list[NDArray[Any]]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(head)
            for array in arrays:
                if array.nbytes:
                    file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        part.replace(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
