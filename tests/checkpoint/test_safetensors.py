"""Our reader and writer of safetensors against the `safetensors` package, and against files made to break a reader."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load as oracle_load
from safetensors.numpy import save as oracle_save

from causerie.checkpoint import header as limits
from causerie.checkpoint.bfloat16 import round_to_bits, widen
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import MissingFile, UnknownName, UsageError, WeightFileError

DTYPES = ["<f4", "<f2", "<f8", "u1", "i1", "<u2", "<i2", "<i4", "<i8", "?"]
names = st.text(min_size=1, max_size=12).filter(lambda name: name != "__metadata__" and max(name) < "\ud800")
shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@st.composite
def tensors(draw: st.DrawFn) -> dict[str, Any]:
    arrays = {}
    for name in draw(st.lists(names, max_size=5, unique=True)):
        shape, dtype = draw(shapes), draw(st.sampled_from(DTYPES))
        count = int(np.prod(shape)) * np.dtype(dtype).itemsize
        raw = draw(st.binary(min_size=count, max_size=count))
        values = np.frombuffer(raw, "u1") % 2 if dtype == "?" else np.frombuffer(raw, dtype)
        arrays[name] = values.astype(dtype).reshape(shape)
    return arrays


def same(one: Any, other: Any) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def raw(header: dict[str, Any] | str | bytes, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else (header if isinstance(header, str) else json.dumps(header)).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def one(dtype: Any = "U8", shape: Any = (4,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


@given(tensors())
def test_what_the_package_writes_we_read(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Any]) -> None:
    file = tmp_path_factory.mktemp("read") / "w.safetensors"
    file.write_bytes(oracle_save(arrays))
    with SafetensorsIndex.open(file) as index:
        assert set(index.names()) == set(arrays)
        assert all(same(index.read(name), array) for name, array in arrays.items())
        assert index.nbytes == sum(array.nbytes for array in arrays.values())


@given(tensors())
def test_what_we_write_the_package_reads(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Any]) -> None:
    file = tmp_path_factory.mktemp("write") / "w.safetensors"
    write_safetensors(file, arrays)
    read = oracle_load(file.read_bytes())
    assert set(read) == set(arrays) and all(same(read[name], array) for name, array in arrays.items())
    assert [entry.name for entry in file.parent.iterdir()] == ["w.safetensors"]


@given(tensors(), st.data())
def test_what_we_accept_the_package_accepts(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Any], data: st.DataObject
) -> None:
    content = bytearray(oracle_save(arrays))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, min(len(content), 300) - 1))
        kind = data.draw(st.sampled_from(["flip", "insert", "delete"]))
        if kind == "flip":
            content[at] = data.draw(st.sampled_from(b'0123456789"{}[],: \x00-.eE\xffabc'))
        elif kind == "insert":
            content.insert(at, data.draw(st.sampled_from(b'09"{}[],: ')))
        elif len(content) > 1:
            del content[at]
    file = tmp_path_factory.mktemp("mutated") / "w.safetensors"
    file.write_bytes(content)
    try:
        index = SafetensorsIndex.open(file)
    except WeightFileError:
        return
    read = oracle_load(bytes(content))
    known = {name for name in index.names() if index.info(name).dtype not in ("F8_E4M3", "F8_E5M2", "F8_E8M0", "BF16")}
    assert all(same(index.read(name), read[name]) for name in known)


def test_bfloat16_bits_and_rows(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)
    bits = round_to_bits(values)
    write_safetensors(tmp_path / "w.safetensors", {"w": bits, "s": np.float32(2).reshape(())}, dtypes={"w": "BF16"})
    index = SafetensorsIndex.open(tmp_path)
    assert index.info("w").dtype == "BF16" and index.info("w").shape == (6, 5) and index.info("w").nbytes == 60
    assert index.info("s").shape == () and index.read("s") == 2
    for rows in (slice(2, 4), slice(None), slice(-1, None), slice(4, 2), slice(0, 99)):
        assert same(index.read("w", rows), bits[rows])
    out = np.zeros((2, 5), np.uint16)
    index.read_into("w", out, slice(1, 3))
    assert same(out, bits[1:3])
    unfit = [np.zeros((2, 5), np.int16), np.zeros((2, 6), np.uint16), np.zeros((2, 4), np.uint16)]
    for wrong in (*unfit, np.zeros((5, 2), np.uint16).T, np.zeros((2, 10), np.uint16)[:, ::2]):
        with pytest.raises(UsageError, match="contiguous buffer of 20 bytes of uint16"):
            index.read_into("w", wrong, slice(1, 3))
        assert not wrong.any()
    with pytest.raises(UsageError, match="step 1 only"):
        index.read("w", slice(0, 6, 2))
    with pytest.raises(UsageError, match="cannot be read by rows"):
        index.read("s", slice(0, 1))
    index.close()
    with pytest.raises(UsageError, match="closed"):
        index.read("w")


def test_bfloat16_rounds_as_torch() -> None:
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(1)
    values = generator.integers(0, 2**32, 4096, dtype=np.uint32).view(np.float32)
    ours, theirs = widen(round_to_bits(values)), torch.from_numpy(values).bfloat16().float().numpy()
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    assert np.array_equal(ours[~np.isnan(ours)], theirs[~np.isnan(theirs)])


W = "tensor 'w'"
BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "has 0 bytes and is not a safetensors file"),
    "seven bytes": (b"\0" * 7, "has 7 bytes and is not a safetensors file"),
    "length 0": (raw(b""), "header of 0 bytes"),
    "length 1": (raw(b"{"), "header of 1 bytes"),
    "length 2**63": (raw(one(), bytes(4), 2**63), "more than the 100000000"),
    "length over the file": (raw(one(), bytes(4), 1000), "download did not finish"),
    "length over the limit": (raw(one(), bytes(4), 100_000_001), "more than the 100000000"),
    "html": (b"<!DOCTYPE html><html>", "more than the"),
    "not UTF-8": (raw(b'{"\xff":1}'), "not UTF-8 (byte 2)"),
    "byte order mark": (raw("\ufeff{}"), "does not begin with"),
    "leading spaces": (raw("  {}"), "does not begin with"),
    "a list": (raw("[1]"), "does not begin with"),
    "cut JSON": (raw('{"w":'), "that is not an object"),
    "after the end": (raw("{} {}"), "goes on after its end"),
    "zero padding": (raw(b"{}\0\0"), "goes on after its end"),
    "missing comma": (raw('{"__metadata__":{} "w":{}}'), "where ',' is expected"),
    "key without quotes": (raw("{w:1}"), "where a string is expected"),
    "lone surrogate": (raw('{"\\ud800":{}}'), "broken string"),
    "deep nesting": (raw('{"w":' + "[" * 100_000), "not an object"),
    "deep nesting inside": (raw('{"w":{"shape":' + "[" * 4_000 + "}}"), W),
    "long entry": (raw('{"w":{"shape":[' + "1," * 4_000 + "1]}}"), "in more than 4096 characters"),
    "long name": (raw({"n" * 2000: one()["w"]}, bytes(4)), "name of 2000 characters"),
    "twins": (raw('{"w":%s,"w":%s}' % ((json.dumps(one()["w"]),) * 2), bytes(4)), "lists tensor 'w' twice"),
    "twin field": (raw('{"w":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}', bytes(4)), "given twice"),
    "twin metadata": (raw('{"__metadata__":{},"__metadata__":{}}'), "two '__metadata__'"),
    "metadata of numbers": (raw('{"__metadata__":{"a":1}}'), "where a string is expected"),
    "endless metadata": (raw({"__metadata__": {str(n): "" for n in range(10_001)}}), "more than 10000 entries"),
    "metadata twin": (raw('{"__metadata__":{"a":"1","a":"2"}}'), "'a' twice"),
    "extra field": (raw({"w": {**one()["w"], "x": 1}}, bytes(4)), W),
    "missing field": (raw({"w": {"dtype": "U8", "shape": [4]}}, bytes(4)), W),
    "unknown dtype": (raw(one("Q4"), bytes(4)), "unknown dtype 'Q4' (known: BOOL"),
    "dtype a number": (raw(one(4), bytes(4)), "unknown dtype"),
    "shape a string": (raw(one(shape="4"), bytes(4)), "impossible shape"),
    "shape of booleans": (raw(one(shape=[True, 4]), bytes(4)), "impossible shape"),
    "negative axis": (raw(one(shape=[-4]), bytes(4)), "-4 is not a size"),
    "negative zero": (raw('{"w":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}'), "-0 is not a size"),
    "fraction": (raw(one(shape=[4.0]), bytes(4)), "4.0 is not a size"),
    "not a number": (raw('{"w":{"dtype":"U8","shape":[NaN],"data_offsets":[0,0]}}'), "NaN is not a size"),
    "endless digits": (raw('{"w":{"dtype":"U8","shape":[%s],"data_offsets":[0,0]}}' % ("9" * 3000)), "is not a size"),
    "product overflow": (raw(one(shape=[2**32, 2**32]), bytes(4)), "impossible shape"),
    "product overflow hidden by zero": (raw(one(shape=[2**62, 2**62, 0], offsets=[0, 0])), "impossible shape"),
    "many axes": (raw(one(shape=[1] * 17, offsets=[0, 1]), bytes(1)), "impossible shape"),
    "wrong size": (raw(one("F32"), bytes(4)), "needs 16 bytes and its data_offsets hold 4"),
    "reversed offsets": (raw(one(offsets=[4, 0]), bytes(4)), "impossible data_offsets"),
    "three offsets": (raw(one(offsets=[0, 2, 4]), bytes(4)), "impossible data_offsets"),
    "one byte short": (raw(one(), bytes(3)), "did not finish"),
    "a gibibyte short": (raw(one(shape=[2**30], offsets=[0, 2**30]), bytes(3)), W),
    "begins beyond": (raw(one(offsets=[2**62, 2**62 + 4]), bytes(4)), W),
    "a byte too many": (raw(one(), bytes(5)), "has 1 bytes after its last tensor"),
    "overlap": (
        raw({"a": one(offsets=[0, 4])["w"], "b": one(offsets=[2, 6])["w"]}, bytes(6)),
        "tensors 'a' and 'b' overlap at byte",
    ),
    "gap": (raw(one(offsets=[2, 6]), bytes(6)), "2 bytes before tensor 'w' belong to no tensor"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    content, message = BROKEN[case]
    file = tmp_path / "w.safetensors"
    file.write_bytes(content)
    with pytest.raises(WeightFileError) as refused:
        SafetensorsIndex.open(file)
    assert message in str(refused.value) and str(file) in str(refused.value)
    assert len(str(refused.value)) < 600 and str(refused.value).isprintable()


# The package is the judge of what we call broken, too; where it is laxer, it is on purpose.
STRICTER = {
    "endless metadata",
    "leading spaces",
    "twins",
    "twin metadata",
    "metadata twin",
    "extra field",
    "many axes",
    "long name",
}


@pytest.mark.parametrize("case", sorted(set(BROKEN) - STRICTER))
def test_the_package_refuses_them_too(case: str) -> None:
    with pytest.raises(SafetensorError):
        oracle_load(BROKEN[case][0])


def spaced(characters: int) -> str:
    """A header of one tensor without bytes, described in so many characters."""
    begin, end = '{"dtype":"U8","shape":[0],', '"data_offsets":[0,0]}'
    return '{"w":' + begin + " " * (characters - len(begin + end)) + end + "}"


ZEROS = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
LIMITS: dict[str, tuple[bytes, bytes]] = {
    # What is just accepted, and one more.
    "characters of a name": (raw({"n" * 1024: ZEROS}), raw({"n" * 1025: ZEROS})),
    "axes": (raw({"w": ZEROS | {"shape": [0] * 16}}), raw({"w": ZEROS | {"shape": [0] * 17}})),
    "elements": (raw({"w": ZEROS | {"shape": [2**48, 0]}}), raw({"w": ZEROS | {"shape": [2**48 + 1, 0]}})),
    "characters of an entry": (raw(spaced(4096)), raw(spaced(4097))),
    "entries of metadata": (
        raw({"__metadata__": {str(n): "" for n in range(10_000)}}),
        raw({"__metadata__": {str(n): "" for n in range(10_001)}}),
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_file_at_a_limit_is_read_and_one_beyond_it_is_not(tmp_path: Path, name: str) -> None:
    within, beyond = LIMITS[name]
    (tmp_path / "within.safetensors").write_bytes(within)
    (tmp_path / "beyond.safetensors").write_bytes(beyond)
    read = SafetensorsIndex.open(tmp_path / "within.safetensors")
    assert {name: read.info(name).shape for name in read.names()} == {
        n: a.shape for n, a in oracle_load(within).items()
    }
    with pytest.raises(WeightFileError):
        SafetensorsIndex.open(tmp_path / "beyond.safetensors")


@pytest.mark.parametrize(
    "content",
    [
        raw("{}"),
        raw("{ \t\r\n}  "),
        raw(
            '{ "w" : {"dtype":"U8" , "shape":[ 4 ],"data_offsets":[0,4]} , "__metadata__" : { "a" : "b" } }\n', bytes(4)
        ),
        # Tensors without bytes may stand anywhere, and the order of the names is not that of the data.
        raw({"b": one()["w"], "z": ZEROS | {"data_offsets": [4, 4]}, "a": ZEROS}, bytes(4)),
    ],
)
def test_odd_and_whole_files_are_read_as_the_package_reads_them(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "w.safetensors"
    file.write_bytes(content)
    read, theirs = SafetensorsIndex.open(file), oracle_load(content)
    assert set(read.names()) == set(theirs)
    assert all(same(read.read(name), theirs[name]) for name in theirs)


def test_many_tensors_are_refused_quickly_and_a_usual_number_read_quickly(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    file.write_bytes(raw("{" + ",".join(f'"t{n}":{entry}' for n in range(limits.TENSORS + 1)) + "}"))
    begun = time.perf_counter()
    with pytest.raises(WeightFileError, match="more than 100000 tensors"):
        SafetensorsIndex.open(file)
    assert time.perf_counter() - begun < 10


def test_a_header_of_metadata_alone_is_read(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    file.write_bytes(raw({"__metadata__": {"a": "x" * 2_000_000, "}": "{"}}))
    assert SafetensorsIndex.open(file).metadata["}"] == "{" and SafetensorsIndex.open(file).names() == ()


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    write_safetensors(file, {"w": np.arange(1000, dtype=np.float32)})
    changes: list[Callable[[], object]] = [
        lambda: os.truncate(file, 500),
        lambda: write_safetensors(file, {"w": np.zeros(1000, np.float32)}),
        file.unlink,
    ]
    for change in changes:
        write_safetensors(file, {"w": np.arange(1000, dtype=np.float32)})
        index = SafetensorsIndex.open(file)
        change()
        with pytest.raises(WeightFileError, match=r"changed while|any more"):
            index.read("w")


def test_a_disk_that_gives_little_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, values = tmp_path / "w.safetensors", np.arange(1000, dtype=np.float32)
    write_safetensors(file, {"v": values[:3], "w": values})
    index, real = SafetensorsIndex.open(file), os.preadv

    def some(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        return real(descriptor, [buffers[0][:7]], offset)

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "preadv", some)
    assert same(index.read("w"), values) and same(index.read("w", slice(5, 9)), values[5:9])
    monkeypatch.setattr(os, "preadv", lambda *_: 0)
    with pytest.raises(WeightFileError, match="became shorter while 'w' was read"):
        index.read("w")
    monkeypatch.setattr(os, "preadv", broken)
    with pytest.raises(WeightFileError, match=r"'w' cannot be read \(Input/output error\)"):
        index.read("w")


def test_several_threads_read_at_once(tmp_path: Path) -> None:
    arrays = {f"w{n}": np.full(10_000, n, np.int32) for n in range(8)}
    write_safetensors(tmp_path / "model.safetensors", arrays)
    index = SafetensorsIndex.open(tmp_path)
    wrong: list[str] = []

    def check(name: str) -> None:
        for _ in range(20):
            if not same(index.read(name), arrays[name]):
                wrong.append(name)

    threads = [threading.Thread(target=check, args=(name,)) for name in arrays]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_missing_tensor_names_the_nearest(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", {"model.norm.weight": np.zeros(2, np.float32)})
    index = SafetensorsIndex.open(tmp_path)
    assert "model.norm.weight" in index and "model.norm.wait" not in index
    with pytest.raises(
        WeightFileError, match=r"model.safetensors lacks tensor 'model.norm.wait'. Nearest there: 'model.norm.weight'"
    ):
        index.read("model.norm.wait")


def test_odd_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(WeightFileError, match="is not a file"):
        SafetensorsIndex.open(tmp_path)
    with pytest.raises(MissingFile, match="There is no file"):
        SafetensorsIndex.open(tmp_path / "absent.safetensors")


def test_the_writer_refuses_what_it_cannot_write(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    with pytest.raises(UsageError, match="must be uint16"):
        write_safetensors(file, {"w": np.zeros(2, np.float32)}, dtypes={"w": "BF16"})
    with pytest.raises(UsageError, match="which safetensors cannot hold"):
        write_safetensors(file, {"w": np.zeros(2, np.complex128)})
    with pytest.raises(UnknownName, match="BF16"):
        write_safetensors(file, {"w": np.zeros(2, np.uint16)}, dtypes={"w": "bf16"})
    with pytest.raises(UnknownName, match="tensor in dtypes 'v'"):
        write_safetensors(file, {"w": np.zeros(2, np.uint16)}, dtypes={"v": "BF16"})
    assert not list(tmp_path.iterdir())
