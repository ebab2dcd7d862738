"""GPTQ and AutoRound, by the formula of the layout, whose streams are packed here by Python's whole numbers: exactly
its values, with inputs in whatever order their groups are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from causerie.errors import CauserieError, ConfigError, Unsupported, WeightFileError
from tests.quant.conftest import loaded, tensors
from tests.quant.integer_recipes import quantized, stream
from tests.quant.packed_checkpoints import (
    PROJECTIONS,
    Pack,
    Recipe,
    change_tensors,
    check_faults,
    check_parity,
    check_values,
    placed_values,
    write_checkpoints,
    write_config,
)
from tests.quant.test_awq import awq

GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 64, "desc_act": False, "sym": True}


def gptq(
    bits: int, group: int, *, less: int = 1, symmetric: bool = False, reads: bool = False, named: bool = True
) -> Pack:
    """`less`: how much less than a zero point is stored; `reads`: inputs are read in an order of their own, which all
    matrices of the same inputs share; `named`: the group of each input is stored."""

    def pack(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        order = torch.arange(rows.shape[1])
        if reads:
            seed = module.rsplit(".", 1)[0] + str("o_proj" in module)
            order = torch.randperm(rows.shape[1], generator=torch.Generator().manual_seed(sum(map(ord, seed))))
        held = quantized(rows[:, order], bits, group, symmetric=symmetric)
        back = torch.argsort(order)
        parts = {
            ".qweight": stream(held.codes[:, back], bits).T,
            ".qzeros": stream(((held.zeros - less) % 2**bits).T, bits),
            ".scales": held.scales.T,
        }
        if named:
            parts[".g_idx"] = (back // held.group).int()
        return parts, held.values[:, back]

    return pack


def mixed(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Some layers in more bits and smaller groups, as overrides say."""
    return (gptq(8, 32) if "layers.1.mlp" in module else gptq(4, 64, named="o_proj" in module))(module, rows)


RECIPES = [
    Recipe("4", GPTQ, gptq(4, 64, symmetric=True)),
    Recipe("4 as it is", GPTQ | {"checkpoint_format": "gptq_v2", "sym": False}, gptq(4, 128, less=0)),
    Recipe("2", GPTQ | {"bits": 2, "sym": False, "group_size": 32}, gptq(2, 32)),
    Recipe("3", GPTQ | {"bits": 3, "sym": False}, gptq(3, 64)),
    Recipe("8", GPTQ | {"bits": 8, "group_size": -1}, gptq(8, -1, symmetric=True)),
    Recipe("reordered", GPTQ | {"desc_act": True, "sym": False}, gptq(4, 64, reads=True)),
    Recipe(
        "3 reordered",
        GPTQ | {"bits": 3, "desc_act": True, "checkpoint_format": "gptq_v2"},
        gptq(3, 128, less=0, reads=True),
    ),
    Recipe("mixed", GPTQ | {"dynamic": {r"+:.*\.1\.mlp.*": {"bits": 8, "group_size": 32}}}, mixed),
    Recipe("autoround", {"quant_method": "auto-round", "bits": 2, "group_size": 64}, gptq(2, 64, named=False)),
    Recipe(
        "autoround as awq",
        {"quant_method": "auto-round", "bits": 4, "group_size": 64, "packing_format": "auto_round:auto_awq"},
        awq(64),
    ),
    Recipe("head", GPTQ | {"lm_head": True}, gptq(4, 64), PROJECTIONS + r"|lm_head\.weight"),
]


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_logits_are_those_of_the_values(recipe: Recipe, backend: str, even: Path, tmp_path: Path) -> None:
    check_parity(recipe, *write_checkpoints(recipe, even, tmp_path), backend)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_values_are_exact(recipe: Recipe, even: Path, tmp_path: Path) -> None:
    packed, values = write_checkpoints(recipe, even, tmp_path)
    assert check_values(packed, values) == 14 + (recipe.name == "head")


def test_groups_larger_than_ours(even: Path, tmp_path: Path) -> None:
    """A scale of 192 inputs counts for three groups of 64."""
    which = r"layers\.\d+\.mlp\.down_proj\.weight"
    recipe = Recipe("192", GPTQ | {"group_size": 192}, gptq(4, 192, reads=True), which)
    packed, values = write_checkpoints(recipe, even, tmp_path)
    placed = placed_values(packed)
    name = "model.layers.0.mlp.down_proj"
    np.testing.assert_array_equal(placed["layers.0.ffn.down"], tensors(values)[f"{name}.weight"])


def test_biases_of_zeros_say_nothing(even: Path, tmp_path: Path) -> None:
    packed, values = write_checkpoints(RECIPES[0], even, tmp_path)
    name = "model.layers.0.mlp.up_proj.bias"
    change_tensors(packed, lambda parts: parts.update({name: torch.zeros(384, dtype=torch.float16)}))
    check_parity(RECIPES[0], packed, values, "torch")
    change_tensors(packed, lambda parts: parts.update({name: torch.ones(384, dtype=torch.float16)}))
    with pytest.raises(WeightFileError, match=r"up_proj\.bias"):
        loaded(packed)


def test_what_is_wrong_is_said_all_at_once(even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[0], even, tmp_path)
    layer = "model.layers.0."

    def damage(parts: dict[str, Tensor]) -> None:
        del parts[layer + "self_attn.q_proj.scales"]
        parts[layer + "mlp.up_proj.qzeros"] = torch.ones(4, 40, dtype=torch.int32)
        parts[layer + "mlp.up_proj.g_idx"] = parts[layer + "mlp.up_proj.g_idx"].float()
        parts[layer + "mlp.down_proj.qweight"] = parts[layer + "mlp.down_proj.qweight"][:47]

    check_faults(
        packed,
        damage,
        "'model.layers.0.self_attn.q_proj.scales' is missing",
        "'model.layers.0.mlp.up_proj.qzeros' is I32 (4, 40), and I32 (4, 48) is expected",
        "'model.layers.0.mlp.up_proj.g_idx' is F32 (256,), and I32 or I64 (256,) is expected",
        "'model.layers.0.mlp.down_proj.qweight' is I32 (47, 256), and I32 (48, 256) is expected",
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda groups: groups.index_fill(0, torch.tensor([3]), 4),
            "into group 4, and the scales are those of 4 groups",
        ),
        (lambda groups: groups.index_fill(0, torch.tensor([3]), -1), "into group -1"),
        (lambda groups: groups.index_fill(0, torch.tensor([3]), 2), "puts 63 inputs into group 0; of 256 inputs in 4"),
    ],
)
def test_groups_of_inputs_that_are_none(
    change: Callable[[Tensor], Tensor], why: str, even: Path, tmp_path: Path
) -> None:
    packed, _ = write_checkpoints(RECIPES[0], even, tmp_path)
    name = "model.layers.1.self_attn.v_proj.g_idx"
    change_tensors(packed, lambda parts: parts.update({name: change(parts[name])}))
    with pytest.raises(WeightFileError, match=rf"v_proj\.g_idx' puts.*{why}|{why}"):
        loaded(packed)


@pytest.mark.parametrize(
    ("changes", "kind", "why"),
    [
        ({"checkpoint_format": "marlin"}, Unsupported, "'marlin'"),
        ({"is_marlin_format": True}, Unsupported, "'marlin'"),
        ({"bits": 5}, ConfigError, "'bits' to 5"),
        ({"bits": "4"}, ConfigError, "'bits' to '4'"),
        ({"quant_method": "auto-round", "packing_format": "itrex"}, Unsupported, "'packing_format' to 'itrex'"),
    ],
)
def test_other_layouts_are_refused(
    changes: dict[str, object], kind: type[CauserieError], why: str, even: Path, tmp_path: Path
) -> None:
    packed, _ = write_checkpoints(RECIPES[0], even, tmp_path)
    write_config(packed, {"quantization_config": GPTQ | changes})
    with pytest.raises(kind, match=why):
        loaded(packed)
