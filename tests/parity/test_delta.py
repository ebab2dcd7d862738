"""Hybrids of the gated delta rule and attention, beyond what every family is tested for: configs as they are published,
which layers are which, what is refused, what is kept, never rounded, left out and saved."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModelForCausalLM

import causerie
from causerie.backends.native.backend import NativeBackend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.cli.main import main
from causerie.errors import ConfigError
from causerie.loading.load import load_model
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config, text_values
from causerie.plan.footprint import cache_cost, cache_format
from causerie.quant.config import QuantConfig
from causerie.spec.cost import PartCost
from causerie.spec.decoder import Decoder
from causerie.spec.delta import DeltaRule
from causerie.spec.layer_cache import Slot
from tests.parity.cases import CASES, PROMPT, Case
from tests.parity.harness import load, prompt_logits, reference, reference_logits, room_for, some_tokens
from tests.parity.published_delta import PUBLISHED_DELTA, QWEN3_NEXT, THREE_TO_ONE

FolderOf = Callable[[Case | str], Path]
IDS = some_tokens(PROMPT, 3)
HYBRIDS = [case.name for case in CASES if case.family in ("qwen3_5_text", "qwen3_5_moe_text", "qwen3_next")]


def kinds(spec: Decoder) -> list[str]:
    return ["linear_attention" if isinstance(layer.mixer, DeltaRule) else "full_attention" for layer in spec.layers]


@pytest.mark.parametrize(("name", "values"), PUBLISHED_DELTA.items(), ids=PUBLISHED_DELTA)
def test_a_published_config_is_transformers_model(name: str, values: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spec = spec_from_config(json.loads(json.dumps(values)))
    config = AutoConfig.for_model(**text_values(values))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert spec.parameters == sum(weight.numel() for weight in model.parameters())
    assert kinds(spec) == config.layer_types == THREE_TO_ONE * (len(spec.layers) // 4)
    assert (spec.ropes[0].dims, spec.ropes[0].theta) == (64, config.rope_parameters["rope_theta"])


@pytest.mark.parametrize("family", ["qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"])
def test_absent_keys_mean_what_transformers_means(family: str) -> None:
    for said in ({}, {"num_hidden_layers": 6, "full_attention_interval": 3, "linear_num_value_heads": 16}):
        theirs = AutoConfig.for_model(family, **said)
        written = {key: value for key, value in theirs.to_dict().items() if value is not None}
        ours = spec_from_config({"model_type": family} | said)
        assert ours == spec_from_config(written)
        assert kinds(ours) == theirs.layer_types


@pytest.mark.parametrize(
    "said",
    [
        {"attention_bias": True},
        {"attn_output_gate": False},
        {"output_gate_type": "sigmoid"},
        {"mamba_ssm_dtype": "bfloat16"},
        {"hidden_act": "gelu"},
        {"linear_num_value_heads": 5},
        {"linear_conv_kernel_dim": 1},
        {"linear_conv_kernel_dim": 9},
        {"layer_types": ["sliding_attention"] * 48},
        {"num_experts": 0},
    ],
    ids=str,
)
def test_what_would_be_another_model_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(said))):
        spec_from_config(QWEN3_NEXT | said)


def test_shares_of_experts_are_always_divided_in_the_later_family() -> None:
    values = {"model_type": "qwen3_5_moe_text"}
    assert spec_from_config(values | {"norm_topk_prob": True}) == spec_from_config(values)
    with pytest.raises(ConfigError, match="norm_topk_prob"):
        spec_from_config(values | {"norm_topk_prob": False})


def test_what_the_rule_keeps_and_costs() -> None:
    rule = DeltaRule(2, 6, 12, 20, 4, spec_from_config(QWEN3_NEXT).norm)
    assert rule.cache == Slot(3 * (2 * 24 + 120) + 6 * 12 * 20)
    assert rule.cost(64) == PartCost(64 * (2 * 24 + 3 * 120 + 2 * 6) + 4 * (2 * 24 + 120) + 4 * 6 * 12 * 20)
    spec = spec_from_config(QWEN3_NEXT)
    assert spec.slot_layers == tuple(i for i in range(48) if i % 4 < 3)
    # 36 matrices of 32 heads and three positions of 8192 channels, in float32, whatever the cache is kept in.
    assert cache_cost(spec, "int8").slot == 36 * 4 * (32 * 128 * 128 + 3 * 8192)


def _held(folder: Path, **options: Any) -> dict[str, str]:
    backend = NativeBackend(1)
    with SafetensorsIndex.open(folder) as index:
        model = load_model(
            index,
            read_config(folder),
            backend=backend,
            size_cache=lambda spec, held: room_for(spec, backend.block_size, cache_format(held)),
            **options,
        )
    held = {name: weight.format for name, weight in model.executable._weights.items()}  # type: ignore[attr-defined]
    model.close()
    return held


def test_rates_are_never_quantized(folder_of: FolderOf) -> None:
    folder = folder_of("qwen3.5, every second layer attends, tied, five taps, a quarter turns")
    held = _held(folder, quantization=QuantConfig.named("nf4"), dtype="bfloat16")
    within = {name.removeprefix("layers.0.mixer."): format for name, format in held.items() if "layers.0." in name}
    assert {within[name] for name in ("query", "key", "value", "out_gate", "out")} == {"nf4"}
    assert {within[name] for name in ("beta", "step")} == {"bfloat16"}
    assert {within[name] for name in ("log_rate", "step_offset")} == {"float32"}


def test_rates_are_not_rounded_on_torch(folder_of: FolderOf) -> None:
    """What they are off by would add up over positions."""
    from causerie.backends.torch.backend import TorchBackend

    folder = folder_of("qwen3.5")
    model = load(folder, TorchBackend(), dtype="bfloat16")
    held = {name: weight.data.dtype for name, weight in model.executable._weights.items()}
    exact = ("log_rate", "step_offset", "mixer_norm", "q_norm")
    assert {dtype for name, dtype in held.items() if name.endswith(exact)} == {torch.float32}
    assert held["layers.0.mixer.norm"] == held["layers.0.mixer.query"] == torch.bfloat16
    assert model.executable._dtype == torch.bfloat16
    model.close()


def test_layers_for_drafts_stay_in_the_file(backend: Any, folder_of: FolderOf, tmp_path: Path) -> None:
    folder = folder_of("qwen3-next")
    with SafetensorsIndex.open(folder) as index:
        tensors = {name: index.read(name) for name in index.names()}
    tensors |= {f"mtp.{name}": np.ones((64, 64), np.float32) for name in ("fc.weight", "layers.0.mlp.gate.weight")}
    write_safetensors(tmp_path / "model.safetensors", tensors)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    model = load(tmp_path, backend)
    expected = reference_logits(reference(folder), IDS)
    np.testing.assert_allclose(prompt_logits(model, [IDS])[0], expected, atol=1e-4)
    model.close()


def _tensors(folder: Path) -> dict[str, NDArray[Any]]:
    with SafetensorsIndex.open(folder) as index:
        return {name: index.read(name) for name in index.names()}


@pytest.mark.parametrize("name", HYBRIDS)
def test_a_saved_model_has_the_tensors_of_its_file(name: str, folder_of: FolderOf, tmp_path: Path) -> None:
    folder = folder_of(name)
    model = causerie.AutoModelForCausalLM.from_pretrained(folder, backend="native")
    model.save_pretrained(tmp_path / "saved")
    model.close()
    before, after = _tensors(folder), _tensors(tmp_path / "saved")
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_info_names_what_recurs(folder_of: FolderOf, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(folder_of("qwen3.5")), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    parts: dict[str, int] = {}
    for part in report["weights"]:
        parts[part["kind"]] = parts.get(part["kind"], 0) + part["parameters"]
    assert parts["recurrence"] == 3 * 64 * (2 * 64 + 3 * 120 + 2 * 6)
