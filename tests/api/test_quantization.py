"""BitsAndBytesConfig, the short form, and save_pretrained, as a caller meets them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from causerie import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, pipeline
from causerie.api.options.quantization import quant_config
from causerie.errors import CauserieError, UnknownName, Unsupported, UsageError
from causerie.quant.config import QuantConfig

PROMPT = [[5, 6, 7, 8]]


def load(folder: Path, **options: Any) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, backend="torch", progress=False, **options)


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ({}, None),
        ({"load_in_8bit": True}, QuantConfig("bnb_int8")),
        ({"load_in_4bit": True}, QuantConfig("fp4")),
        ({"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, QuantConfig("nf4")),
        ({"load_in_4bit": True, "bnb_4bit_use_double_quant": True}, QuantConfig("fp4_double")),
        ({"load_in_4bit": True, "bnb_4bit_compute_dtype": torch.bfloat16}, QuantConfig("fp4")),
        ({"load_in_8bit": True, "llm_int8_threshold": 0.0}, QuantConfig("bnb_int8")),
        (
            {"load_in_8bit": True, "llm_int8_skip_modules": ["lm_head"]},
            QuantConfig("bnb_int8", head="bnb_int8", skip=("lm_head",)),
        ),
    ],
)
def test_what_a_config_means(options: dict[str, Any], meant: QuantConfig | None) -> None:
    from transformers import BitsAndBytesConfig as Theirs

    config = BitsAndBytesConfig(**options)
    assert config.quantization() == meant
    # A round trip, the field's own object, and its dictionary all mean the same.
    assert BitsAndBytesConfig.from_dict(config.to_dict()) == config
    for form in (config, config.to_dict(), Theirs(**options), Theirs(**options).to_dict()):
        assert quant_config(None, form) == meant


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"load_in_8bit": True, "load_in_4bit": True}, UsageError, "both True"),
        ({"load_in_8bit": "yes"}, UsageError, "True or False"),
        ({"bnb_4bit_quant_type": "nf5"}, UnknownName, "nf4"),
        ({"bnb_4bit_compute_dtype": "float99"}, UnknownName, "float32"),
        ({"bnb_4bit_quant_storage": "int99"}, UnknownName, "uint8"),
        ({"llm_int8_threshold": "6"}, UsageError, "number"),
        ({"llm_int8_skip_modules": "lm_head"}, UsageError, "list"),
        ({"llm_int8_enable_fp32_cpu_offload": True}, Unsupported, "devices"),
        ({"llm_int8_has_fp16_weight": True}, Unsupported, "training"),
    ],
)
def test_what_a_config_refuses(options: dict[str, Any], error: type[CauserieError], words: str) -> None:
    with pytest.raises(error, match=words):
        BitsAndBytesConfig(**options)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"quantization": "int7"}, UnknownName, "int4"),
        ({"quantization": 4}, UsageError, "int4"),
        ({"quantization": "int4", "quantization_config": {"load_in_4bit": True}}, UsageError, "two ways"),
        ({"quantization_config": {"load_in_5bit": True}}, UnknownName, "load_in_4bit"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, Unsupported, "gptq"),
        ({"quantization_config": object()}, Unsupported, "BitsAndBytesConfig"),
        ({"load_in_8bit": True}, Unsupported, "quantization_config=BitsAndBytesConfig"),
    ],
)
def test_refusals(folder: Path, options: dict[str, Any], error: type[CauserieError], words: str) -> None:
    with pytest.raises(error, match=words):
        load(folder, **options)


def test_the_field_s_way_to_load(folder: Path) -> None:
    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    with load(folder, quantization_config=config) as model, load(folder, quantization="nf4") as short:
        assert model.quantization == model.format == "nf4" and model.dtype == torch.float32 and "nf4" in repr(model)
        ours, same = (np.asarray(each(PROMPT).logits) for each in (model, short))
        assert np.array_equal(ours, same)
    pipe = pipeline(model=folder, model_kwargs={"quantization_config": config, "backend": "torch"})
    assert pipe.model.quantization == "nf4"
    pipe.model.close()


def test_int8_is_smaller_and_nearly_the_same(folder: Path) -> None:
    with load(folder) as plain, load(folder, quantization="int8") as model:
        assert model.get_memory_footprint() < 0.3 * plain.get_memory_footprint()
        ours, expected = (np.asarray(each(PROMPT).logits) for each in (model, plain))
        assert 0 < np.abs(ours - expected).max() < 0.1 * np.abs(expected).max()
    with load(folder, quantization="none") as model:
        assert model.quantization is None


@pytest.mark.parametrize("quantization", [None, "int4", "nf4_double"])
def test_saved_and_loaded_again(folder: Path, quantization: str | None, tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    with load(folder, quantization=quantization) as model:
        model.save_pretrained(target, safe_serialization=True, progress=False)
        expected = np.asarray(model(PROMPT).logits)
        with pytest.raises(UsageError, match="loaded from"):
            model.save_pretrained(folder)
        with pytest.raises(Unsupported, match="safe_serialization"):
            model.save_pretrained(target, safe_serialization=False)
        with pytest.raises(UnknownName, match="push_to_hub"):
            model.save_pretrained(target, push_to_hubb=True)
    with load(target) as again:
        assert again.quantization == quantization and np.array_equal(np.asarray(again(PROMPT).logits), expected)
    assert AutoTokenizer.from_pretrained(target)("Hello")["input_ids"]
    config = json.loads((target / "config.json").read_text())
    assert ("quantization_config" in config) == (quantization is not None) and config["hidden_size"] == 64
    assert not list(target.glob(".*"))


def test_a_folder_of_another_model_is_left_alone(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "other")
    (tmp_path / "other" / "model.safetensors").rename(tmp_path / "other" / "model-00001-of-00002.safetensors")
    with load(folder, quantization="int8") as model:
        with pytest.raises(UsageError, match="another model"):
            model.save_pretrained(tmp_path / "other")
        with pytest.raises(UsageError, match="is a file"):
            model.save_pretrained(tmp_path / "other" / "config.json")
