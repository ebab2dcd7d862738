"""AWQ: the numbers that compressed-tensors' converter unpacks, exactly; and what is wrong with a checkpoint is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from causerie.errors import Unsupported, WeightFileError
from tests.quant.conftest import loaded
from tests.quant.integer_recipes import quantized
from tests.quant.packed_checkpoints import (
    Pack,
    Recipe,
    check_faults,
    check_parity,
    check_values,
    write_checkpoints,
    write_config,
)

AWQ = {"quant_method": "awq", "bits": 4, "group_size": 64, "zero_point": True, "version": "gemm"}
ORDER = (0, 2, 4, 6, 1, 3, 5, 7)  # of outputs in a word, from the lowest bits on


def words(codes: Tensor) -> Tensor:
    """[rows, outputs] as words of eight."""
    ordered = codes.reshape(codes.shape[0], -1, 8)[..., ORDER].long()
    packed = sum((ordered[..., i] << (4 * i) for i in range(8)), torch.zeros(1, dtype=torch.long))
    return packed.to(torch.int32)


def awq(group: int, dtype: torch.dtype = torch.float16) -> Pack:
    def pack(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        from compressed_tensors.entrypoints.convert import AutoAWQConverter  # takes seconds to import

        held = quantized(rows, 4, group, dtype=dtype)
        parts = {
            ".qweight": words(held.codes.T),
            ".qzeros": words(held.zeros.T),
            ".scales": held.scales.T,
        }
        parts = {ending: part.contiguous() for ending, part in parts.items()}
        oracle = AutoAWQConverter(group_size=held.group)
        codes, scales, zeros = oracle._convert_gemm_module(parts[".qweight"], parts[".scales"], parts[".qzeros"])
        spread = (each.float().repeat_interleave(held.group, 1) for each in (zeros, scales))
        values = (codes.float() - next(spread)) * next(spread)
        assert torch.equal(values, held.values)
        return parts, values

    return pack


RECIPES = [
    Recipe("64", AWQ, awq(64)),
    Recipe("128", AWQ | {"group_size": 128, "version": "GEMM"}, awq(128, torch.bfloat16)),
    Recipe("rows", AWQ | {"group_size": -1}, awq(-1)),
    Recipe("head", AWQ | {"group_size": 32}, awq(32), r"_proj\.weight|lm_head\.weight"),
]


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_logits_are_those_of_the_values(recipe: Recipe, backend: str, even: Path, tmp_path: Path) -> None:
    check_parity(recipe, *write_checkpoints(recipe, even, tmp_path), backend)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_values_are_exact(recipe: Recipe, even: Path, tmp_path: Path) -> None:
    packed, values = write_checkpoints(recipe, even, tmp_path)
    assert check_values(packed, values) == 14 + (recipe.name == "head")


def test_what_is_wrong_is_said_all_at_once(even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[0], even, tmp_path)
    layer = "model.layers.0."

    def damage(parts: dict[str, Tensor]) -> None:
        del parts[layer + "self_attn.q_proj.qzeros"]
        parts[layer + "self_attn.q_proj.scales"] = parts[layer + "self_attn.q_proj.scales"][:3]
        parts[layer + "mlp.up_proj.scales"] = torch.ones(4, 380)
        parts[layer + "mlp.down_proj.qweight"] = parts[layer + "mlp.down_proj.qweight"].long()

    check_faults(
        packed,
        damage,
        "'model.layers.0.self_attn.q_proj.qzeros' is missing",
        "q_proj.scales' has numbers of 3 groups, into which 256 inputs do not go evenly",
        "'model.layers.0.mlp.up_proj.scales' is F32 (4, 380), and F32 or F16 or BF16 (4, 384) is expected",
        "'model.layers.0.mlp.down_proj.qweight' is I64 (384, 32), and I32 2 axes is expected",
    )


def test_a_matrix_of_another_size_is_refused(even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[0], even, tmp_path)
    write_config(packed, {"intermediate_size": 256})
    with pytest.raises(WeightFileError, match=r"mlp\.gate_proj"):
        loaded(packed)


@pytest.mark.parametrize("changes", [{"version": "gemv"}, {"bits": 8}, {"version": "marlin"}])
def test_other_layouts_are_refused(changes: dict[str, object], even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[0], even, tmp_path)
    write_config(packed, {"quantization_config": AWQ | changes})
    ((key, value),) = changes.items()
    with pytest.raises(Unsupported, match=f"'{key}' to '?{value}"):
        loaded(packed)
