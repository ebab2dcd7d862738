"""ModelOpt's NVFP4 and FP8, by the formula of its layouts, in float32; said in config.json or in a file beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from causerie.errors import Unsupported, WeightFileError
from tests.quant.conftest import loaded
from tests.quant.packed_checkpoints import (
    Recipe,
    change_tensors,
    check_parity,
    check_values,
    write_checkpoints,
    write_config,
)

E2M1 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def nvfp4(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    groups = rows.reshape(rows.shape[0], -1, 16)
    whole = groups.abs().max() / (6 * 448)
    scale = (groups.abs().amax(-1) / 6 / whole).to(torch.float8_e4m3fn)
    steps = scale.float() * whole
    codes = ((groups / steps[..., None])[..., None] - E2M1).abs().argmin(-1).reshape(rows.shape)
    values = (E2M1[codes].reshape(groups.shape) * steps[..., None]).reshape(rows.shape)
    pairs = (codes[:, ::2] | codes[:, 1::2] << 4).to(torch.uint8)
    parts = {".weight": pairs, ".weight_scale": scale, ".weight_scale_2": whole, ".input_scale": torch.tensor(0.01)}
    return parts, values


def fp8(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    scale = rows.abs().max() / 448
    codes = (rows / scale).to(torch.float8_e4m3fn)
    return {".weight": codes, ".weight_scale": scale, ".input_scale": torch.tensor(0.01)}, codes.float() * scale


def said(algorithm: str) -> dict[str, Any]:
    return {"quant_method": "modelopt", "quant_algo": algorithm, "ignore": ["lm_head"], "kv_cache_scheme": None}


RECIPES = [Recipe("nvfp4", said("NVFP4"), nvfp4), Recipe("fp8", said("FP8"), fp8, small_floats=True)]


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_logits_and_values(recipe: Recipe, backend: str, even: Path, tmp_path: Path) -> None:
    packed, values = write_checkpoints(recipe, even, tmp_path)
    cache = "model.layers.0.self_attn.k_proj.k_scale"
    change_tensors(packed, lambda parts: parts.update({cache: torch.ones(1)}))
    check_parity(recipe, packed, values, backend)
    check_values(packed, values)


def test_a_file_beside_config_json_says_it(even: Path, tmp_path: Path) -> None:
    packed, values = write_checkpoints(RECIPES[0], even, tmp_path)
    write_config(packed, {"quantization_config": None})
    said_there = {"quant_algo": "NVFP4", "group_size": 16}
    beside: dict[str, Any] = {"producer": {"name": "modelopt"}, "quantization": said_there}
    (packed / "hf_quant_config.json").write_text(json.dumps(beside))
    check_parity(RECIPES[0], packed, values, "torch")
    beside["quantization"]["quant_algo"] = "W4A8_AWQ"
    (packed / "hf_quant_config.json").write_text(json.dumps(beside))
    with pytest.raises(Unsupported, match="ModelOpt's 'W4A8_AWQ'"):
        loaded(packed)


def test_what_is_wrong_is_said_all_at_once(even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[0], even, tmp_path)
    module = "model.layers.0.mlp.up_proj."

    def damage(parts: dict[str, Tensor]) -> None:
        del parts[module + "weight_scale_2"]
        parts[module + "weight_scale"] = torch.ones(384, 17).to(torch.float8_e4m3fn)

    change_tensors(packed, damage)
    with pytest.raises(WeightFileError, match=r"weight_scale' is F8_E4M3 \(384, 17\).*; .*_2' is missing"):
        loaded(packed)
