"""Attention to latents, beyond what every family is tested for: what its cache keeps and tells, other names of the same
family, files of a larger model, and what no family of them does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie import AutoModelForCausalLM
from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.cli.main import main
from causerie.errors import ConfigError, Unsupported, WeightFileError
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config
from causerie.plan.footprint import cache_cost
from tests.parity.cases import CASES, PROMPT, Case
from tests.parity.harness import load, prompt_logits, reference, reference_logits, some_tokens
from tests.parity.published_latent import KIMI_K2, PUBLISHED_LATENT

FolderOf = Callable[[Case | str], Path]
IDS = some_tokens(PROMPT, 3)
V2, V3, GLM = "deepseek v2", "deepseek v3", "glm4 with latents"


def _values(name: str) -> dict[str, Any]:
    (case,) = (case for case in CASES if case.name == name)
    return case.values | {"model_type": case.family}


def test_the_cache_keeps_latents_and_what_turns() -> None:
    """Two bytes of 512 + 64 elements in each layer, where keys and values would be of 16 heads 192 + 128."""
    spec = spec_from_config(PUBLISHED_LATENT["DeepSeek-V2-Lite-Chat"])
    assert cache_cost(spec, "bfloat16").per_token == 27 * 2 * (512 + 64)


def test_info_tells_that_latents_are_kept(folder_of: FolderOf, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(folder_of(V3)), "--dtype", "bfloat16"]) == 0
    out = capsys.readouterr().out
    assert "cache           3 layers keep 324 bytes per token, latents of which keys and values are made\n" in out
    assert main(["info", str(folder_of("llama")), "--json"]) == 0
    assert [each["latent_layers"] for each in json.loads(capsys.readouterr().out)["cache"]["pages"]] == [0]


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_latents_are_not_kept_in_int8(backend: str, folder_of: FolderOf) -> None:
    with pytest.raises(Unsupported, match=r"latents are not kept in int8.*cache_dtype='bfloat16'"):
        AutoModelForCausalLM.from_pretrained(folder_of(V3), backend=backend, cache_dtype="int8")


def test_kimi_k2_is_deepseek_v3() -> None:
    spec, other = (spec_from_config(KIMI_K2 | {"model_type": name}) for name in ("kimi_k2", "deepseek_v3"))
    assert spec.layers == other.layers and spec.parameters == other.parameters and spec.family == "kimi_k2"
    assert spec.layers[0].mixer.scale == pytest.approx(192**-0.5 * (0.1 * np.log(32) + 1) ** 2)


def test_the_text_model_of_a_larger_one(backend: Backend, folder_of: FolderOf, tmp_path: Path) -> None:
    """As Kimi K2.5 has it: a config within another, and names that say whose they are."""
    folder = folder_of(V3)
    with SafetensorsIndex.open(folder) as index:
        tensors = {f"language_model.{name}": index.read(name) for name in index.names()}
    shutil.copytree(folder, tmp_path / "larger")
    write_safetensors(tmp_path / "larger" / "model.safetensors", tensors)
    text = read_config(folder) | {"model_type": "kimi_k2"}
    whole = {"model_type": "kimi_k25", "text_config": text, "vision_config": {"model_type": "kimi_k25_vision"}}
    (tmp_path / "larger" / "config.json").write_text(json.dumps(whole))
    expected = prompt_logits(load(folder, backend), [IDS])[0]
    np.testing.assert_array_equal(prompt_logits(load(tmp_path / "larger", backend), [IDS])[0], expected)


def test_norms_inside_have_a_constant_of_their_own(backend: Backend, folder_of: FolderOf, tmp_path: Path) -> None:
    """Vectors so short that it decides, with a config whose constant is another."""
    folder = folder_of(V3)
    with SafetensorsIndex.open(folder) as index:
        tensors = {name: index.read(name) for name in index.names()}
    short = {name: array * 1e-3 for name, array in tensors.items() if "q_a_proj" in name or "kv_a_proj" in name}
    shutil.copytree(folder, tmp_path / "short")
    write_safetensors(tmp_path / "short" / "model.safetensors", tensors | short)
    expected = reference_logits(reference(tmp_path / "short"), IDS)
    found = prompt_logits(load(tmp_path / "short", backend), [IDS])[0]
    assert short and np.abs(found - expected).max() <= 1e-4


@pytest.mark.parametrize("width", ["kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "q_lora_rank"])
def test_widths_that_files_do_not_have_are_refused(width: str, folder_of: FolderOf, backend: Backend) -> None:
    config = read_config(folder_of(V3))
    config |= {width: config[width] + 2, "qk_head_dim": None}
    with pytest.raises(WeightFileError, match="has shape"):
        load(folder_of(V3), backend, config=config)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (V3, {"rope_interleave": False}),
        (V3, {"qk_head_dim": 192}),
        (V3, {"topk_method": "greedy"}),
        (V3, {"scoring_func": "softmax"}),
        (V3, {"moe_layer_freq": 2}),
        (V2, {"topk_method": "noaux_tc"}),
        (V2, {"scoring_func": "sigmoid"}),
        (V2, {"norm_topk_prob": True}),
        (V2, {"mlp_bias": True}),
        (V2, {"num_experts_per_tok": 10}),
        (GLM, {"mlp_layer_types": ["dense"]}),
        (GLM, {"index_topk": 2048}),
    ],
    ids=str,
)
def test_what_is_not_done_is_refused(name: str, changes: dict[str, Any]) -> None:
    (key,) = changes
    with pytest.raises(ConfigError, match=key):
        spec_from_config(_values(name) | changes)
