"""MLX: the values of transformers' dequantizer, exactly, and of the formula for the bits that it does not have;
embeddings, heads and stacks of experts as MLX quantizes them; floats of its other modes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from causerie.errors import CauserieError, ConfigError, Unsupported
from tests.parity.cases import TINY, Case
from tests.parity.harness import save_case
from tests.quant.conftest import loaded, tensors
from tests.quant.integer_recipes import stream
from tests.quant.packed_checkpoints import (
    Pack,
    Recipe,
    change_tensors,
    check_faults,
    check_parity,
    check_values,
    write_checkpoints,
    write_config,
)

EVERYTHING = r"_proj\.weight|lm_head\.weight|embed_tokens\.weight"


def affine(bits: int, group: int, dtype: torch.dtype = torch.float16, lows: str = "biases") -> Pack:
    def pack(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        groups = rows.reshape(rows.shape[0], -1, group)
        low = groups.amin(-1).to(dtype)
        step = ((groups.amax(-1) - low.float()) / (2**bits - 1)).to(dtype)
        codes = torch.round((groups - low.float()[..., None]) / step.float()[..., None]).clamp(0, 2**bits - 1)
        words = stream(codes.reshape(rows.shape).int(), bits).view(torch.uint32)
        values = (codes * step.float()[..., None] + low.float()[..., None]).reshape(rows.shape)
        if 32 % bits == 0:
            from transformers.integrations.metal_quantization import _affine_dequantize_tensor

            oracle = _affine_dequantize_tensor(words.view(torch.int32), step, low, group, bits)
            assert torch.equal(oracle, values)
        return {".weight": words, ".scales": step, f".{lows}": low}, values

    return pack


def floats(bits: int, group: int, exponents: bool) -> Pack:
    """Random codes, and scales as bytes: of E8M0 or E4M3."""
    table = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])

    def pack(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        n, k = rows.shape
        codes = torch.randint(0, 2**bits, (n, k))
        if bits == 4:
            numbers = torch.cat((table, -table))[codes]
        else:
            small = ((codes & 0xFE).to(torch.uint8).view(torch.float8_e4m3fn).float() / 64).to(torch.float8_e4m3fn)
            codes, numbers = small.view(torch.uint8), small.float()
        if exponents:
            scales = torch.randint(119, 123, (n, k // group)).to(torch.uint8)
            steps = torch.exp2(scales.float() - 127)
        else:
            scales = torch.randint(4, 20, (n, k // group)).to(torch.uint8)
            steps = scales.view(torch.float8_e4m3fn).float()
        words = stream(codes.int(), bits).view(torch.uint32)
        values = (numbers.reshape(n, -1, group) * steps[..., None]).reshape(n, k)
        return {".weight": words, ".scales": scales}, values

    return pack


def mixed(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    return (affine(6, 64) if "down_proj" in module else affine(4, 32))(module, rows)


def said(bits: int, group: int, mode: str = "affine") -> dict[str, Any]:
    return {"group_size": group, "bits": bits, "mode": mode}


OVERRIDES = {f"model.layers.{i}.mlp.down_proj": {"group_size": 64, "bits": 6} for i in (0, 1)}
RECIPES = [
    *(Recipe(f"{bits} bits", said(bits, 64), affine(bits, 64)) for bits in (2, 3, 4, 5, 6)),
    Recipe("8 bits", said(8, 32), affine(8, 32, torch.float32)),
    Recipe("all", said(4, 64), affine(4, 64, torch.bfloat16), EVERYTHING),
    Recipe("mixed", said(4, 32) | OVERRIDES, mixed),
    Recipe("metal", {"quant_method": "metal", "bits": 4, "group_size": 128}, affine(4, 128, lows="qbiases")),
    Recipe("mxfp4", said(4, 32, "mxfp4"), floats(4, 32, exponents=True)),
    Recipe("nvfp4", said(4, 16, "nvfp4"), floats(4, 16, exponents=False)),
    Recipe("mxfp8", said(8, 32, "mxfp8"), floats(8, 32, exponents=True), small_floats=True),
]


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_logits_are_those_of_the_values(recipe: Recipe, backend: str, even: Path, tmp_path: Path) -> None:
    check_parity(recipe, *write_checkpoints(recipe, even, tmp_path), backend)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_values_are_exact(recipe: Recipe, even: Path, tmp_path: Path) -> None:
    packed, values = write_checkpoints(recipe, even, tmp_path)
    assert check_values(packed, values) == (16 if recipe.name == "all" else 14)


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_one_table_for_both_ends(backend: str, tmp_path: Path) -> None:
    """As old files say it: in `quantization` alone."""
    sizes = {"hidden_size": 128, "intermediate_size": 192, "head_dim": 32, "num_hidden_layers": 2}
    plain = save_case(Case("tied", "llama", TINY | sizes | {"tie_word_embeddings": True}), tmp_path / "plain")
    recipe = Recipe("tied", said(4, 64), affine(4, 64), EVERYTHING)
    packed, values = write_checkpoints(recipe, plain, tmp_path)
    write_config(packed, {"quantization_config": None, "quantization": said(4, 64)})
    check_parity(recipe, packed, values, backend)


@pytest.mark.parametrize("family", ["qwen3_moe", "mixtral"])
def test_experts_in_stacks(family: str, tmp_path: Path) -> None:
    counts: dict[str, Any] = {"num_local_experts": 4}
    if family == "qwen3_moe":
        counts = {"num_experts": 4, "moe_intermediate_size": 64}
    sizes = counts | {"hidden_size": 64, "intermediate_size": 64, "head_dim": 16, "num_experts_per_tok": 2}
    recipe = Recipe("experts", said(4, 32), affine(4, 32), r"(_proj|experts\.\d\.w\d)\.weight")
    packed, values = write_checkpoints(recipe, save_case(Case("experts", family, sizes), tmp_path / "p"), tmp_path)
    names = {"w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"}

    def stack(parts: dict[str, Tensor]) -> None:
        for name in [name for name in parts if ".experts.0." in name]:
            home, _, matrix = name.partition(".experts.0.")
            alone = [parts.pop(f"{home}.experts.{e}.{matrix}") for e in range(4)]
            theirs = ".".join(names.get(word, word) for word in matrix.split("."))
            parts[f"{home}.switch_mlp.{theirs}"] = torch.stack(alone)

    change_tensors(packed, stack)
    assert any(name.endswith("switch_mlp.down_proj.biases") for name in tensors(packed))
    check_parity(recipe, packed, values, "torch")


def test_what_is_wrong_is_said_all_at_once(even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[2], even, tmp_path)
    layer = "model.layers.0."

    def damage(parts: dict[str, Tensor]) -> None:
        del parts[layer + "self_attn.q_proj.scales"]
        del parts[layer + "self_attn.q_proj.biases"]
        parts[layer + "mlp.up_proj.biases"] = torch.ones(384, 3, dtype=torch.float16)
        parts[layer + "mlp.down_proj.weight"] = parts[layer + "mlp.down_proj.weight"][:, :47]

    check_faults(
        packed,
        damage,
        "'model.layers.0.self_attn.q_proj.scales' is missing",
        "'model.layers.0.self_attn.q_proj.biases' is missing",
        "'model.layers.0.mlp.up_proj.biases' is F16 (384, 3), and F16 (384, 4) is expected",
        "'model.layers.0.mlp.down_proj.weight' has 47 words for each output",
    )


@pytest.mark.parametrize(
    ("changes", "kind", "why"),
    [
        ({"bits": 7}, ConfigError, "to 7 bits"),
        ({"mode": "ternary"}, Unsupported, "the mode 'ternary'"),
        ({"bits": "4"}, Unsupported, "in a way that config.json does not name"),
    ],
)
def test_other_kinds_are_refused(
    changes: dict[str, Any], kind: type[CauserieError], why: str, even: Path, tmp_path: Path
) -> None:
    packed, _ = write_checkpoints(RECIPES[0], even, tmp_path)
    write_config(packed, {"quantization_config": said(4, 64) | changes})
    with pytest.raises(kind, match=why):
        loaded(packed)


def test_families_that_mlx_changes_are_refused(even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[2], even, tmp_path)
    change_tensors(
        packed, lambda parts: parts.update({"model.layers.0.linear_attn.conv1d.weight": torch.ones(4, 4, 1)})
    )
    with pytest.raises(Unsupported, match="MLX changes further tensors"):
        loaded(packed)


@pytest.mark.parametrize("method", ["torchao", "exl3", "hqq", "aqlm", "some_new_one"])
def test_other_programs_are_named(method: str, even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[2], even, tmp_path)
    write_config(packed, {"quantization_config": {"quant_method": method}})
    with pytest.raises(Unsupported, match=f"quantized by '{method}'.*read here. Use its float16"):
        loaded(packed)
