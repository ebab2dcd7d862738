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
from causerie.errors import ConfigError, WeightFileError
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config
from tests.parity.cases import CASES, PROMPT, Case
from tests.parity.harness import load, prompt_logits, some_tokens

FolderOf = Callable[[Case | str], Path]
IDS = some_tokens(PROMPT, 3)
LATENT = ["deepseek v2", "deepseek v3, queries of the input, biases, yarn, one group", "glm4 with latents"]
STACKABLE = [
    "qwen2 with experts",
    "qwen2 with experts, shares divided, no biases, dense layers",
    "qwen3 with experts",
    "glm4 with experts",
    "olmo with experts",
    "ernie with experts",
    "mimo",
    *LATENT,
]
ALL = [
    "gpt-oss",
    "hy3",
    "granite with experts",
    *(name for name in STACKABLE if name not in LATENT and name != "mimo"),
]  # of which no widths are of groups
_ALONE = re.compile(r"^(.*\.experts)\.(\d+)\.(gate|up|down)_proj\.weight$")


def restacked(folder: Path, target: Path) -> Path:
    """The same folder with all experts of a layer in one tensor, as transformers holds them."""
    with SafetensorsIndex.open(folder) as index:
        # Transformers holds MiMo's sinks by another name too.
        tensors = {name.replace("attention_sink_bias", "sinks"): index.read(name) for name in index.names()}
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


@pytest.mark.parametrize("name", STACKABLE[1:])
def test_a_stack_of_more_experts_than_the_config_says_is_refused(
    name: str, backend: Backend, folder_of: FolderOf, tmp_path: Path
) -> None:
    folder = restacked(folder_of(name), tmp_path / "stacked")
    config = read_config(folder)
    key = next(
        key for key in ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts") if key in config
    )
    (folder / "config.json").write_text(json.dumps(config | {key: config[key] - 1}))
    with pytest.raises(WeightFileError, match="has shape"):
        load(folder, backend)


@pytest.mark.parametrize("name", ["glm4 with experts", "deepseek v3", "glm4 with latents"])
def test_layers_that_only_draft_are_left_in_the_files(
    name: str, backend: Backend, folder_of: FolderOf, tmp_path: Path
) -> None:
    folder = folder_of(name)
    layers = read_config(folder)["num_hidden_layers"]
    with SafetensorsIndex.open(folder) as index:
        tensors = {name: index.read(name) for name in index.names()}
    drafting = {
        name.replace("layers.0.", f"layers.{layers}."): array for name, array in tensors.items() if ".layers.0." in name
    }
    shutil.copytree(folder, tmp_path / "more")
    write_safetensors(tmp_path / "more" / "model.safetensors", tensors | drafting)
    expected = prompt_logits(load(folder, backend), [IDS])[0]
    np.testing.assert_array_equal(prompt_logits(load(tmp_path / "more", backend), [IDS])[0], expected)
    with pytest.raises(WeightFileError, match=rf"layers\.{layers}\..*no place"):
        load(tmp_path / "more", backend, config=read_config(folder) | {"num_nextn_predict_layers": 0})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"n_group": 2}, "n_group.*9 experts"),
        ({"n_group": 9, "topk_group": 2}, "n_group.*2 or more"),
        ({"n_group": 3, "topk_group": 4}, "topk_group"),
        ({"n_group": 3, "topk_group": 1, "num_experts_per_tok": 4}, "topk_group.*3 for 4"),
        ({"num_experts_per_tok": 10}, "num_experts_per_tok"),
        ({"n_routed_experts": 1025}, "n_routed_experts"),
        ({"mlp_only_layers": [0]}, "mlp_only_layers"),
    ],
)
def test_experts_that_cannot_be_chosen_so_are_refused(changes: dict[str, Any], named: str) -> None:
    (case,) = (case for case in CASES if case.name == "glm4 with experts")
    with pytest.raises(ConfigError, match=named):
        spec_from_config(case.values | {"model_type": case.family} | changes)


@pytest.mark.parametrize("value", [[-1], ["1"], [1.5], 3, [True]])
def test_layers_that_are_no_numbers_are_refused(value: Any) -> None:
    (case,) = (case for case in CASES if case.name == "qwen3 with experts")
    with pytest.raises(ConfigError, match="mlp_only_layers"):
        spec_from_config(case.values | {"model_type": case.family, "mlp_only_layers": value})


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
    # Of rows the median: one whose scores are near a tie may go to another expert.
    off = [float(np.median(np.sqrt(np.square(logits - plain).mean(-1)))) for logits in found.values()]
    assert all(1e-3 < each < (0.2 if format == "int8" else 0.9) * plain.std() for each in off)
