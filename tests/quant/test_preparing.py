"""Preparing without loading: the files are those of the loaded model, and one matrix at a time takes memory. The
matrices of an expert lie one after the other."""

from __future__ import annotations

import mmap
import weakref
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from causerie import AutoModelForCausalLM
from causerie.api.loading.preparing import prepare_model
from causerie.api.options.load_options import LoadOptions
from causerie.backends.native.backend import NativeBackend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.errors import CheckpointError, Unsupported
from causerie.loading.load import survey
from causerie.loading.prepare import write_arranged
from causerie.loading.prepared import PREPARED
from causerie.models.config import read_config
from causerie.quant.config import QuantConfig
from tests.parity.cases import CASES, Case
from tests.parity.harness import save_case

WIDTHS = {"hidden_size": 64, "intermediate_size": 96}


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gpt-oss whose experts are stacked and turned over in two tensors, in which gates and ups take turns."""
    (plain,) = (case for case in CASES if case.name == "gpt-oss")
    case = Case("gpt-oss, widths of whole groups", "gpt_oss", plain.values | WIDTHS)
    return save_case(case, tmp_path_factory.mktemp("stacks") / "model")


def prepare(folder: Path, target: Path, **options: Any) -> Path:
    prepare_model(str(folder), target, LoadOptions.read(backend="native", threads=2, **options), progress=False)
    return target


def saved(folder: Path, target: Path, *, prepared: bool, **options: Any) -> Path:
    chosen = {"backend": "native", "threads": 2, "progress": False} | options
    with AutoModelForCausalLM.from_pretrained(folder, **chosen) as model:
        model.save_pretrained(target, prepared=prepared, progress=False)
    return target


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("home", ["tied", "untied", "stacks"])
@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "bfloat16", "packing": "lossless"},
        {"dtype": "bfloat16", "packing": "none"},
        {"dtype": "float32"},
        {"quantization": "int4"},
        {"quantization": "nf4_double"},
    ],
    ids=str,
)
def test_the_files_are_those_of_the_loaded_model(
    home: str, options: dict[str, str], request: Any, tmp_path: Path
) -> None:
    folder = request.getfixturevalue(home)
    expected = contents(saved(folder, tmp_path / "loaded", prepared=True, **options))
    assert contents(prepare(folder, tmp_path / "streamed", **options)) == expected


def test_from_quantized_and_from_prepared_folders_too(stacks: Path, tmp_path: Path) -> None:
    quantized = saved(stacks, tmp_path / "quantized", prepared=False, quantization="int4")
    expected = contents(prepare(stacks, tmp_path / "a", quantization="int4"))
    assert contents(prepare(quantized, tmp_path / "b"))["model.safetensors"] == expected["model.safetensors"]
    assert contents(prepare(tmp_path / "a", tmp_path / "c")) == expected


class CountedMemory(mmap.mmap):
    """Anonymous memory: the sizes of all that is there, of each that ever was, and the sums."""

    there: list[int]
    sizes: list[int]
    sums: list[int]

    def __new__(cls, file: int, size: int, **options: int) -> CountedMemory:
        made = super().__new__(cls, file, size, **options)
        if file == -1:
            cls.there.append(size)
            cls.sizes.append(size)
            cls.sums.append(sum(cls.there))
            weakref.finalize(made, cls.there.remove, size)
        return made


@pytest.mark.parametrize(
    "options", [{"packing": "lossless"}, {"packing": "none", "quantization": "int4", "calibrate": "none"}], ids=str
)
def test_one_matrix_at_a_time_takes_memory(
    options: dict[str, str], stacks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CountedMemory.there, CountedMemory.sizes, CountedMemory.sums = [], [], []
    monkeypatch.setattr("causerie.backends.native.arena.mmap.mmap", CountedMemory)
    prepare(stacks, tmp_path / "folder", dtype="bfloat16", **options)
    with SafetensorsIndex.open(tmp_path / "folder") as index:
        matrices = [index.info(name).nbytes for name in index.names() if name.endswith(PREPARED)]
    # What is packed is measured and then written; a table that is only looked up is not packed.
    assert len(CountedMemory.sizes) == (2 * len(matrices) - 1 if options["packing"] == "lossless" else len(matrices))
    assert CountedMemory.sums == CountedMemory.sizes and CountedMemory.there == []


@pytest.mark.parametrize("options", [{"packing": "lossless"}, {"quantization": "int4"}], ids=str)
def test_an_expert_is_one_piece_of_the_file(options: dict[str, str], stacks: Path, tmp_path: Path) -> None:
    """Matrices lie in the order of the decoder's weights, without gaps."""
    prepare(stacks, tmp_path / "folder", dtype="bfloat16", **options)
    with SafetensorsIndex.open(stacks) as index:
        surveyed = survey(index, read_config(stacks))
    weights = {each.weight.name: f"{each.key}.{PREPARED}" for each in surveyed.sources if len(each.weight.shape) == 2}
    assert list(weights) == [weight.name for weight in surveyed.spec.weights() if len(weight.shape) == 2]
    with SafetensorsIndex.open(tmp_path / "folder") as index:
        assert [name for name in index.names() if name.endswith(PREPARED)] == list(weights.values())
        for experts in range(4):
            parts = [index.map(weights[f"layers.1.ffn.experts.{experts}.{part}"]) for part in ("gate", "up", "down")]
            assert all(a.ctypes.data + a.nbytes == b.ctypes.data for a, b in pairwise(parts))


@pytest.mark.parametrize("packing", ["lossless", "none"])
def test_it_tells_how_far_it_is(packing: str, untied: Path, tmp_path: Path) -> None:
    """By the bytes that are read: twice those of what is packed, once of all others."""
    told: list[tuple[int, int, str]] = []
    with SafetensorsIndex.open(untied) as index:
        surveyed = survey(index, read_config(untied), dtype="bfloat16")
        backend = NativeBackend(1, packing=packing)
        write_arranged(surveyed, index, backend, tmp_path / "file", progress=lambda *report: told.append(report))
    sizes = {each.weight.name: each.nbytes for each in surveyed.sources}
    matrices = {each.weight.name for each in surveyed.sources if len(each.weight.shape) == 2}
    packed = {name for name in matrices if name != "embed" and packing == "lossless"}
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert {total for _, total, _ in told} == {sum(sizes.values()) + sum(sizes[name] for name in packed)}
    assert told[-1][0] == sum(sizes[name] for name in (*matrices, *packed))


def test_a_checkpoint_that_ends_early_leaves_the_file_before(untied: Path, tmp_path: Path) -> None:
    class Broken(SafetensorsIndex):
        def read_into(self, name: str, *rest: Any) -> None:
            if "layers.1.mlp.down_proj" in name:
                raise CheckpointError("it ends early")
            super().read_into(name, *rest)

    (tmp_path / "file").write_bytes(b"before")
    with SafetensorsIndex.open(untied) as index:
        surveyed = survey(index, read_config(untied), quantization=QuantConfig.named("int8"))
        index.__class__ = Broken
        with pytest.raises(CheckpointError, match="it ends early"):
            write_arranged(surveyed, index, NativeBackend(1), tmp_path / "file")
    assert contents(tmp_path) == {"file": b"before"}


def test_who_prepares(untied: Path, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="the torch backend was chosen"):
        prepare_model(str(untied), tmp_path / "a", LoadOptions.read(backend="torch"), progress=False)
    assert not (tmp_path / "a").exists()
