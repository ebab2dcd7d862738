"""Checkpoints that bitsandbytes wrote: loaded as they lie, with its own arithmetic as the oracle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from causerie.checkpoint.expression import Tensor
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import Unsupported, WeightFileError
from causerie.loading.packed.method import packed_tensors
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix
from causerie.quant.config import QuantConfig
from causerie.quant.encoders import encoder_named
from tests.parity.harness import prompt_logits, reference, reference_logits, some_tokens
from tests.quant.conftest import loaded, tensors


@pytest.fixture(scope="module")
def bnb() -> Any:
    return pytest.importorskip("bitsandbytes", reason="bitsandbytes, the oracle, is not installed")


CONFIGS: dict[str, dict[str, Any]] = {
    "bnb_int8": {"load_in_8bit": True},
    "nf4": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    "fp4_double": {"load_in_4bit": True, "bnb_4bit_use_double_quant": True},
    "nf4 in bfloat16": {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_quant_storage": "bfloat16",
        "bnb_4bit_use_double_quant": True,
    },
}


def packed_matrix(config: Any, index: TensorIndex, tensor: str, shape: tuple[int, int]) -> PackedMatrix | None:
    """Where a tensor of a quantized checkpoint lies."""
    packed = packed_tensors(config)
    assert packed is not None
    return packed.matrix(index, ModelMatrix(Tensor(tensor), shape))


def with_weights_of(theirs: Any, folder: Path) -> Any:
    """transformers' plain model of a folder, with what the quantized one's layers dequantize to."""
    import bitsandbytes.functional as functional

    plain = reference(folder)
    for name, module in theirs.named_modules():
        weight = getattr(module, "weight", None)
        if type(module).__name__ == "Linear4bit":
            values = functional.dequantize_4bit(weight.data, weight.quant_state)
        elif type(module).__name__ == "Linear8bitLt":
            values = functional.int8_vectorwise_dequant(weight.data, weight.SCB)
        else:
            continue
        plain.get_submodule(name).weight.data.copy_(values)
    return plain


@pytest.mark.parametrize("name", CONFIGS)
def test_checkpoints_saved_by_transformers_load(name: str, bnb: Any, untied: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM
    from transformers import BitsAndBytesConfig as Theirs

    theirs = AutoModelForCausalLM.from_pretrained(
        untied, quantization_config=Theirs(**CONFIGS[name]), dtype=torch.float32, device_map="cpu"
    )
    theirs.save_pretrained(tmp_path)
    model = loaded(tmp_path)
    assert model.quantization is not None and model.quantization.startswith(name.split()[0].removesuffix("_double"))
    # What was loaded is what we would have made of the original: their layers, their values.
    again = loaded(untied, QuantConfig.named(model.quantization))
    prompt = some_tokens(12)
    ours, same = (prompt_logits(each, [prompt])[0] for each in (model, again))
    assert np.array_equal(ours, same) if "double" not in model.quantization else np.allclose(ours, same, atol=0.1)
    # Their products round activations to bfloat16 or 8 bits; their dequantized weights do not.
    np.testing.assert_allclose(ours, reference_logits(with_weights_of(theirs, untied), prompt), atol=5e-5)


@pytest.mark.parametrize("layout", [None, 0, 1])
def test_8_bit_matrices_need_no_layout_and_have_one_if_they_do(
    layout: int | None, untied: Path, tmp_path: Path
) -> None:
    rows = tensors(untied)["lm_head.weight"]
    arrays = encoder_named("bnb_int8").encode(rows)
    stored = {"m.weight": arrays["codes"], "m.SCB": arrays["scale"]}
    if layout is not None:
        stored["m.weight_format"] = np.array([layout], np.uint8)
    write_safetensors(tmp_path / "w.safetensors", stored)
    config = {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}}
    with SafetensorsIndex.open(tmp_path / "w.safetensors") as index:
        if layout == 1:
            with pytest.raises(Unsupported, match=r"kind of GPU.*m\.weight_format"):
                packed_matrix(config, index, "m.weight", rows.shape)
            return
        packed = packed_matrix(config, index, "m.weight", rows.shape)
        assert packed is not None and set(packed.all_tensors) == set(stored)
        part = packed.read(index, 3, 9)
    assert {name: array.tolist() for name, array in part.items()} == {
        "codes": arrays["codes"][3:9].tolist(),
        "scale": arrays["scale"][3:9].tolist(),
    }


@pytest.mark.parametrize("storage", [torch.uint8, torch.float16, torch.float32])
def test_slices_of_bytes_that_were_stored_as_wider_numbers(
    storage: torch.dtype, bnb: Any, untied: Path, tmp_path: Path
) -> None:
    rows = tensors(untied)["model.layers.0.mlp.up_proj.weight"]
    codes, state = bnb.functional.quantize_4bit(torch.from_numpy(rows), quant_type="nf4", quant_storage=storage)
    stored = {"w": codes, **{f"w.{key}": value for key, value in state.as_dict(packed=True).items()}}
    write_safetensors(tmp_path / "w.safetensors", {name: tensor.numpy() for name, tensor in stored.items()})
    config = {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}
    expected = encoder_named("nf4").encode(rows)["codes"].reshape(len(rows), -1)
    with SafetensorsIndex.open(tmp_path / "w.safetensors") as index:
        packed = packed_matrix(config, index, "w", (rows.shape[0], rows.shape[1]))
        assert packed is not None
        for start, stop in ((0, len(rows)), (0, 64), (64, 96), (96, len(rows))):
            part = packed.read(index, start, stop)["codes"]
            assert np.array_equal(part, expected[start:stop].reshape(-1))


def test_damaged_checkpoints_of_bitsandbytes_are_refused(bnb: Any, untied: Path, tmp_path: Path) -> None:
    functional = bnb.functional
    rows = torch.from_numpy(tensors(untied)["lm_head.weight"])
    codes, state = functional.quantize_4bit(rows, quant_type="nf4", compress_statistics=True, blocksize=64)
    good = {"w": codes, **{f"w.{key}": value for key, value in state.as_dict(packed=True).items()}}
    arrays = {key: value.numpy() for key, value in good.items()}
    config = {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}
    shape = (rows.shape[0], rows.shape[1])

    def found(**changes: Any) -> Any:
        changed = {key: value for key, value in {**arrays, **changes}.items() if value is not None}
        write_safetensors(tmp_path / "w.safetensors", changed)
        with SafetensorsIndex.open(tmp_path / "w.safetensors") as index:
            return packed_matrix(config, index, "w", shape)

    def with_state(**changes: Any) -> dict[str, Any]:
        values = json.loads(arrays["w.quant_state.bitsandbytes__nf4"].tobytes()) | changes
        return {"w.quant_state.bitsandbytes__nf4": np.frombuffer(json.dumps(values).encode(), np.uint8)}

    assert found().format.name == "nf4_double"
    with pytest.raises(Unsupported, match="blocksize 128"):
        found(**with_state(blocksize=128))
    for wrong in ([3, 4], 5, None, {"a": 1}):
        with pytest.raises(WeightFileError, match="shape"):
            found(**with_state(shape=wrong))
    for offset in ("0", None, float("nan"), [1]):
        with pytest.raises(WeightFileError, match="nested_offset"):
            found(**with_state(nested_offset=offset))
    with pytest.raises(WeightFileError, match="JSON"):
        found(**{"w.quant_state.bitsandbytes__nf4": np.frombuffer(b"[[[[", np.uint8)})
    with pytest.raises(WeightFileError, match="quant_state"):
        found(**{"w.quant_state.bitsandbytes__nf4": None})
    with pytest.raises(WeightFileError, match=r"w\.absmax"):
        found(**{"w.absmax": arrays["w.absmax"][:-1]})
    with pytest.raises(Unsupported, match="table"):
        found(**{"w.quant_map": arrays["w.quant_map"] * 2})
