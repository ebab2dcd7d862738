"""What the compiled kernels tell of themselves: constants, numbers of enumerations, and where each field of a structure
lies. numpy and ctypes types are made from it, so that no layout is written down twice.

Knows no name that is in it. The C++ side is src/describe.cpp.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_CTYPES: dict[str, Any] = {
    "u8": ctypes.c_uint64,
    "i8": ctypes.c_int64,
    "u4": ctypes.c_uint32,
    "i4": ctypes.c_int32,
    "u1": ctypes.c_uint8,
    "f4": ctypes.c_float,
}


@dataclass(frozen=True)
class Field:
    """A field of a structure; an address is "u8"."""

    type: str  # numpy's code without byte order, a key of _CTYPES
    count: int  # elements; 1: it is no array
    offset: int  # bytes

    @property
    def nbytes(self) -> int:
        """Of all elements."""
        return self.count * ctypes.sizeof(_CTYPES[self.type])


@dataclass(frozen=True)
class Structure:
    """A C structure without gaps."""

    name: str
    nbytes: int
    fields: Mapping[str, Field]  # in their order in memory

    def __post_init__(self) -> None:
        """Raises ValueError where the fields do not fill it, one after the other."""
        end = 0
        for name, field in self.fields.items():
            if field.offset != end:
                raise ValueError(f"{self.name}.{name} lies at byte {field.offset}; the fields before it end at {end}")
            end += field.nbytes
        if end != self.nbytes:
            raise ValueError(f"{self.name} has {self.nbytes} bytes and its fields {end}")

    def dtype(self) -> np.dtype[np.void]:
        """For arrays of it."""
        fields = self.fields.values()
        formats = [field.type if field.count == 1 else (field.type, (field.count,)) for field in fields]
        offsets = [field.offset for field in fields]
        return np.dtype({"names": list(self.fields), "formats": formats, "offsets": offsets, "itemsize": self.nbytes})

    def ctype(self) -> type[ctypes.Structure]:
        """For one of it, to be handed to C++."""
        kinds = {name: (_CTYPES[field.type], field.count) for name, field in self.fields.items()}
        fields = [(name, kind if count == 1 else kind * count) for name, (kind, count) in kinds.items()]
        # Packed, for where each field lies was told; without gaps that is also its natural place.
        return type(self.name, (ctypes.Structure,), {"_pack_": 1, "_fields_": fields})


@dataclass(frozen=True)
class Description:
    """All that a library tells."""

    constants: Mapping[str, int]
    enumerations: Mapping[str, Mapping[str, int]]  # the numbers of the members, by name
    structures: Mapping[str, Structure]

    @staticmethod
    def parse(text: bytes) -> Description:
        """From the JSON that src/describe.cpp writes. Raises ValueError where it is not that."""
        try:
            told = json.loads(text)
            structures = {
                name: Structure(name, each["bytes"], _fields(each["fields"]))
                for name, each in told["structures"].items()
            }
            return Description(told["constants"], told["enumerations"], structures)
        except (KeyError, TypeError, AttributeError) as fault:
            raise ValueError(f"{type(fault).__name__}: {fault}") from None


def _fields(told: Mapping[str, list[Any]]) -> dict[str, Field]:
    """In their order in memory."""
    fields = {name: Field(*each) for name, each in told.items()}
    return dict(sorted(fields.items(), key=lambda item: item[1].offset))
