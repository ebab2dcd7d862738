"""The text model of a multimodal checkpoint loads as a text model, wherever its tensors stand, and says what it left
out; older spellings of configs mean the same model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from causerie import AutoModelForCausalLM
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import ConfigError, UnknownName, WeightFileError
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config
from causerie.quant.config import QuantConfig
from tests.parity.cases import CASES, PROMPT, Case
from tests.parity.harness import some_tokens

FolderOf = Callable[[Case | str], Path]
IDS = [[3 + token % 128 for token in some_tokens(PROMPT, 3)]]  # none that is padding
GEMMA3 = next(case for case in CASES if case.name == "gemma3")
PHI3 = next(case for case in CASES if case.name == "phi3, long texts")
SEES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray[Any]]:
    """A multimodal model that transformers wrote, and its logits of a text."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {key: value for key, value in GEMMA3.values.items() if not key.endswith("token_id")}
    config = Gemma3Config(
        text_config=text, vision_config={**SEES, "image_size": 28, "patch_size": 14}, mm_tokens_per_image=4
    )
    torch.manual_seed(0)
    model = Gemma3ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.3)
        logits = model(torch.tensor(IDS)).logits.numpy()
    folder = tmp_path_factory.mktemp("pictures")
    model.save_pretrained(folder)
    return folder, logits


def _renamed(folder: Path, target: Path, rename: Callable[[str], str]) -> Path:
    shutil.copytree(folder, target)
    with SafetensorsIndex.open(folder) as index:
        tensors = {rename(name): index.read(name) for name in index.names()}
    write_safetensors(target / "model.safetensors", tensors)
    return target


def _under_model(name: str) -> str:
    if name.startswith("language_model.model."):
        return name.replace("language_model.model.", "model.language_model.", 1)
    return f"model.{name}"


@pytest.mark.parametrize("backend", ["native", "torch"])
@pytest.mark.parametrize("rename", [str, _under_model], ids=["beside", "under model"])
def test_a_text_model_within_another_loads_and_says_what_is_left_out(
    pictures: tuple[Path, NDArray[Any]], tmp_path: Path, rename: Callable[[str], str], backend: str
) -> None:
    folder = _renamed(pictures[0], tmp_path / "renamed", rename)
    with pytest.warns(UserWarning, match=r"\d+ tensors of '[a-z.]*vision_tower'"):
        model = AutoModelForCausalLM.from_pretrained(folder, backend=backend)
    ours = np.asarray(model(IDS).logits)
    assert np.abs(ours - pictures[1]).max() <= 1e-4 * np.abs(pictures[1]).max()
    model.close()


@pytest.mark.parametrize("embedding", [None, "nf4"])
def test_what_was_loaded_from_a_larger_model_is_saved_and_loaded_again(
    embedding: str | None, pictures: tuple[Path, NDArray[Any]], tmp_path: Path
) -> None:
    quantization = QuantConfig("nf4", embedding)
    with pytest.warns(UserWarning, match="left out"):
        model = AutoModelForCausalLM.from_pretrained(pictures[0], quantization=quantization)
    expected = np.asarray(model(IDS).logits)
    model.save_pretrained(tmp_path / "saved")  # what is left out was told when it was loaded
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert np.array_equal(np.asarray(again(IDS).logits), expected)
    model.close()
    again.close()


def test_a_tensor_too_many_within_the_text_model_is_refused(
    pictures: tuple[Path, NDArray[Any]], tmp_path: Path
) -> None:
    folder = _renamed(pictures[0], tmp_path / "more", str)
    with SafetensorsIndex.open(folder) as index:
        tensors = {name: index.read(name) for name in index.names()}
    tensors["language_model.model.layers.0.self_attn.sinks"] = np.zeros(4, np.float32)
    write_safetensors(folder / "model.safetensors", tensors)
    with pytest.raises(WeightFileError, match="sinks"):
        AutoModelForCausalLM.from_pretrained(folder)


def test_an_unknown_text_model_is_named() -> None:
    with pytest.raises(UnknownName, match="zebra_text"):
        spec_from_config({"model_type": "zebra", "text_config": {"model_type": "zebra_text", "hidden_size": 8}})


def _same(folder: Path, changes: dict[str, Any], drop: tuple[str, ...]) -> None:
    """Another spelling of a config makes the same decoder."""
    config = read_config(folder)
    older = {key: value for key, value in config.items() if key not in drop} | changes
    assert spec_from_config(older) == spec_from_config(config)


def test_older_spellings_of_gemma3(folder_of: FolderOf) -> None:
    config = read_config(folder_of(GEMMA3))
    base = {key: value for key, value in config.items() if key not in ("rope_parameters", "layer_types")}
    base |= {"rope_theta": 1e6, "rope_local_base_freq": 10000.0, "sliding_window_pattern": 2}
    base.pop("_sliding_window_pattern", None)
    assert spec_from_config(base) == spec_from_config(config)
    scaled = spec_from_config(base | {"rope_scaling": {"rope_type": "linear", "factor": 8.0}})
    assert [layer.mixer.rope.scaling for layer in scaled.layers] == ["default", "linear", "default", "linear"]


def test_older_spellings_of_phi3(folder_of: FolderOf) -> None:
    config = read_config(folder_of(PHI3))
    rope = dict(config["rope_parameters"])
    factors = {key: rope[key] for key in ("short_factor", "long_factor")}
    for name in ("su", "longrope", "yarn"):
        changes = {"rope_scaling": {"type": name, **factors}, "partial_rotary_factor": 0.75, "rope_theta": 10000.0}
        _same(folder_of(PHI3), changes, ("rope_parameters",))


def test_a_fused_matrix_of_another_size_is_refused(folder_of: FolderOf, tmp_path: Path) -> None:
    folder = tmp_path / "smaller"
    shutil.copytree(folder_of(PHI3), folder)
    config = read_config(folder) | {"num_key_value_heads": 1}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightFileError, match=r"qkv_proj.*rows"):
        AutoModelForCausalLM.from_pretrained(folder)


@pytest.mark.parametrize("quantization", [None, "bnb_int8", "nf4"])
def test_fused_matrices_are_saved_and_loaded_again(
    folder_of: FolderOf, tmp_path: Path, quantization: str | None
) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder_of(PHI3), quantization=quantization)
    expected = np.asarray(model(IDS).logits)
    model.save_pretrained(tmp_path / "saved")
    with SafetensorsIndex.open(tmp_path / "saved") as index:
        fused = "model.layers.0.self_attn.qkv_proj.weight"
        assert (fused in index.names()) == (quantization is None)  # the file's own name, where it is as it was
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    assert np.array_equal(np.asarray(again(IDS).logits), expected)
    model.close()
    again.close()


@pytest.mark.parametrize("factors", [[1.0] * 5, "short", [1.0] * 5 + [0.0]])
def test_factors_that_do_not_fit_are_refused(folder_of: FolderOf, factors: Any) -> None:
    config = read_config(folder_of(PHI3))
    rope = config["rope_parameters"] | {"short_factor": factors}
    with pytest.raises(ConfigError, match=r"short_factor.*list of 6 numbers"):
        spec_from_config(config | {"rope_parameters": rope})
