"""Gemma's own checkpoints: the values that transformers' layers dequantize to, in float32, of 2, 4 and 8 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from causerie.errors import WeightFileError
from tests.quant.conftest import loaded, tensors
from tests.quant.packed_checkpoints import Recipe, change_tensors, check_parity, placed_values, write_checkpoints

BITS = {"q_proj": 2, "k_proj": 8, "up_proj": 8}


def pack(module: str, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    from transformers.integrations.gemma_quant import QuantizedEmbedding, QuantizedLinear

    bits = BITS.get(module.rsplit(".", 1)[-1], 4)
    most = 2 ** (bits - 1)
    scale = rows.abs().amax(1, keepdim=True) / most
    codes = torch.round(rows / scale).clamp(-most, most - 1).int()
    unsigned = codes + most
    stored = codes.to(torch.int8)
    if bits < 8:
        stored = sum(unsigned[:, i :: 8 // bits] << (bits * i) for i in range(8 // bits)).to(torch.uint8)
    if "embed" in module:
        table = QuantizedEmbedding(*rows.shape, torch.float32, num_bits=bits)
        return {".embedding_quantized": stored, ".embedding_scale": scale}, table._dequantize_weights(stored, scale)
    layer = QuantizedLinear(rows.shape[1], rows.shape[0], num_bits=bits)
    layer.weight.data, layer.weight_scale.data = stored, scale
    parts = {".weight": stored, ".weight_scale": scale}
    rounding = {f".{kind}_activation_scale": torch.tensor(0.0) for kind in ("input", "output")}
    return parts | rounding, layer._dequantize_weights().detach()


GEMMA = Recipe("gemma", {"quant_method": "gemma", "num_bits": 4}, pack, r"_proj\.weight|embed_tokens\.weight")


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_logits_and_values(backend: str, even: Path, tmp_path: Path) -> None:
    packed, values = write_checkpoints(GEMMA, even, tmp_path)
    check_parity(GEMMA, packed, values, backend)
    placed, expected = placed_values(packed), tensors(values)
    names = {"mixer.q": "self_attn.q_proj", "mixer.k": "self_attn.k_proj", "mixer.o": "self_attn.o_proj"}
    for ours, theirs in names.items():
        np.testing.assert_array_equal(placed[f"layers.1.{ours}"], expected[f"model.layers.1.{theirs}.weight"])
    np.testing.assert_array_equal(placed["embed"], expected["model.embed_tokens.weight"])


def test_what_is_wrong_is_said_all_at_once(even: Path, tmp_path: Path) -> None:
    packed, _ = write_checkpoints(GEMMA, even, tmp_path)
    module = "model.layers.0.mlp."

    def damage(parts: dict[str, Tensor]) -> None:
        del parts[module + "up_proj.weight_scale"]
        parts[module + "gate_proj.weight"] = parts[module + "gate_proj.weight"][:, :100]

    change_tensors(packed, damage)
    with pytest.raises(WeightFileError, match=r"gate_proj\.weight' has 100 bytes.*up_proj\.weight_scale' is missing"):
        loaded(packed)
