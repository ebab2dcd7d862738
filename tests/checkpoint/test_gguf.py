"""GGUF files as a `TensorIndex`: what is in them, their parts, and that every bad one is refused by name, without the
memory that it claims to need."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

import gguf
import numpy as np
import pytest

from causerie.checkpoint.gguf import header as header_module
from causerie.checkpoint.gguf.header import ALIGNMENT_KEY
from causerie.checkpoint.gguf.index import open_gguf
from causerie.errors import CauserieError, CheckpointError, MissingFile, Unsupported, UsageError, WeightFileError
from tests.checkpoint.gguf_files import (
    ARRAY,
    BOOL,
    FLOAT32,
    FLOAT64,
    INT32,
    STRING,
    UINT8,
    UINT32,
    GgufFile,
    Tensor,
    entry,
    metadata,
    text,
)

Q4_0, Q4_K, BF16, I8, I64 = 2, 12, 30, 24, 27
LLAMA = entry("general.architecture", STRING, "llama")


def test_all_kinds_of_values(tmp_path: Path) -> None:
    path = GgufFile(metadata()).write(tmp_path / "a.gguf")
    with open_gguf(path) as index:
        values = {
            key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in index.metadata.items()
        }
    assert values == {
        "general.architecture": "llama",
        **{f"number.{kind}": kind for kind in (0, 1, 2, 3, 4, 5, 10, 11)},
        "number.float": 0.5,
        "number.double": -2.5,
        "truth": True,
        "texts": ("", "a", "ü€"),
        "numbers": [1.5, -2.0],
        "whole numbers": [-1, 2, 3],
        "truths": [True, False],
        "nothing": [],
    }
    assert values["truth"] is True and type(values["number.4"]) is int
    assert index.header.version == 3 and index.names() == ()


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("alignment", [1, 32, 64])
def test_tensors(tmp_path: Path, version: int, alignment: int) -> None:
    draw = np.random.default_rng(alignment)
    numbers = draw.normal(size=(3, 5)).astype(np.float32)
    records = draw.integers(0, 256, (2, 4, 36)).astype(np.uint8)
    short = draw.integers(0, 2**16, 7).astype(np.uint16)
    tensors = [
        Tensor("numbers", (5, 3), 0, numbers.tobytes()),
        Tensor("records", (64, 4, 2), Q4_0, records.tobytes()),
        Tensor("short", (7,), BF16, short.tobytes()),
    ]
    entries = [LLAMA, entry(ALIGNMENT_KEY, UINT32, alignment)]
    path = GgufFile(entries, tensors, version=version, alignment=alignment).write(tmp_path / "a.gguf")
    with open_gguf(path) as index:
        assert list(index.names()) == ["numbers", "records", "short"]
        assert [index.info(name).dtype for name in index.names()] == ["F32", "U8", "BF16"]
        assert index.info("records").shape == (2, 4, 36) and index.info("records").file == path
        block = index.block_type("records")
        assert block is not None and (block.name, block.elements, block.nbytes) == ("Q4_0", 32, 18)
        assert index.block_type("numbers") is None
        assert np.array_equal(index.read("numbers"), numbers)
        assert np.array_equal(index.read("records", slice(3, 7), (8, 36)), records.reshape(8, 36)[3:7])
        assert np.array_equal(index.read("short"), short)
        assert index.map("records").tobytes() == records.tobytes()
        extent = index.extent("records")
        assert path.read_bytes()[extent.begin : extent.begin + extent.nbytes] == records.tobytes()
        assert index.nbytes == numbers.nbytes + records.nbytes + short.nbytes
        with pytest.raises(WeightFileError, match=r"lacks tensor 'number'\. Nearest there: 'numbers'"):
            index.read("number")
    with pytest.raises(UsageError, match="closed"):
        index.read("numbers")


def test_the_same_as_the_package_reads(tmp_path: Path) -> None:
    path, draw = tmp_path / "a.gguf", np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_array("tokenizer.ggml.tokens", [f"word {i}" for i in range(1000)])
    writer.add_array("tokenizer.ggml.scores", [float(i) for i in range(1000)])
    writer.add_uint32("qwen2.block_count", 2)
    written = {f"blk.{i}.weight": draw.normal(size=(3 + i, 256)).astype(np.float32) for i in range(5)}
    for i, (name, array) in enumerate(written.items()):
        kind = [None, gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_1][i % 3]
        writer.add_tensor(name, array if kind is None else gguf.quantize(array, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reader = gguf.GGUFReader(path)
    with open_gguf(path) as index:
        assert index.metadata["tokenizer.ggml.tokens"] == tuple(f"word {i}" for i in range(1000))
        assert index.metadata["tokenizer.ggml.scores"].dtype == np.float32
        assert [(tensor.name, tensor.data.tobytes()) for tensor in reader.tensors] == [
            (name, index.read(name).tobytes()) for name in index.names()
        ]


def part(path: Path, number: int, count: int, names: list[str], total: int, said: int | None = None) -> Path:
    entries = [
        entry("split.no", 2, number if said is None else said),
        entry("split.count", 2, count),
        entry("split.tensors.count", INT32, total),
    ]
    own = [Tensor(name, (4,), 0, pack("<4f", *[number] * 4)) for name in names]
    file = GgufFile([*([LLAMA] if number == 0 else []), *entries], own)
    return file.write(path / f"model-{number + 1:05d}-of-{count:05d}.gguf")


def test_parts(tmp_path: Path) -> None:
    first = part(tmp_path, 0, 3, [], 3)
    second = part(tmp_path, 1, 3, ["a", "b"], 3)
    third = part(tmp_path, 2, 3, ["c"], 3)
    for path in (first, second, third):  # whichever is named
        with open_gguf(path) as index:
            assert list(index.names()) == ["a", "b", "c"] and index.files == (first, second, third)
            assert index.metadata["general.architecture"] == "llama" and index.path == first
            assert index.read("c").tolist() == [2.0] * 4 and index.info("c").file == third


def test_parts_that_do_not_belong_together(tmp_path: Path) -> None:
    part(tmp_path, 0, 2, ["a"], 3)
    with pytest.raises(MissingFile, match=r"lacks model-00002-of-00002\.gguf, one of the 2 parts"):
        open_gguf(tmp_path / "model-00001-of-00002.gguf")
    part(tmp_path, 1, 2, ["b"], 3)
    with pytest.raises(WeightFileError, match=r"split\.tensors\.count = 3, and its 2 files hold 2"):
        open_gguf(tmp_path / "model-00001-of-00002.gguf")
    part(tmp_path, 1, 2, ["b", "a"], 3)
    with pytest.raises(WeightFileError, match="'a' is both in"):
        open_gguf(tmp_path / "model-00001-of-00002.gguf")
    part(tmp_path, 1, 2, ["b", "c"], 3, said=0)
    with pytest.raises(WeightFileError, match=r"says split\.no = 0 .* by its name it is part 1 of 2"):
        open_gguf(tmp_path / "model-00001-of-00002.gguf")


def one(name: str | bytes = "a", axes: tuple[int, ...] = (4,), kind: int = 0, **changes: Any) -> Tensor:
    return Tensor(name, axes, kind, **{"data": b"", **changes})


def array(kind: int, count: int, data: bytes = b"") -> bytes:
    return entry("key", ARRAY, pack("<IQ", kind, count) + data)


# The bad files of llama.cpp's tests/test-gguf.cpp first, by its names, then what else was found in readers of others
# and of our own making. Of each, the file and what the refusal says.
BAD: dict[str, tuple[GgufFile, str]] = {
    "header bad magic": (GgufFile(magic=b"FUGG"), "begins with 'FUGG'"),
    "header bad version 0": (GgufFile(version=0), "version 0; 2 and 3 are read"),
    "header bad version 1": (GgufFile(version=1), "version 1; 2 and 3 are read"),
    "header bad version future": (GgufFile(version=4), "version 4; 2 and 3 are read"),
    "header bad n tensors": (GgufFile(tensor_count=2**64 - 1), f"{2**64 - 1} tensors, more than the 131072"),
    "header bad n kv": (GgufFile(entry_count=2**64 - 1), f"{2**64 - 1} metadata entries, more than the 65536"),
    "kv bad key size": (GgufFile([pack("<Q", 2**64 - 1) + b"key"]), f"{2**64 - 1} bytes, more than the 65535"),
    "kv empty key": (GgufFile([entry("", UINT8, 1)]), "entry 0 has an empty name"),
    "kv bad type": (GgufFile([text("key") + pack("<IB", 13, 0)]), "'key' has type 13; types are numbered 0 to 12"),
    "kv bad array type": (GgufFile([array(13, 1, b"\0" * 8)]), "elements of type 13"),
    "kv duplicate key": (GgufFile([LLAMA, LLAMA]), "'general.architecture' is there twice"),
    "kv bad align": (GgufFile([entry(ALIGNMENT_KEY, UINT32, 13)]), "'general.alignment' is 13; a power of two"),
    "kv zero align": (GgufFile([entry(ALIGNMENT_KEY, UINT32, 0)]), "'general.alignment' is 0; a power of two"),
    "kv huge align": (GgufFile([entry(ALIGNMENT_KEY, UINT32, 2**31)]), "a power of two to 1048576"),
    "kv wrong type align": (GgufFile([entry(ALIGNMENT_KEY, INT32, 32)]), "is of type int32; uint32 is expected"),
    "kv text align": (GgufFile([entry(ALIGNMENT_KEY, STRING, "32")]), "is of type string; uint32 is expected"),
    "tensors bad name size": (GgufFile(tensors=[one("a" * 1025)]), "1025 bytes, more than the 1024"),
    "tensors empty name": (GgufFile(tensors=[one("")]), "tensor 0 has an empty name"),
    "tensors bad n dims": (GgufFile(tensors=[one(axes=(1, 1, 1, 1, 1))]), "'a' has 5 axes; 1 to 4 can be"),
    "tensors no dims": (GgufFile(tensors=[one(axes=())]), "'a' has 0 axes; 1 to 4 can be"),
    "tensors n dims beyond": (GgufFile(tensors=[one(count=2**32 - 1)]), f"'a' has {2**32 - 1} axes"),
    "tensors bad shape": (GgufFile(tensors=[one(axes=(-1,))]), f"axes of \\[{2**64 - 1}\\], more than"),
    "tensors ne too big": (GgufFile(tensors=[one(axes=(2**32, 2**32, 2, 1))]), "more than 281474976710656 elements"),
    "tensors zero hides": (GgufFile(tensors=[one(axes=(0, 2**63))]), "more than 281474976710656 elements"),
    "tensors nbytes too big": (GgufFile(tensors=[one(axes=(2**62, 1), kind=I64)]), "more than 281474976710656"),
    "tensors bad type": (GgufFile(tensors=[one(kind=99)]), "'a' is of type number 99"),
    "tensors removed type": (GgufFile(tensors=[one(kind=4)]), "'a' is of type Q4_2, which newer files"),
    "tensors bad offset": (GgufFile(tensors=[one(offset=1)]), "'a' begins at byte 1 of the data; .* it is 0"),
    "tensors far offset": (GgufFile(tensors=[one(offset=2**63)]), f"'a' begins at byte {2**63}"),
    "tensors overlap": (GgufFile(tensors=[one(), one("b", offset=0)]), "'b' begins at byte 0 of the data; .* it is 32"),
    "tensors gap": (GgufFile(tensors=[one(), one("b", offset=64)]), "'b' begins at byte 64 of the data; .* it is 32"),
    "tensors duplicate name": (GgufFile(tensors=[one(), one()]), "tensor 'a' is there twice"),
    "tensors bad align": (GgufFile([entry(ALIGNMENT_KEY, UINT32, 13)], [one()]), "'general.alignment' is 13"),
    "tensors inconsistent align": (
        GgufFile([entry(ALIGNMENT_KEY, UINT32, 64)], [one(), one("b")], alignment=32),
        "'b' begins at byte 32 of the data; by the tensors before it and the alignment of 64 it is 64",
    ),
    "tensors broken row": (
        GgufFile(tensors=[one(axes=(33,), kind=Q4_0)]),
        "rows of 33 elements; Q4_0 has blocks of 32",
    ),
    "data not enough data": (GgufFile(tensors=[one(data=bytes(16))], cut=17), "'a' ends at byte .* its download"),
    "data one byte short": (GgufFile(tensors=[one(axes=(8,), data=bytes(32))], cut=1), "'a' ends at byte"),
    "data a gibibyte short": (GgufFile(tensors=[one(axes=(2**28,))]), f"'a' ends at byte {2**30 + 64}"),
    "data bad align": (
        GgufFile([entry(ALIGNMENT_KEY, UINT32, 13)], [one(data=bytes(16))]),
        "'general.alignment' is 13",
    ),
    "data inconsistent align": (
        GgufFile([entry(ALIGNMENT_KEY, UINT32, 128)], [one(data=bytes(16))], alignment=1),
        "'a' ends at byte .* its download",
    ),
    "data mem size overflow": (
        GgufFile(tensors=[one(axes=(0x7FFFFFFFFFFFFFC0,), kind=I8), one("b", (0x7FFFFFFFFFFFFFC0,), I8)]),
        "more than 281474976710656 elements",
    ),
    "array without end": (GgufFile([array(UINT8, 2**63)]), f"{2**63} elements, more than the 16777216"),
    "array past the end": (GgufFile([array(FLOAT64, 2**24)]), "needs 134217728 bytes from byte"),
    "texts past the end": (GgufFile([array(STRING, 2**22)]), "needs 33554432 bytes from byte"),
    "text of texts past the end": (GgufFile([array(STRING, 2, text("a") + pack("<Q", 1000))]), "needs 1008 bytes"),
    "texts without end": (GgufFile([array(STRING, 2**22 + 1)]), "4194305 elements, more than the 4194304"),
    "text too long": (GgufFile([text("key") + pack("<IQ", STRING, 2**40)]), f"{2**40} bytes, more than the 16777216"),
    "text past the end": (GgufFile([text("key") + pack("<IQ", STRING, 1000)]), "'key' needs 1000 bytes"),
    "arrays in arrays": (
        GgufFile([entry("key", ARRAY, pack("<IQ", ARRAY, 1) * 5000)]),
        "'key' is an array of arrays",
    ),
    "key not in UTF-8": (GgufFile([entry(b"\xff\xfe", UINT8, 1)]), "the name of metadata entry 0 is not UTF-8"),
    "text not in UTF-8": (GgufFile([entry("key", STRING, b"\1" + bytes(7) + b"\xff")]), "'key' is not UTF-8"),
    "texts not in UTF-8": (GgufFile([array(STRING, 2, text("a") + text(b"\xc3"))]), "string 1 of .* is not UTF-8"),
    "no truth": (GgufFile([entry("key", BOOL, b"\2")]), "a truth value and has the byte 2"),
    "no truths": (GgufFile([array(BOOL, 3, b"\0\1\2")]), "truth values beside 0 and 1"),
    "no number": (GgufFile([entry("key", FLOAT32, float("nan"))]), "'key' is nan; finite numbers can be"),
    "no end": (GgufFile([entry("key", FLOAT64, float("inf"))]), "'key' is inf; finite numbers can be"),
    "no numbers": (GgufFile([entry("key", ARRAY, (FLOAT32, [1.0, float("nan")]))]), "has NaN among its 2 numbers"),
    "big-endian": (GgufFile(version=0x03000000), "big-endian machines"),
    "header cut": (GgufFile([LLAMA], cut=40), "its download did not finish"),
    "entries that are not there": (GgufFile([LLAMA], entry_count=3), "has an empty name|needs .* bytes"),
    "nothing": (GgufFile(cut=32), "and has 0 bytes"),
    "a pointer": (GgufFile(magic=b"version https://git-lfs.github.com/spec/v1"), "git-LFS pointers"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused(tmp_path: Path, name: str) -> None:
    file, why = BAD[name]
    path = file.write(tmp_path / "bad.gguf")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((CheckpointError, Unsupported), match=why) as caught:
        open_gguf(path)
    assert "bad.gguf" in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 600
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize(
    "file",
    [
        GgufFile(),
        GgufFile([LLAMA]),
        GgufFile([entry(ALIGNMENT_KEY, UINT32, 1)], [one(data=bytes(16))], alignment=1),
        GgufFile(tensors=[one(axes=(0, 3)), one("b", data=bytes(16))]),
        GgufFile(tensors=[one(data=bytes(16))], cut=16),  # what fills up the last tensor may be missing
        GgufFile(tensors=[one(data=bytes(16))], end=bytes(1000)),
    ],
)
def test_what_is_unusual_and_good(tmp_path: Path, file: GgufFile) -> None:
    with open_gguf(file.write(tmp_path / "good.gguf")) as index:
        assert len(index.names()) == len(file.tensors)


def test_limits_of_a_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = GgufFile([LLAMA, entry("texts", ARRAY, (STRING, ["x"] * 100))]).write(tmp_path / "a.gguf")
    for limit, value, why in (
        ("HEADER_BYTES", 500, "a header has at most 500"),
        ("ENTRIES", 1, "2 metadata entries, more than the 1"),
        ("ARRAY_TEXTS", 99, "100 elements, more than the 99"),
        ("MOST_TEXTS", 99, "more than 99 strings up to 'texts'"),
        ("TEXT_BYTES", 4, "5 bytes, more than the 4"),
        ("KEY_BYTES", 10, "20 bytes, more than the 10"),
    ):
        with monkeypatch.context() as patch, pytest.raises(WeightFileError, match=why):
            patch.setattr(header_module, limit, value)
            open_gguf(path)
    open_gguf(path).close()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="no file"):
        open_gguf(tmp_path / "none.gguf")
    (tmp_path / "folder.gguf").mkdir()
    with pytest.raises(WeightFileError, match="not a file"):
        open_gguf(tmp_path / "folder.gguf")


LARGE = (0, 1, 2**31, 2**32, 2**63, 2**64 - 1)


def mutated(data: bytes, draw: np.random.Generator) -> bytes:
    """A file with a few bytes changed, cut out, doubled, or made into large numbers."""
    changed = bytearray(data)
    for _ in range(int(draw.integers(1, 4))):
        at = int(draw.integers(0, len(changed)))
        match int(draw.integers(0, 6)):
            case 0:
                changed[at] = int(draw.integers(0, 256))
            case 1:
                changed[at] ^= 1 << int(draw.integers(0, 8))
            case 2:
                changed[at : at + 8] = pack("<Q", LARGE[int(draw.integers(0, len(LARGE)))])
            case 3:
                del changed[at : at + int(draw.integers(1, 20))]
            case 4:
                changed[at:at] = changed[at : at + int(draw.integers(1, 40))]
            case _:
                del changed[at:]
        if not changed:
            return b""
    return bytes(changed)


def test_mutated_files_load_or_are_refused(tmp_path: Path) -> None:
    tensors = [Tensor("a", (64, 2), Q4_0), Tensor("b", (256, 1), Q4_K), Tensor("c", (3,), 0)]
    whole = GgufFile(metadata(), tensors).write(tmp_path / "good.gguf").read_bytes()
    draw, path, outcomes = np.random.default_rng(0), tmp_path / "mutant.gguf", {"read": 0, "refused": 0}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3000):
        path.write_bytes(mutated(whole, draw))
        try:
            with open_gguf(path) as index:
                for name in index.names():
                    index.read(name)
            outcomes["read"] += 1
        except CauserieError as error:
            assert re.search(r"mutant\.gguf", str(error)) or isinstance(error, UsageError)
            outcomes["refused"] += 1
    assert outcomes["read"] > 100 and outcomes["refused"] > 1000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_a_file_that_changes_is_not_read(tmp_path: Path) -> None:
    path = GgufFile(tensors=[one(data=bytes(16))]).write(tmp_path / "a.gguf")
    index = open_gguf(path)
    GgufFile(tensors=[one("b", data=bytes(16))]).write(path)
    with pytest.raises(WeightFileError, match="changed while it was loading"):
        index.read("a")


Reader = Callable[[int, int], bytes]


def test_a_header_is_read_from_wherever_bytes_come(tmp_path: Path) -> None:
    data = GgufFile(metadata(), [Tensor("a", (4, 4))]).write(tmp_path / "a.gguf").read_bytes()
    asked: list[tuple[int, int]] = []

    def read(offset: int, count: int) -> bytes:
        asked.append((offset, count))
        return data[offset : offset + min(count, 7)]  # as a network gives it

    known = header_module.header_of(read, len(data), Path("org/name/a.gguf"))
    assert list(known.tensors) == ["a"] and known.metadata["truth"] is True
    assert all(offset + count <= len(data) for offset, count in asked)
