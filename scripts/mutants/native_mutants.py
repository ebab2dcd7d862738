"""Chosen faults of the C++ kernels (native.toml), each built into the copy's own library and judged by tests/kernels.

It knows how the library is built and nothing of Python's mutants.
"""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from causerie.backends.native.library import choose
from scripts.mutants.nearest_tests import KERNELS
from scripts.mutants.project_copy import NATIVE, ProjectCopy

LIST = Path(__file__).with_name("native.toml")
TESTS = [
    *KERNELS,
    "--deselect=tests/kernels/test_lossless.py::test_packing_is_an_option_of_loading",  # knows no kernel
]
LIMIT = 900  # seconds, of a build and of the tests


@dataclass(frozen=True)
class NativeMutant:
    """A text of one file, and what replaces it."""

    file: str  # of the folder with the kernels' sources
    old: str
    new: str


def native_mutants() -> list[NativeMutant]:
    """Those of native.toml."""
    return [NativeMutant(**entry) for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]]


def run_native(copy: ProjectCopy, chosen: list[NativeMutant]) -> int:
    """Builds and tests each; prints what became of it. 1 where one survived or no longer fits the source."""
    build(copy)
    if (answer := copy.test(TESTS, LIMIT))["code"] != 0:
        raise SystemExit(f"{' '.join(TESTS)} fail without a mutant:\n{answer['tail']}")
    results = []
    for mutant in chosen:
        results.append(judged(copy, mutant))
        print(f"{results[-1]:9} {mutant.file}\n  - {mutant.old}\n  + {mutant.new}", flush=True)
    print(", ".join(f"{results.count(result)} {result}" for result in ("noticed", "survived", "stale")))
    return int(results.count("noticed") != len(results))


def judged(copy: ProjectCopy, mutant: NativeMutant) -> str:
    """ "noticed", "survived", or "stale" where its old text does not stand in the file exactly once."""
    path = copy.root / NATIVE / "src" / mutant.file
    real = path.read_text(encoding="utf-8") if path.exists() else ""
    if real.count(mutant.old) != 1:
        return "stale"
    path.write_text(real.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        build(copy)
        return "noticed" if copy.test(TESTS, LIMIT)["code"] != 0 else "survived"
    finally:
        path.write_text(real, encoding="utf-8")


def build(copy: ProjectCopy) -> None:
    """The library of the copy's sources with two of its instruction sets, put where the copy looks for it."""
    folder = copy.root / "build"
    if not (folder / "CMakeCache.txt").exists():
        # Two that differ most: the one that this machine is fastest with, and the one that is plain C++.
        options = [f"-DCAUSERIE_VARIANTS={choose().name};portable", "--log-level=WARNING"]
        ninja = ["-G", "Ninja"] if shutil.which("ninja") else []
        subprocess.run(["cmake", "-S", copy.root, "-B", folder, *options, *ninja], check=True)
    subprocess.run(["cmake", "--build", folder], check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    library = next(folder.glob("libcauserie_kernels.*"))
    new = copy.root / NATIVE / "new"
    shutil.copy(library, new)  # and moved: what has mapped the old one keeps it
    new.replace(copy.root / NATIVE / library.name)
