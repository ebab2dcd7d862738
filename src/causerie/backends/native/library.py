"""The compiled kernels: found, checked to be of this version, and the instruction set chosen.

It declares the functions of libcauserie_kernels, which machine.py calls; it knows no decoder. The C++ side is
src/library.cpp.
"""

from __future__ import annotations

import ctypes
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import causerie.backends.native as package
from causerie.backends.native import abi
from causerie.backends.native.description import Description
from causerie.errors import BackendUnavailable, unknown

FILES = ("libcauserie_kernels.so", "libcauserie_kernels.dylib")


@dataclass(frozen=True)
class InstructionSet:
    """One compiled variant of the kernels."""

    name: str  # "avx512_bf16", "avx512", "avx2_vnni", "avx2"; on Arm "neon_i8mm", "neon_dotprod", "neon"; or "portable"
    index: int  # in the library
    lacking: str | None  # why it cannot run here; None: it can


@cache
def kernels() -> ctypes.CDLL:
    """The library, loaded once and checked. Raises BackendUnavailable with what to do."""
    file = _file()
    if file is None:
        raise BackendUnavailable(
            f"The native backend's library {FILES[0]} is not beside its Python files, so it was not built. "
            "Install again with a C++ compiler present (make install, or pip install .), or use the torch backend."
        )
    try:
        library = ctypes.CDLL(str(file))
    except OSError as fault:
        raise BackendUnavailable(f"The native backend's library {file.name} does not load: {fault}.") from None
    if told := _declare(library) or _disagreements(library):
        raise BackendUnavailable(
            f"{file.name} was built from other sources than these Python files: {'; '.join(told)}. "
            "Build it again: make native in a checkout, or pip install --force-reinstall causerie."
        )
    return library


def _file() -> Path | None:
    candidates = [Path(folder) / name for folder in package.__path__ for name in FILES]
    return next((path for path in candidates if path.exists()), None)


@cache
def fingerprint() -> str:
    """A digest of the library's file, so of all that it computes."""
    file = _file()
    return "" if file is None else hashlib.sha256(file.read_bytes()).hexdigest()[:16]


@cache
def description() -> Description:
    """What the library tells of its structures and numbers. Raises as `kernels`."""
    return Description.parse(kernels().causerie_description())


def _disagreements(library: ctypes.CDLL) -> list[str]:
    try:
        return abi.disagreements(Description.parse(library.causerie_description()))
    except ValueError as fault:
        return [f"it describes itself in another way ({fault})"]


def _declare(library: ctypes.CDLL) -> list[str]:
    """Gives each function its types; which ones the library lacks, in words."""
    pointer, integer, wide = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    signatures = {
        "causerie_description": (ctypes.c_char_p, []),
        "causerie_variant_count": (integer, []),
        "causerie_variant_name": (ctypes.c_char_p, [integer]),
        "causerie_variant_lacking": (ctypes.c_char_p, [integer]),
        "causerie_pool_new": (pointer, [integer]),
        "causerie_pool_free": (None, [pointer]),
        "causerie_run": (ctypes.c_int32, [pointer, integer, pointer, pointer, ctypes.POINTER(wide), pointer]),
        "causerie_store_new": (pointer, [pointer]),
        "causerie_store_free": (None, [pointer]),
        "causerie_store_counts": (None, [pointer, pointer]),
        "causerie_measure": (None, [pointer, integer, pointer]),
        "causerie_pack": (None, [pointer, integer, pointer]),
        "causerie_arrange_records": (ctypes.c_int32, [pointer, integer, pointer, wide, ctypes.POINTER(wide)]),
        "causerie_quantize": (None, [integer, pointer]),
        "causerie_code_bytes": (wide, [pointer, wide, wide]),
        "causerie_read": (ctypes.c_uint64, [pointer, integer, pointer, wide]),
        "causerie_peak": (wide, [pointer, integer, integer, wide, wide]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name, None)
        if function is not None:
            function.restype, function.argtypes = result, arguments
    return [f"it lacks the function {name}" for name in signatures if not hasattr(library, name)]


@cache
def instruction_sets() -> tuple[InstructionSet, ...]:
    """Every variant of the kernels, fastest first, each with the reason where it cannot run here."""
    library = kernels()
    sets = []
    for index in range(library.causerie_variant_count()):
        lacking = library.causerie_variant_lacking(index)
        name = library.causerie_variant_name(index).decode()
        sets.append(InstructionSet(name, index, None if lacking is None else lacking.decode()))
    return tuple(sets)


def choose(name: str | None = None) -> InstructionSet:
    """The variant called `name`, or the fastest that can run here. Raises UnknownName, or BackendUnavailable where the
    named one cannot run."""
    sets = instruction_sets()
    if name is None:
        best = next((each for each in sets if each.lacking is None), None)
        if best is None:
            reasons = "; ".join(f"{each.name}: {each.lacking}" for each in sets)
            raise BackendUnavailable(f"None of the native kernels can run here ({reasons}). Use the torch backend.")
        return best
    named = next((each for each in sets if each.name == name), None)
    if named is None:
        raise unknown("instruction set", name, [each.name for each in sets])
    if named.lacking is not None:
        able = ", ".join(each.name for each in sets if each.lacking is None)
        raise BackendUnavailable(
            f"Instruction set {name!r} was asked for and cannot run here: {named.lacking}. These can: {able}."
        )
    return named
