"""Text models of models that see pictures: with the names and the configs that transformers writes, and that first
files have, logits and greedy text are those of the larger model for text."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config
from tests.parity.cases import PROMPT
from tests.parity.cases.experts import STEP
from tests.parity.cases.pictures import MODELS, YARN, Pictures
from tests.parity.harness import greedy, load, prompt_logits, some_tokens
from tests.parity.wholes import FIRST_FILES, save_first_files, whole_of

IDS = [3 + token % 120 for token in some_tokens(PROMPT, 3)]  # none that stands for a picture
Made = tuple[Path, np.ndarray, list[int]]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Pictures], Made]:
    """The folder of a model, and transformers' logits and greedy answer."""
    known: dict[str, Made] = {}

    def make(pictures: Pictures) -> Made:
        if pictures.name not in known:
            known[pictures.name] = _make(pictures, tmp_path_factory.mktemp("pictures"))
        return known[pictures.name]

    return make


def _make(pictures: Pictures, folder: Path) -> Made:
    model = whole_of(pictures)
    ids = torch.tensor([IDS])
    with torch.no_grad():
        logits = model(ids).logits[0].numpy()
        answer = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False, pad_token_id=0
        )
    model.save_pretrained(folder)
    return folder, logits, answer[0, PROMPT:].tolist()


def _compare(folder: Path, backend: Backend, expected: Made) -> None:
    with pytest.warns(UserWarning, match=r"left out"):
        model = load(folder, backend)
    logits = prompt_logits(model, [IDS])[0]
    np.testing.assert_allclose(logits, expected[1], atol=1e-4)
    assert greedy(model, [IDS], 8) == [expected[2]]
    assert np.abs(expected[1]).max() > 2
    model.close()


@pytest.mark.parametrize("pictures", MODELS, ids=lambda pictures: pictures.name)
def test_the_text_model_answers_as_the_whole(
    pictures: Pictures, backend: Backend, made: Callable[[Pictures], Made]
) -> None:
    whole = made(pictures)
    _compare(whole[0], backend, whole)


@pytest.mark.parametrize(
    "pictures", [each for each in MODELS if each.name in FIRST_FILES], ids=lambda pictures: pictures.name
)
def test_first_files_are_the_same_model(
    pictures: Pictures, backend: Backend, made: Callable[[Pictures], Made], tmp_path: Path
) -> None:
    whole = made(pictures)
    folder = save_first_files(whole[0], tmp_path / "first")
    _compare(folder, backend, whole)
    assert spec_from_config(read_config(folder)).family == pictures.name


def test_experts_may_lie_the_other_way_round(
    backend: Backend, made: Callable[[Pictures], Made], tmp_path: Path
) -> None:
    """As the released files of Qwen3-VL have them."""
    whole = made(next(each for each in MODELS if each.name == "qwen3_vl_moe"))
    with SafetensorsIndex.open(whole[0]) as index:
        tensors = {name: index.read(name) for name in index.names()}
    turned = {name: np.ascontiguousarray(t.swapaxes(1, 2)) for name, t in tensors.items() if ".mlp.experts." in name}
    assert turned
    folder = shutil.copytree(whole[0], tmp_path / "turned")
    write_safetensors(folder / "model.safetensors", tensors | turned)
    _compare(folder, backend, whole)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("qwen2_5_vl", {"sliding_window": 8}),
        ("qwen2_vl", {"rms_norm_eps": 0.1}),
        ("qwen3_vl", {"rope_parameters": {"rope_type": "default", "rope_theta": 5e3}}),
        ("glm4v", {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 1.0}}),
        ("mistral3", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, **YARN}}),
        ("muse_glimmer", {"layer_rope_theta": [1e4, 1e4, 1e4, 0]}),
        ("muse_glimmer", {"layer_rope_theta": None}),
        ("muse_glimmer", {"qk_scale_factor": 3.0}),
        ("muse_glimmer", {"output_multiplier": 0.9}),
        ("muse_glimmer", {"final_logit_softcapping": 4.0}),
        ("muse_glimmer", {"post_norm_eps": 0.1}),
        ("muse_glimmer", {"rms_norm_eps": 0.1}),
        ("step3p7", {"rms_norm_eps": 0.1}),
        ("step3p7", {"sliding_window": 8}),
        ("step3p7", {"query_pre_attn_scalar": 24}),
        ("step3p7", {"num_experts_per_tok": 2}),
        ("step3p7", {"moe_router_scaling_factor": 1.0}),
        ("step3p7", {"swiglu_limits": [0.0, 0.0, 0.0, 0.3, 0.0]}),
        ("step3p7", {"swiglu_limits": None}),
        ("step3p7", {"swiglu_limits_shared": [0.0, 0.2, 0.0, 0.5, 0.0]}),
        ("step3p7", {"swiglu_limits_shared": [0.0, 0.3, 0.0, 0.4, 0.0]}),
        ("step3p7", {"rope_parameters": STEP["rope_parameters"] | {"full_attention": {"rope_theta": 2500.0}}}),
        ("step3p7", {"rope_parameters": STEP["rope_parameters"] | {"sliding_attention": {"rope_theta": 5e3}}}),
        ("qwen3_5", {"rms_norm_eps": 0.1}),
        ("qwen3_5_moe", {"num_experts_per_tok": 1}),
        ("qwen3_vl_moe", {"num_experts_per_tok": 1}),
    ],
    ids=str,
)
def test_the_key_matters(
    name: str, changes: dict[str, Any], backend: Backend, made: Callable[[Pictures], Made]
) -> None:
    folder, expected, _ = made(next(each for each in MODELS if each.name == name))
    config = read_config(folder)
    config["text_config"] |= changes
    with pytest.warns(UserWarning, match=r"left out"):
        model = load(folder, backend, config=config)
    assert np.abs(prompt_logits(model, [IDS])[0] - expected).max() > 1e-3
    model.close()
