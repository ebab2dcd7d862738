"""The models that the bench makes: those that everybody reads, and those that are written as kernels read them, from
numbers that are made on the way."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from causerie import AutoModelForCausalLM, AutoTokenizer
from causerie.checkpoint.bfloat16 import widen
from causerie.errors import Unsupported
from causerie.loading.packed.method import without_method
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def prepared_model(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return import_module("prepared_model")


# Of each shape what its layers have: matrices of attention and of the rest, with their biases, and norms.
LAYERS = {
    "tiny": (2, 2 * 128 * 128 + 2 * 128 * 64, 3 * 128 * 256),
    "tiny-qwen3-moe": (2, 2 * 128 * 128 + 2 * 128 * 64 + 2 * 32, 8 * (3 * 128 * 64 + 128)),
    "tiny-gpt-oss": (4, 2 * 128 * 256 + 2 * 128 * 128 + 256 + 2 * 128 + 128 + 4, 32 * (3 * 128 * 64 + 129 + 128 + 128)),
}


@pytest.mark.parametrize(
    ("name", "format", "options"),
    [
        ("tiny", None, []),
        ("tiny-gpt-oss", "mxfp4", []),
        ("tiny-qwen3-moe", None, []),
        ("tiny-qwen3-moe", "int4", ["--prepared", "int4"]),
    ],
)
def test_a_made_model_is_a_model(name: str, format: str | None, options: list[str], tmp_path: Path) -> None:
    folder = tmp_path / name
    made = subprocess.run(
        [sys.executable, str(BENCH / "make_model.py"), name, str(folder), *options], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "The quick brown fox, twice: Füchse 🦊"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    with AutoModelForCausalLM.from_pretrained(folder, progress=False) as model:
        layers, attention, rest = LAYERS[name]
        biases = 256 if name == "tiny" else 0  # of queries, keys and values
        tables = 1 if name == "tiny" else 2  # the others have a head of their own
        assert model.num_parameters() == tables * 1024 * 128 + layers * (attention + biases + rest + 256) + 128
        assert model.quantization == format and made.stdout.startswith(f"{name}: ")
        ids = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], add_generation_prompt=True)
        assert len(model.generate([ids["input_ids"]], max_new_tokens=3, min_new_tokens=3)[0]) > 3


def test_a_made_model_has_as_many_layers_and_experts_as_are_asked_for(tmp_path: Path) -> None:
    for name, words in (("tiny-qwen3-moe", ["--experts", "6"]), ("tiny-gpt-oss", ["--experts", "6"]), ("tiny", [])):
        command = [sys.executable, str(BENCH / "make_model.py"), name, str(tmp_path / name), "--layers", "3", *words]
        assert subprocess.run(command, capture_output=True).returncode == 0
        spec = spec_from_config(without_method(read_config(tmp_path / name)))
        assert [layer.experts and layer.experts.count for layer in spec.layers] == 3 * [6 if words else None]
    made = subprocess.run([*command[:3], str(tmp_path / "x"), "--experts", "6"], capture_output=True, text=True)
    assert made.returncode == 1 and "tiny has no experts" in made.stderr and not (tmp_path / "x").exists()


def test_random_numbers_are_the_same_however_they_are_read(prepared_model: ModuleType) -> None:
    shapes = {"model.norm.weight": (300,), "a": (40, 30), "b": (40, 30), "stack": (4, 10, 30)}
    with prepared_model.RandomTensors(shapes) as index:
        whole = {name: index.read(name) for name in index.names()}
        assert {name: array.shape for name, array in whole.items()} == shapes and index.info("a").dtype == "BF16"
        for name, shape in (("a", None), ("stack", (40, 30))):
            parts = [index.read(name, slice(start, start + 8), shape) for start in range(0, 40, 8)]
            assert np.array_equal(np.concatenate(parts).reshape(shapes[name]), whole[name])
        assert not np.array_equal(whole["a"], whole["b"])
        assert 0.018 < widen(whole["stack"]).std() < 0.022 and abs(widen(whole["model.norm.weight"]).mean() - 1) < 0.02
        with pytest.raises(Unsupported, match="cannot be mapped"):
            index.map("a")


def test_random_numbers_go_on_at_the_end_of_their_block(prepared_model: ModuleType) -> None:
    """A tensor that is longer than the block repeats it, but no row of it is another one."""
    block = import_module("random_numbers").BLOCK
    with prepared_model.RandomTensors({"a": (block // 4096 + 2, 4096)}) as index:
        rows = index.read("a")
    assert np.array_equal(rows.reshape(-1)[block:], rows.reshape(-1)[: rows.size - block])
    assert not np.array_equal(rows[block // 4096], rows[0])


def test_a_shape_that_nobody_knows_is_a_sentence(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, str(BENCH / "make_model.py"), "huge", str(tmp_path / "x")], capture_output=True, text=True
    )
    assert made.returncode == 2 and "; got huge" in made.stderr
    assert "NAME is one of tiny, qwen2.5-0.5b, llama-3.2-1b, tiny-gpt-oss" in made.stderr
