"""gpt-oss of MLX, whose experts are a stack of modules for each matrix: in MXFP4 it is what was published, to the last
bit; with all in whole numbers it has the logits of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from causerie.models.config import read_config
from tests.parity.cases import CASES, Case
from tests.parity.harness import save_case
from tests.quant.conftest import loaded
from tests.quant.packed_checkpoints import Recipe, change_tensors, check_parity, logits, write_checkpoints, write_config
from tests.quant.test_mlx import affine, floats, said

(_PLAIN,) = (case for case in CASES if case.name == "gpt-oss")
SIZES = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "layer_types": None}
EXPERTS = r"experts\.\w+_proj$"
ROUTERS = {f"model.layers.{i}.mlp.router": {"group_size": 64, "bits": 8} for i in (0, 1)}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_case(
        Case("gpt-oss of whole groups", "gpt_oss", _PLAIN.values | SIZES), tmp_path_factory.mktemp("plain")
    )


def by_expert(pack: Any) -> Any:
    """Of a stack, inputs by outputs, the parts of each expert, outputs by inputs."""

    def packed(module: str, stack: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        if stack.ndim == 2:
            return pack(module, stack)
        each = [pack(module, expert) for expert in stack.swapaxes(1, 2)]
        parts = {ending: torch.stack([parts[ending] for parts, _ in each]) for ending in each[0][0]}
        return parts, torch.stack([values for _, values in each]).swapaxes(1, 2)

    return packed


def as_mlx(tensors: dict[str, Tensor]) -> None:
    """Rows of gates and of what is up, which take turns, go into stacks of their own; so do their biases."""
    for name in [name for name in tensors if ".experts." in name]:
        home, _, rest = name.partition("_proj")
        ending = {"_bias": ".bias", "": ".weight"}.get(rest, rest)
        array = tensors.pop(name)
        if home.endswith("gate_up"):
            for turn, matrix in enumerate(("gate", "up")):
                tensors[f"{home.removesuffix('gate_up')}{matrix}_proj{ending}"] = array[:, turn::2]
        else:
            tensors[f"{home}_proj{ending}"] = array


def as_published(tensors: dict[str, Tensor]) -> None:
    """The same experts as the maker's files have them."""
    for name in [name for name in tensors if ".experts." in name and name.endswith((".weight", ".scales"))]:
        module, _, kind = name.rpartition(".")
        array = tensors.pop(name)
        if kind == "weight":
            array = array.contiguous().view(torch.uint8).reshape(*array.shape[:2], -1, 16)
        tensors[f"{module}_{'blocks' if kind == 'weight' else 'scales'}"] = array


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_in_mxfp4_it_is_what_was_published(backend: str, plain: Path, tmp_path: Path) -> None:
    recipe = Recipe("mxfp4", said(4, 32, "mxfp4") | ROUTERS, by_expert(floats(4, 32, exponents=True)), EXPERTS)
    published, _ = write_checkpoints(recipe, plain, tmp_path)
    mlx = tmp_path / "mlx"
    published.rename(mlx)
    tensors = load_file(mlx / "model.safetensors")
    published.mkdir()
    as_published(tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, published / "model.safetensors")
    (published / "config.json").write_text((mlx / "config.json").read_text())
    write_config(published, {"quantization_config": {"quant_method": "mxfp4"}})
    change_tensors(mlx, as_mlx)
    np.testing.assert_array_equal(logits(mlx, backend), logits(published, backend))
    assert loaded(mlx).quantization == loaded(published).quantization == "mxfp4"
    assert "quant_method" not in read_config(mlx)["quantization_config"]


def test_all_in_whole_numbers(plain: Path, tmp_path: Path) -> None:
    """With routers in more bits than experts, tables and attention."""

    def pack(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        return (affine(8, 64) if module.endswith("router") else affine(4, 32))(module, rows)

    which = rf"{EXPERTS}|_proj\.weight|router\.weight|lm_head\.weight|embed_tokens\.weight"
    recipe = Recipe("affine", said(4, 32) | ROUTERS, by_expert(pack), which)
    packed, values = write_checkpoints(recipe, plain, tmp_path)
    change_tensors(packed, as_mlx)
    check_parity(recipe, packed, values, "torch")


def test_plain_numbers(plain: Path, tmp_path: Path) -> None:
    mlx, _ = write_checkpoints(Recipe("plain", {}, affine(4, 32), "^$"), plain, tmp_path)

    def rows(tensors: dict[str, Tensor]) -> None:
        tensors |= {name: each.swapaxes(1, 2) for name, each in tensors.items() if name.endswith("experts.down_proj")}
        tensors |= {name: each.swapaxes(1, 2) for name, each in tensors.items() if name.endswith(".gate_up_proj")}
        as_mlx(tensors)

    change_tensors(mlx, rows)
    np.testing.assert_array_equal(logits(mlx, "native"), logits(plain, "native"))
