"""FP8 in blocks, by outputs and whole: the values of the dequantizers of compressed-tensors and transformers, bit for
bit, in one tensor each and in stacks of experts; and what is wrong with a checkpoint is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from causerie.errors import ConfigError, Unsupported, UsageError, WeightFileError
from tests.parity.cases import TINY, Case
from tests.parity.harness import reference_logits, save_case, some_tokens
from tests.quant.conftest import loaded, tensors
from tests.quant.packed_checkpoints import (
    Recipe,
    change_tensors,
    check_faults,
    check_parity,
    logits,
    placed_values,
    write_checkpoints,
    write_config,
)

LARGEST = 448.0


def in_blocks(rows: Tensor, height: int, width: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Codes and scales of blocks, the last of which may be cut."""
    n, k = rows.shape
    padded = torch.nn.functional.pad(rows, (0, -k % width, 0, -n % height))
    blocks = padded.reshape(padded.shape[0] // height, height, -1, width)
    scales = (blocks.abs().amax((1, 3)) / LARGEST * torch.empty(1).uniform_(1, 1.3)).clamp(min=1e-8)
    if dtype == torch.float8_e8m0fnu:
        scales = torch.exp2(torch.ceil(torch.log2(scales)))
    scales = scales.to(dtype)
    codes = (blocks / scales.float()[:, None, :, None]).reshape(padded.shape)[:n, :k]
    return codes.clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn), scales


def block_values(codes: Tensor, scales: Tensor, height: int = 128, width: int = 128) -> Tensor:
    from compressed_tensors.entrypoints.convert import FP8BlockDequantizer

    oracle = FP8BlockDequantizer(weight_block_size=(height, width), dtype=torch.float32)
    return oracle._create_dequantized_weight(codes, scales)


def fine_grained(height: int, width: int, dtype: torch.dtype = torch.float32) -> Any:
    def pack(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        codes, scales = in_blocks(rows, height, width, dtype)
        values = block_values(codes, scales.float(), height, width)
        return {".weight": codes, ".weight_scale_inv": scales}, values

    return pack


def whole(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """As Mistral publishes: one scale, and one for activations."""
    scale = rows.abs().max() / LARGEST
    codes = (rows / scale).to(torch.float8_e4m3fn)
    activations = torch.tensor(0.02)
    parts = {".weight": codes, ".weight_scale_inv": scale, ".activation_scale": activations}
    return parts, codes.float() * scale


def by_outputs(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    scale = (rows.abs().amax(1, keepdim=True) / LARGEST).float()
    codes = (rows / scale).to(torch.float8_e4m3fn)
    return {".weight": codes, ".weight_scale": scale, ".input_scale_ub": torch.tensor([1200.0])}, codes.float() * scale


FP8 = {"quant_method": "fp8", "activation_scheme": "dynamic", "fmt": "e4m3", "weight_block_size": [128, 128]}
STATIC = {"quant_method": "fp8", "activation_scheme": "static", "weight_block_size": None}
RECIPES = [
    Recipe("blocks", FP8, fine_grained(128, 128), small_floats=True),
    Recipe("powers", FP8 | {"scale_fmt": "ue8m0"}, fine_grained(128, 128, torch.float8_e8m0fnu), small_floats=True),
    Recipe("bfloat16", FP8, fine_grained(128, 128, torch.bfloat16), small_floats=True),
    Recipe("small", FP8 | {"weight_block_size": [32, 64]}, fine_grained(32, 64), small_floats=True),
    Recipe("whole", STATIC, whole, small_floats=True),
    Recipe("fbgemm", {"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0}, by_outputs, small_floats=True),
]


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_logits_are_those_of_the_values(recipe: Recipe, backend: str, wide: Path, tmp_path: Path) -> None:
    check_parity(recipe, *write_checkpoints(recipe, wide, tmp_path), backend)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_values_are_the_oracles(recipe: Recipe, wide: Path, tmp_path: Path) -> None:
    packed, values = write_checkpoints(recipe, wide, tmp_path)
    placed, expected = placed_values(packed), tensors(values)
    for ours, theirs in {
        "mixer.k": "self_attn.k_proj",
        "ffn.down": "mlp.down_proj",
        "mixer.o": "self_attn.o_proj",
    }.items():
        np.testing.assert_array_equal(placed[f"layers.1.{ours}"], expected[f"model.layers.1.{theirs}.weight"])
    assert len(placed) == 14


def test_transformers_gives_the_same_logits(tmp_path: Path) -> None:
    """It divides a matrix by its scales evenly, so that no block is cut here."""
    from transformers import AutoModelForCausalLM, FineGrainedFP8Config

    sizes = {"hidden_size": 256, "intermediate_size": 384, "head_dim": 64, "num_attention_heads": 4}
    values = TINY | sizes | {"num_key_value_heads": 2, "tie_word_embeddings": False}
    plain = save_case(Case("even", "llama", values), tmp_path / "plain")
    packed, _ = write_checkpoints(RECIPES[0], plain, tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(
        packed, dtype=torch.float32, quantization_config=FineGrainedFP8Config(dequantize=True)
    )
    expected = reference_logits(theirs.eval(), some_tokens(12))
    np.testing.assert_allclose(logits(packed, "torch"), expected, atol=3e-5)


EXPERTS = Case(
    "fp8 experts",
    "qwen3_moe",
    {"num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 64, "head_dim": 16},
)
LATENTS = Case(
    "fp8 latents",
    "deepseek_v3",
    {
        "num_key_value_heads": 4,
        "q_lora_rank": 48,
        "kv_lora_rank": 64,
        "qk_nope_head_dim": 32,
        "qk_rope_head_dim": 16,
        "v_head_dim": 32,
        "n_routed_experts": 8,
        "num_experts_per_tok": 3,
        "moe_intermediate_size": 32,
        "intermediate_size": 96,
        "n_group": 2,
        "topk_group": 1,
        "first_k_dense_replace": 1,
    },
)
SMALL = Recipe("small", FP8 | {"weight_block_size": [32, 32]}, fine_grained(32, 32), r"_(proj|mqa)\.weight")


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("stacked", [False, True])
def test_experts_alone_and_in_stacks(stacked: bool, backend: str, tmp_path: Path) -> None:
    packed, values = write_checkpoints(SMALL, save_case(EXPERTS, tmp_path / "plain"), tmp_path)

    def stack(parts: dict[str, Tensor]) -> None:
        for layer in range(EXPERTS.values["num_hidden_layers"]):
            home = f"model.layers.{layer}.mlp.experts"
            for ending in ("", "_scale_inv"):
                gate, up, down = (
                    [parts.pop(f"{home}.{e}.{name}_proj.weight{ending}") for e in range(5)]
                    for name in ("gate", "up", "down")
                )
                both = [torch.cat(pair) for pair in zip(gate, up, strict=True)]
                parts[f"{home}.gate_up_proj{ending}"] = torch.stack(both)
                parts[f"{home}.down_proj{ending}"] = torch.stack(down)

    if stacked:
        change_tensors(packed, stack)
        assert "model.layers.1.mlp.experts.gate_up_proj_scale_inv" in tensors(packed)
    check_parity(SMALL, packed, values, backend)


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_latents_are_made_of_rows_and_of_values(backend: str, tmp_path: Path) -> None:
    """Of what leads from latents to keys, each head's matrix is turned over: its values are read as plain numbers."""
    packed, values = write_checkpoints(SMALL, save_case(LATENTS, tmp_path / "plain"), tmp_path)
    assert "model.layers.0.self_attn.kv_b_proj.weight_scale_inv" in tensors(packed)
    check_parity(SMALL, packed, values, backend)


def test_what_is_wrong_is_said_all_at_once(wide: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[0], wide, tmp_path)
    layer = "model.layers.0."

    def damage(parts: dict[str, Tensor]) -> None:
        del parts[layer + "self_attn.q_proj.weight_scale_inv"]
        parts[layer + "mlp.up_proj.weight_scale_inv"] = torch.ones(4, 2)
        parts[layer + "mlp.down_proj.weight_scale_inv"] = torch.ones(2, 3, dtype=torch.int32)

    check_faults(
        packed,
        damage,
        "'model.layers.0.self_attn.q_proj.weight_scale_inv' is missing",
        "'model.layers.0.mlp.up_proj.weight_scale_inv' is F32 (4, 2), and F32",
        "(3, 2) or",
        "'model.layers.0.mlp.down_proj.weight_scale_inv' is I32 (2, 3)",
    )


def test_other_floats_and_blocks_are_refused(wide: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[0], wide, tmp_path)
    for blocks in ([128], "128", [128, 0], [128, True]):
        write_config(packed, {"quantization_config": FP8 | {"weight_block_size": blocks}})
        with pytest.raises(ConfigError, match="weight_block_size"):
            loaded(packed)
    write_config(packed, {"quantization_config": FP8})
    name = "model.layers.1.mlp.gate_proj.weight"
    change_tensors(packed, lambda parts: parts.update({name: parts[name].to(torch.float8_e5m2)}))
    with pytest.raises(Unsupported, match=r"gate_proj\.weight' is stored as F8_E5M2"):
        loaded(packed)
    change_tensors(packed, lambda parts: parts.update({name: torch.ones(10, 256, dtype=torch.float8_e4m3fn)}))
    with pytest.raises(WeightFileError, match=r"gate_proj"):
        loaded(packed)


def test_quantizing_again_is_refused(wide: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[0], wide, tmp_path)
    with pytest.raises(UsageError, match="quantized already, by fp8"):
        loaded(packed, "int4")
