"""compressed-tensors: what the package itself writes, to the values that it reads back, bit for bit where it reckons in
float32, in every format that is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from causerie.errors import CauserieError, ConfigError, Unsupported, WeightFileError
from tests.quant.conftest import loaded, tensors
from tests.quant.integer_recipes import quantized
from tests.quant.packed_checkpoints import (
    NAMES,
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

INT = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 64}
FLOAT = {"num_bits": 8, "type": "float", "symmetric": True, "strategy": "channel"}
NVFP4 = {"num_bits": 4, "type": "float", "symmetric": True, "strategy": "tensor_group", "group_size": 16}
MX = {"type": "float", "symmetric": True, "strategy": "group", "group_size": 32, "scale_dtype": "torch.uint8"}


def said(form: str, weights: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What config.json says of one kind of weights."""
    group = {"targets": ["Linear"], "weights": weights, "input_activations": None, "output_activations": None}
    config = {"quant_method": "compressed-tensors", "format": form, "quantization_status": "compressed"}
    return {**config, "config_groups": {"group_0": group}, "ignore": ["lm_head"], "kv_cache_scheme": None, **changes}


def scales_of(rows: Tensor, weights: dict[str, Any], dtype: torch.dtype) -> dict[str, Tensor]:
    """Scales, and zero points where there are some, as a calibration would leave them."""
    bits, group = weights["num_bits"], weights.get("group_size") or rows.shape[1]
    if weights["strategy"] == "tensor":
        return {"weight_scale": (rows.abs().max() / largest(weights)).reshape(1).to(dtype)}
    if weights["strategy"] == "block":
        height, width = weights["block_structure"]
        blocks = rows.reshape(rows.shape[0] // height, height, -1, width)
        return {"weight_scale": (blocks.abs().amax((1, 3)) / largest(weights)).to(dtype)}
    if weights["symmetric"]:
        scale = (rows.reshape(rows.shape[0], -1, group).abs().amax(-1) / largest(weights)).to(dtype)
        if weights.get("scale_dtype") == "torch.uint8":
            scale = torch.exp2(torch.ceil(torch.log2(scale.float()))).to(dtype)
        if weights["strategy"] == "tensor_group":
            whole = torch.tensor([448 * 6 / rows.abs().max().item()])
            return {"weight_scale": (scale * whole).clamp(max=448), "weight_global_scale": whole}
        return {"weight_scale": scale}
    held = quantized(rows, bits, group, dtype=dtype)
    return {"weight_scale": held.scales, "weight_zero_point": (held.zeros - 2 ** (bits - 1)).to(torch.int8)}


def largest(weights: dict[str, Any]) -> float:
    if weights["type"] == "int":
        return float(2 ** (weights["num_bits"] - 1))
    return 448.0 if weights["num_bits"] == 8 else 6.0


def packed_by(format: str, weights: dict[str, Any], dtype: torch.dtype = torch.float32) -> Any:
    def pack(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        from compressed_tensors.compressors import BaseCompressor
        from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

        scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**weights))
        compressor = BaseCompressor.get_value_from_registry(format)
        state = {"weight": rows, **scales_of(rows, weights, dtype)}
        written = compressor.compress(state, scheme)
        values = compressor.decompress(written, scheme)["weight"]
        if weights["strategy"] == "tensor_group":  # it decompresses to bfloat16; the same steps in float32
            values = in_float32(written, scheme.weights)
        return {f".{name}": tensor for name, tensor in written.items()}, values.float()

    return pack


def in_float32(written: dict[str, Tensor], args: Any) -> Tensor:
    """NVFP4 by the package's own steps."""
    from compressed_tensors.compressors.nvfp4 import unpack_fp4_from_uint8
    from compressed_tensors.quantization.lifecycle.forward import dequantize

    codes = written["weight_packed"]
    return dequantize(
        x_q=unpack_fp4_from_uint8(codes, codes.shape[0], 2 * codes.shape[1]).float(),
        scale=written["weight_scale"].float(),
        args=args,
        global_scale=written["weight_global_scale"],
        dtype=torch.float32,
    )


def recipe(name: str, format: str, weights: dict[str, Any], **rest: Any) -> Recipe:
    dtype = rest.pop("dtype", torch.float32)
    return Recipe(
        name,
        said(format, weights),
        packed_by(format, weights, dtype),
        small_floats=weights["type"] == "float" and weights["num_bits"] == 8,
    )


RECIPES = [
    recipe("int4 groups", "pack-quantized", INT),
    recipe("int4 zero points", "pack-quantized", INT | {"symmetric": False, "group_size": 128}),
    recipe("int4 rows", "pack-quantized", INT | {"strategy": "channel", "group_size": None}),
    recipe("int8 packed", "pack-quantized", INT | {"num_bits": 8, "group_size": 32}),
    recipe("int3", "pack-quantized", INT | {"num_bits": 3}),
    recipe("int6 zero points", "pack-quantized", INT | {"num_bits": 6, "symmetric": False}),
    recipe("int8 rows", "int-quantized", INT | {"num_bits": 8, "strategy": "channel", "group_size": None}),
    recipe("int8 whole", "int-quantized", INT | {"num_bits": 8, "strategy": "tensor", "group_size": None}),
    recipe("int8 zero points", "int-quantized", INT | {"num_bits": 8, "symmetric": False, "strategy": "group"}),
    recipe("int4 naive", "naive-quantized", INT),
    recipe("fp8 rows", "float-quantized", FLOAT),
    recipe("fp8 whole", "float-quantized", FLOAT | {"strategy": "tensor"}),
    recipe("fp8 blocks", "float-quantized", FLOAT | {"strategy": "block", "block_structure": [64, 128]}),
    recipe("fp8 groups", "naive-quantized", FLOAT | {"strategy": "group", "group_size": 128}),
    recipe("nvfp4", "nvfp4-pack-quantized", NVFP4),
    recipe("mxfp4", "mxfp4-pack-quantized", MX | {"num_bits": 4}),
    recipe("mxfp8", "mxfp8-quantized", MX | {"num_bits": 8}),
]


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_logits_are_those_of_the_values(recipe: Recipe, backend: str, even: Path, tmp_path: Path) -> None:
    check_parity(recipe, *write_checkpoints(recipe, even, tmp_path), backend)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_values_are_those_of_the_package(recipe: Recipe, even: Path, tmp_path: Path) -> None:
    packed, values = write_checkpoints(recipe, even, tmp_path)
    assert check_values(packed, values) == 14


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_scales_of_fewer_bits(dtype: torch.dtype, even: Path, tmp_path: Path) -> None:
    """The package rounds its products to these; here they are those of float32."""
    which = recipe("int4", "pack-quantized", INT, dtype=dtype)
    packed, values = write_checkpoints(which, even, tmp_path)
    placed, rounded = placed_values(packed), tensors(values)
    for ours, theirs in NAMES.items():
        value, near = placed[f"layers.1.{ours}"], rounded[f"model.layers.1.{theirs}.weight"]
        np.testing.assert_array_equal(torch.from_numpy(value).to(dtype).float().numpy(), near)


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_groups_in_any_order(backend: str, even: Path, tmp_path: Path) -> None:
    """Which the package no longer writes: a matrix whose inputs were put in order, and the group of each."""
    plain = packed_by("pack-quantized", INT)

    def pack(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        seed = sum(map(ord, module.rsplit(".", 1)[0])) + ("o_proj" in module)
        groups = torch.randperm(rows.shape[1], generator=torch.Generator().manual_seed(seed)) // 64
        order = torch.argsort(groups, stable=True)
        back = torch.argsort(order)
        parts, values = plain(module, rows[:, order])
        from compressed_tensors.compressors.pack_quantized import pack_to_int32, unpack_from_int32

        codes = unpack_from_int32(parts[".weight_packed"], 4, rows.shape)[:, back]
        return parts | {".weight_packed": pack_to_int32(codes, 4), ".weight_g_idx": groups.int()}, values[:, back]

    ordered = Recipe("ordered", said("pack-quantized", INT | {"actorder": "group"}), pack)
    packed, values = write_checkpoints(ordered, even, tmp_path)
    name = "model.layers.1.mlp.down_proj.weight"
    np.testing.assert_array_equal(placed_values(packed)["layers.1.ffn.down"], tensors(values)[name])
    check_parity(ordered, packed, values, backend)


def test_several_kinds_in_one(even: Path, tmp_path: Path) -> None:
    attention, rest = packed_by("float-quantized", FLOAT), packed_by("nvfp4-pack-quantized", NVFP4)

    def pack(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        packing: Pack = attention if "self_attn" in module else rest
        return packing(module, rows)

    config = said("mixed-precision", NVFP4)
    config["config_groups"] = {
        "group_0": {"targets": ["re:.*self_attn.*"], "weights": FLOAT, "format": "float-quantized"},
        "group_1": {"targets": ["re:.*mlp.*"], "weights": NVFP4, "format": "nvfp4-pack-quantized"},
    }
    mixed = Recipe("mixed", config, pack)
    packed, values = write_checkpoints(mixed, even, tmp_path)
    scale = {
        "model.layers.0.self_attn.k_scale": torch.ones(1),
        "model.layers.0.mlp.up_proj.input_global_scale": torch.ones(1),
    }
    change_tensors(packed, lambda parts: parts.update(scale))
    check_parity(mixed, packed, values, "torch")


def test_what_is_wrong_is_said_all_at_once(even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[1], even, tmp_path)
    layer = "model.layers.0."

    def damage(parts: dict[str, Tensor]) -> None:
        del parts[layer + "self_attn.q_proj.weight_scale"]
        del parts[layer + "self_attn.q_proj.weight_zero_point"]
        parts[layer + "mlp.up_proj.weight_zero_point"] = torch.ones(40, 4, dtype=torch.int32)
        parts[layer + "mlp.down_proj.weight_packed"] = parts[layer + "mlp.down_proj.weight_packed"][:, :47]

    check_faults(
        packed,
        damage,
        "'model.layers.0.self_attn.q_proj.weight_scale' is missing",
        "'model.layers.0.self_attn.q_proj.weight_zero_point' is missing",
        "'model.layers.0.mlp.up_proj.weight_zero_point' is I32 (40, 4), and I32 (48, 2) is expected",
        "'model.layers.0.mlp.down_proj.weight_packed' has 47 words for each output",
    )


def test_tensors_of_a_kind_that_is_not_said(even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(RECIPES[0], even, tmp_path)
    write_config(packed, {"quantization_config": said("float-quantized", FLOAT)})
    with pytest.raises(WeightFileError, match=r"numbers of type int in 4 bits, and config.json says: float of 8 bits"):
        loaded(packed)


@pytest.mark.parametrize(
    ("changes", "kind", "why"),
    [
        ({"format": "marlin-24"}, Unsupported, "the format is 'marlin-24'"),
        ({"sparsity_config": {"format": "sparse-24-bitmask"}}, Unsupported, "sparsity_config"),
        ({"transform_config": {"config_groups": {"u": {}}}}, Unsupported, "transform_config"),
        ({"config_groups": None}, ConfigError, "config_groups"),
        ({"config_groups": {"group_0": ["Linear"]}}, ConfigError, "config_groups"),
        (
            {"config_groups": {"group_0": {"weights": FLOAT | {"block_structure": [0, 128]}}}},
            ConfigError,
            "block_structure",
        ),
    ],
)
def test_other_kinds_are_refused(
    changes: dict[str, Any], kind: type[CauserieError], why: str, even: Path, tmp_path: Path
) -> None:
    packed, _ = write_checkpoints(RECIPES[0], even, tmp_path)
    write_config(packed, {"quantization_config": said("pack-quantized", INT, **changes)})
    with pytest.raises(kind, match=why):
        loaded(packed)
