"""The kernels for Arm: compiled here for aarch64 and run under qemu, on whole decoders that x86 ran before. The logits
are `==`.

A decoder is built by the portable kernels with its memory at fixed places; what it needs is written to a file, which a
small C++ program maps at the same places and runs.
"""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie.backends.native import arena, builder, cache, library, program, traced
from causerie.models.model import Model
from tests.kernels.decoders import BLOCKS, Array, Shape, build, random_weights, some_tokens, step_on

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COMPILER, EMULATOR, LIBRARIES = "aarch64-linux-gnu-g++", "qemu-aarch64", "/usr/aarch64-linux-gnu"
LOW = 0x10_0000_0000  # where the decoder's memory lies: far from where systems put libraries
FIXED = 0x100000  # Linux: MAP_FIXED_NOREPLACE
VARIANTS = ("portable", "neon", "neon_dotprod", "neon_i8mm")
CASES = {
    "float32": ("float32", {}, "float32", Shape(bias=True, window=40)),
    "float16": ("float16", {}, "float16", Shape(tied=False, act="gelu_tanh", head_dim=34)),
    "bfloat16": ("bfloat16", {}, "bfloat16", Shape(qk_norm=True, act="gelu", width=101, hidden=77)),
    "packed": ("bfloat16", {"packing": "lossless"}, "int8", Shape(heads=14, kv_heads=2, head_dim=64)),
    "int8": ("bfloat16", {"quantized": {"": "int8"}}, "int8", Shape(width=96, hidden=160, head_dim=32)),
    "experts": (
        "bfloat16",
        {"quantized": {"": "int8"}},
        "int8",
        Shape(width=96, hidden=160, head_dim=32, experts=4, active=2),
    ),
    "windows": ("float16", {}, "bfloat16", Shape(windows=(None, 40))),
    "convolutions": (
        "bfloat16",
        {"quantized": {"": "int8"}},
        "int8",
        Shape(width=160, hidden=160, head_dim=32, taps=3, layers=3),
    ),
    "int4": ("bfloat16", {"quantized": {"": "int4"}}, "int8", Shape(width=96, hidden=160, head_dim=32)),
    "nf4": ("bfloat16", {"quantized": {"": "nf4"}}, "bfloat16", Shape(width=96, hidden=160, head_dim=32)),
    "bnb_int8": ("bfloat16", {"quantized": {"": "bnb_int8"}}, "bfloat16", Shape(width=96, hidden=160, head_dim=32)),
}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library and the driver, compiled for aarch64; skips where there is nothing to do that with."""
    for tool in (COMPILER, EMULATOR, "cmake"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: apt-get install g++-aarch64-linux-gnu qemu-user cmake")
    folder = tmp_path_factory.mktemp("aarch64")
    made = folder / "driver"
    target = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64", f"-DCMAKE_CXX_COMPILER={COMPILER}"]
    source = ROOT / "tests" / "kernels" / "arm_driver.cpp"
    for words in (
        ["cmake", "-S", str(ROOT), "-B", str(folder), *target],
        ["cmake", "--build", str(folder), "--parallel", "2"],
        [COMPILER, "-O1", str(source), "-o", str(made), f"-L{folder}", "-lcauserie_kernels", f"-Wl,-rpath,{folder}"],
    ):
        subprocess.run(words, check=True, capture_output=True, timeout=1500)
    return made


class FixedArena(arena.Arena):
    """An arena at the next free place above LOW."""

    made: list[FixedArena] = []  # noqa: RUF012  # of the test that runs

    def __init__(self, size: int, purpose: str, expected: int | None = None) -> None:
        last = FixedArena.made[-1] if FixedArena.made else None
        self._begin = LOW if last is None else last._begin + (last._size // arena.LARGE_PAGE + 2) * arena.LARGE_PAGE
        self._size, self._length, self._purpose = size, 0, purpose
        flags = 0x22 | FIXED  # private and anonymous
        map_at = ctypes.CDLL(None).mmap
        map_at.restype, map_at.argtypes = (
            ctypes.c_void_p,
            [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long],
        )
        assert map_at(self._begin, size, 3, flags, -1, 0) == self._begin
        self._bytes = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(self._begin))
        FixedArena.made.append(self)

    def __del__(self) -> None:
        ctypes.CDLL(None).munmap(ctypes.c_void_p(self._begin), ctypes.c_size_t(self._size))


@pytest.fixture
def fixed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Memory of models made during the test lies at fixed places."""
    for module in (builder, cache, traced):
        monkeypatch.setattr(module, "Arena", FixedArena)
    yield
    FixedArena.made.clear()


class Recorder:
    """Stands for the library: runs steps, and writes down before the first what memory holds, and every step."""

    def __init__(self, real: Any, ropes: list[int], made: traced.Traced) -> None:
        self._real, self._ropes, self._made = real, ropes, made
        self._segments: list[tuple[int, bytes]] = []
        self._next = 2 * LOW
        self._steps: list[tuple[int, int, int]] = []
        self._program = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def causerie_run(self, pool: Any, variant: int, run: Any, step: Any, *others: Any) -> Any:
        whole, arguments = run._obj, step._obj
        if not self._steps:
            for each in FixedArena.made:
                self._segments.append((each._begin, ctypes.string_at(each._begin, each._size)))
            self._program = self._copied(whole, self._program_sizes(whole))
        self._steps.append(self._step(arguments, whole))
        return self._real.causerie_run(pool, variant, run, step, *others)

    def image(self) -> bytes:
        """All of it as arm_driver.cpp reads it."""
        parts = [struct.pack("<Q", len(self._segments))]
        for address, data in self._segments:
            parts += [struct.pack("<QQ", address, len(data)), data]
        parts.append(struct.pack("<QQ", self._program, len(self._steps)))
        parts += [struct.pack("<QQQ", *step) for step in self._steps]
        return b"".join(parts)

    def _put(self, data: bytes) -> int:
        address = self._next
        self._segments.append((address, data))
        self._next += (len(data) // 0x10000 + 2) * 0x10000
        return address

    def _copied(self, given: ctypes.Structure, sizes: dict[str, int]) -> int:
        """The structure with what its fields point to, put away."""
        copy = type(given).from_buffer_copy(given)
        for name, size in sizes.items():
            setattr(copy, name, self._put(ctypes.string_at(getattr(given, name), size) if size else bytes(8)))
        return self._put(bytes(copy))

    def _program_sizes(self, given: ctypes.Structure) -> dict[str, int]:
        scratch = (array.nbytes for array in self._made.scratch)
        return {
            "instructions": given.instruction_count * program.INSTRUCTION.itemsize,
            "parts": self._made.parts.nbytes,
            "panels": self._made.panels.nbytes,
            "buffers": self._made.buffers.nbytes,
            "layers": given.layer_count * program.LAYER_CACHE.itemsize,
            "groups": given.group_count * program.PAGE_GROUP.itemsize,
        } | dict(zip(("row_sequence", "place_rows", "expert_starts", "slot_writers"), scratch, strict=True))

    def _step(self, given: ctypes.Structure, whole: ctypes.Structure) -> tuple[int, int, int]:
        rows, sequences = given.tokens_count, given.sequences
        room = program.ATTENDING.itemsize + whole.max_tokens * program.ROW_GROUP.itemsize
        turns = (ctypes.c_uint64 * len(self._ropes)).from_address(given.rotations)
        moved = [
            self._put(ctypes.string_at(turn, rows * dims * 4)) for turn, dims in zip(turns, self._ropes, strict=True)
        ]
        tables = self._tables(given, whole.group_count)
        copy = program.StepArguments.from_buffer_copy(given)
        copy.rotations = ctypes.addressof(kept := (ctypes.c_uint64 * len(moved))(*moved))
        copy.tables = ctypes.addressof(tables)
        address = self._copied(
            copy,
            {
                "tokens": rows * 4,
                "positions": rows * 4,
                "starts": (sequences + 1) * 4,
                "tables": ctypes.sizeof(tables),
                "slots": sequences * 8 if whole.slots else 0,
                "wanted": given.wanted_count * 4,
                "rotations": ctypes.sizeof(kept),
                "attending": room,
                "states": 0,
                "logits": given.wanted_count * whole.vocab * 4,
            },
        )
        logits = program.StepArguments.from_buffer_copy(self._segments[-1][1]).logits
        return address, logits, given.wanted_count * whole.vocab * 4

    def _tables(self, given: ctypes.Structure, groups: int) -> ctypes.Array[ctypes.Structure]:
        """Of each page group, with what they point to put away."""
        kind = program.TableArguments * groups
        tables = kind.from_buffer_copy(kind.from_address(given.tables))
        for table in tables:
            sizes = {
                "blocks": table.blocks_count,
                "starts": given.sequences + 1,
                "copies": 2 * table.copies_count,
            }
            for name, size in sizes.items():
                setattr(table, name, self._put(ctypes.string_at(getattr(table, name), size * 4) or bytes(8)))
        return tables


def run_steps(model: Model) -> list[Array]:
    """A prompt in two pieces beside another, then some tokens one by one."""
    long, short = some_tokens(300, model.vocab, seed=1), some_tokens(40, model.vocab, seed=2)
    table, other = list(range(0, 20, 2)), [21, 23]
    found = [model.run(step_on(model, [(long[:150], 0, table), (short, 0, other)])).logits]
    found.append(model.run(step_on(model, [(long[150:297], 150, table)], rows=[0, 3, 146])).logits)
    found += [model.run(step_on(model, [(long[at : at + 1], at, table)])).logits for at in (297, 298, 299)]
    assert BLOCKS > 23
    return found


@pytest.mark.parametrize("case", CASES)
def test_arm_gives_the_logits_of_x86(
    case: str, driver: Path, fixed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    format, options, kept, shape = CASES[case]
    spec = shape.decoder()
    model = build(spec, random_weights(spec, format), cache=kept, instruction_set="portable", **options)
    made = model.executable._traced  # type: ignore[attr-defined]
    recorder = Recorder(library.kernels(), [rope.dims for rope in spec.ropes], made)
    monkeypatch.setattr(library, "kernels", lambda: recorder)
    expected = np.concatenate([logits.ravel() for logits in run_steps(model)])
    image = tmp_path / "image"
    image.write_bytes(recorder.image())
    for variant in VARIANTS:
        words = [EMULATOR, "-L", LIBRARIES, "-cpu", "max", str(driver), str(image), variant, "2"]
        done = subprocess.run(words, capture_output=True, timeout=600, check=False)
        assert done.returncode == 0, (variant, done.stderr.decode())
        np.testing.assert_array_equal(np.frombuffer(done.stdout, np.float32), expected, err_msg=variant)


def test_a_processor_without_dot_products_says_so(driver: Path) -> None:
    words = [EMULATOR, "-L", LIBRARIES, "-cpu", "cortex-a53", str(driver), "/dev/null", "neon_dotprod", "1"]
    done = subprocess.run(words, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (3, b"neon_dotprod: the processor lacks dot products (asimddp)\n")
