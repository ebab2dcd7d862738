"""What every family with experts promises: files in either arrangement are the same model, layers without experts among
those with some, and formats."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie import AutoModelForCausalLM
from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import WeightFileError
from causerie.models.config import read_config
from tests.parity.configs import PROMPT, Case
from tests.parity.harness import load, prompt_logits, some_tokens

FolderOf = Callable[[Case | str], Path]
IDS = some_tokens(PROMPT, 3)
STACKABLE = [
    "qwen2 with experts",
    "qwen2 with experts, shares divided, no biases, dense layers",
    "qwen3 with experts",
]
ALL = ["gpt-oss", *STACKABLE]
_ALONE = re.compile(r"^(.*\.experts)\.(\d+)\.(gate|up|down)_proj\.weight$")


def restacked(folder: Path, target: Path) -> Path:
    """The same folder with all experts of a layer in one tensor, as transformers holds them."""
    with SafetensorsIndex.open(folder) as index:
        tensors = {name: index.read(name) for name in index.names()}
    each: dict[tuple[str, str], dict[int, NDArray[Any]]] = {}
    for name in list(tensors):
        if (match := _ALONE.match(name)) is not None:
            each.setdefault((match[1], match[3]), {})[int(match[2])] = tensors.pop(name)
    assert each
    stacks = {key: np.stack([own[e] for e in sorted(own)]) for key, own in each.items()}
    for place in {place for place, _ in stacks}:
        both = [stacks[place, name] for name in ("gate", "up")]
        tensors[f"{place}.gate_up_proj"] = np.concatenate(both, axis=1)
        tensors[f"{place}.down_proj"] = stacks[place, "down"]
    shutil.copytree(folder, target)
    write_safetensors(target / "model.safetensors", tensors)
    return target


@pytest.mark.parametrize("name", STACKABLE)
def test_both_arrangements_of_files_are_the_same_model(
    name: str, backend: Backend, folder_of: FolderOf, tmp_path: Path
) -> None:
    folder = folder_of(name)
    alone = prompt_logits(load(folder, backend), [IDS])[0]
    stacked = prompt_logits(load(restacked(folder, tmp_path / "stacked"), backend), [IDS])[0]
    np.testing.assert_array_equal(stacked, alone)


@pytest.mark.parametrize("name", STACKABLE[2:])
def test_a_stack_of_more_experts_than_the_config_says_is_refused(
    name: str, backend: Backend, folder_of: FolderOf, tmp_path: Path
) -> None:
    folder = restacked(folder_of(name), tmp_path / "stacked")
    config = read_config(folder)
    key = next(key for key in ("num_local_experts", "num_experts") if key in config)
    (folder / "config.json").write_text(json.dumps(config | {key: config[key] - 1}))
    with pytest.raises(WeightFileError, match="has shape"):
        load(folder, backend)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("format", ["int8", "int4"])
def test_formats(name: str, format: str, folder_of: FolderOf, tmp_path: Path) -> None:
    """Both backends read the same numbers, and they are near the plain ones; saved, they are the same again."""
    folder = folder_of(name)
    plain = np.asarray(AutoModelForCausalLM.from_pretrained(folder, backend="torch")([IDS]).logits)
    found = {}
    for backend in ("native", "torch"):
        model = AutoModelForCausalLM.from_pretrained(folder, backend=backend, quantization=format)
        found[backend] = np.asarray(model([IDS]).logits)
        model.save_pretrained(tmp_path / backend)
        again = AutoModelForCausalLM.from_pretrained(tmp_path / backend, backend=backend)
        np.testing.assert_array_equal(np.asarray(again([IDS]).logits), found[backend])
    off = {name: float(np.sqrt(np.square(logits - plain).mean())) for name, logits in found.items()}
    assert all(1e-3 < each < 0.6 * plain.std() for each in off.values())
