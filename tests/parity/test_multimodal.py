"""Text models of models that see pictures: with the names and the configs that transformers writes, and that first
files have, logits and greedy text are those of the larger model for text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
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
from tests.parity.cases import PROMPT, TINY
from tests.parity.cases.experts import LLAMA4
from tests.parity.cases.gemma import GEMMA4, GIVEN, KEYS_AS_VALUES, SHARING, UNIFIED
from tests.parity.harness import greedy, load, prompt_logits, some_tokens

TEXT = {key: value for key, value in TINY.items() if not key.endswith("token_id") and key != "tie_word_embeddings"}
IDS = [3 + token % 120 for token in some_tokens(PROMPT, 3)]  # none that stands for a picture
LAST = {"image_token_id": 126, "video_token_id": 127, "vision_start_token_id": 128, "vision_end_token_id": 129}
SEES = {"depth": 1, "num_heads": 2, "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2}
SOUNDS = {"image_token_id": 126, "video_token_id": 127, "audio_token_id": 128, "audio_config": None}
YARN = {"factor": 4.0, "original_max_position_embeddings": 8}


@dataclass(frozen=True)
class Pictures:
    """A tiny multimodal model of transformers."""

    name: str
    text: dict[str, Any]
    vision: dict[str, Any]
    whole: dict[str, Any]


def _mrope(*sections: int, **more: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": list(sections), **more}}


_HYBRID = _mrope(4, 4, 4, mrope_interleaved=True, partial_rotary_factor=0.5) | {
    "num_hidden_layers": 3,
    "rms_norm_eps": 1e-3,
    "layer_types": ["linear_attention", "full_attention", "linear_attention"],
    "head_dim": 24,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 12,
    "linear_value_head_dim": 20,
}
_SEES_WITH_PLACES = SEES | {
    "hidden_size": 32,
    "out_hidden_size": 64,
    "intermediate_size": 32,
    "num_position_embeddings": 16,
}
MODELS = [
    Pictures(
        "qwen2_vl",
        _mrope(2, 3, 3),
        SEES | {"embed_dim": 32, "hidden_size": 64, "mlp_ratio": 2},
        LAST,
    ),
    Pictures(
        "qwen2_5_vl",
        _mrope(2, 3, 3) | {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1},
        SEES | {"hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 32, "fullatt_block_indexes": [0]},
        LAST | {"tie_word_embeddings": True},
    ),
    Pictures(
        "qwen3_vl",
        _mrope(4, 4, 4, mrope_interleaved=True) | {"head_dim": 24},
        SEES
        | {"hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 32, "deepstack_visual_indexes": [0]}
        | {"num_position_embeddings": 16},
        LAST,
    ),
    Pictures(
        "glm4v",
        _mrope(1, 1, 2, partial_rotary_factor=0.5),
        SEES | {"hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 32, "image_size": 28},
        {key: value for key, value in LAST.items() if key.startswith(("image", "video"))},
    ),
    Pictures(
        "muse_glimmer",
        {
            "num_hidden_layers": 4,
            "head_dim": 24,
            "num_key_value_heads": 1,
            "sliding_window": 7,
            "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"],
            "layer_rope_theta": [1e4, 1e4, 0, 0],
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
            "output_multiplier": 0.8,
            "final_logit_softcapping": 5.0,
        },
        {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32},
        {"image_token_id": 126, "video_token_id": 127, "out_hidden_size": 128, "projector_hidden_size": 32},
    ),
    Pictures(
        "mistral3",
        {
            "model_type": "ministral3",
            "head_dim": 24,
            "rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "llama_4_scaling_beta": 0.3, **YARN},
        },
        {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "patch_size": 14}
        | {"image_size": 28, "head_dim": 16},
        {"image_token_index": 126, "tie_word_embeddings": False},
    ),
    Pictures(
        "llama4",
        LLAMA4 | {"no_rope_layers": [1, 0, 1, 1], "floor_scale": 8, "attn_scale": 0.3},
        {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64, "image_size": 28}
        | {"patch_size": 14, "vision_output_dim": 32, "projector_input_dim": 32, "projector_output_dim": 32},
        {"image_token_index": 126, "boi_token_index": 127, "eoi_token_index": 128},
    ),
    Pictures(
        "gemma4",
        GEMMA4 | SHARING | GIVEN,
        {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16}
        | {"intermediate_size": 32, "position_embedding_size": 16},
        SOUNDS,
    ),
    Pictures(
        "gemma4_unified",
        UNIFIED | KEYS_AS_VALUES,
        {"mm_embed_dim": 64, "mm_posemb_size": 16, "output_proj_dims": 64},
        SOUNDS,
    ),
    Pictures(
        "qwen3_5", _HYBRID | {"tie_word_embeddings": True}, _SEES_WITH_PLACES, LAST | {"tie_word_embeddings": True}
    ),
    Pictures(
        "qwen3_5_moe",
        _HYBRID
        | {"num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
        | {"shared_expert_intermediate_size": 40},
        _SEES_WITH_PLACES,
        LAST,
    ),
]
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
    from transformers import AutoConfig, AutoModelForImageTextToText

    config = AutoConfig.for_model(
        pictures.name, text_config=TEXT | pictures.text, vision_config=pictures.vision, **pictures.whole
    )
    torch.manual_seed(5)
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.tensor([IDS])
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.uniform_(0.4, 1.6)
            else:
                weight.normal_(std=0.5 if weight.ndim == 1 else 1.5 * weight.shape[1] ** -0.5)
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


@pytest.mark.parametrize("pictures", MODELS[:2], ids=lambda pictures: pictures.name)
def test_first_files_are_the_same_model(
    pictures: Pictures, backend: Backend, made: Callable[[Pictures], Made], tmp_path: Path
) -> None:
    """Their configs have the numbers of the text model at the top, and their names have no word for it."""
    whole = made(pictures)
    folder = tmp_path / "first"
    shutil.copytree(whole[0], folder)
    with SafetensorsIndex.open(whole[0]) as index:
        tensors = {_first_name(name): index.read(name) for name in index.names()}
    write_safetensors(folder / "model.safetensors", tensors)
    config = read_config(folder)
    text = config.pop("text_config")
    rope = text.pop("rope_parameters")
    scaling = {"type": "mrope", "mrope_section": rope["mrope_section"]}
    first = {"model_type": pictures.name, "rope_theta": rope["rope_theta"], "rope_scaling": scaling}
    (folder / "config.json").write_text(json.dumps(config | text | first | {"vision_token_id": 125}))
    _compare(folder, backend, whole)
    assert spec_from_config(read_config(folder)).family == pictures.name


def _first_name(name: str) -> str:
    return name.replace("model.language_model.", "model.").replace("model.visual.", "visual.")


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
        ("qwen3_5", {"rms_norm_eps": 0.1}),
        ("qwen3_5_moe", {"num_experts_per_tok": 1}),
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
