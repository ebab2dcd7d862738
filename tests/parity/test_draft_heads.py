"""The heads that checkpoints ship to guess tokens with, against transformers' own use of them; and those that are
broken, without which a model loads and answers as before."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.errors import DraftWarning
from causerie.loading.load import load_surveyed, survey
from causerie.models.config import read_config
from causerie.models.model import Model
from causerie.models.registry import spec_from_config
from tests.parity.draft_heads import FURTHER, HEADS, Judge, head_logits, logits_of_head, save_with_head
from tests.parity.harness import load, plain_tokens, prompt_logits, room_for

PROMPT = 41


@cache
def _made(family: str, root: Path) -> tuple[Path, Judge]:
    folder = root / family
    return folder, save_with_head(family, folder)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("heads")


def with_head(folder: Path, backend: Backend) -> Model:
    with SafetensorsIndex.open(folder) as index:
        surveyed = survey(index, read_config(folder), draft_head=True)
        room = lambda spec, _: room_for(spec, backend.block_size, "float32")  # noqa: E731
        return load_surveyed(surveyed, index, backend=backend, size_cache=room, max_tokens=256)


@pytest.mark.parametrize("family", HEADS)
def test_a_head_proposes_what_transformers_does(family: str, root: Path, backend: Backend) -> None:
    folder, judge = _made(family, root)
    tokens = plain_tokens(PROMPT, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = with_head(folder, backend)
    logits, further = head_logits(model, tokens)
    expected, expected_further = judge.logits(tokens, FURTHER)
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    for ours, theirs in zip(further, expected_further, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert np.abs(expected - np.roll(expected, 1, 0)).max() > 1
    model.close()


def test_several_heads_read_the_same_beside_tokens_further_on(root: Path, backend: Backend) -> None:
    folder, judge = _made("mimo_v2_flash, three", root)
    model, tokens = with_head(folder, backend), plain_tokens(PROMPT, 4)
    assert len(model.further_heads) == 2
    expected = [judge.logits_of(number, tokens) for number in range(3)]
    for number, rows in enumerate(expected):
        np.testing.assert_allclose(logits_of_head(model, tokens, number), rows, atol=1e-4)
    assert np.abs(expected[0][1:] - expected[1]).max() > 1 and np.abs(expected[1][1:] - expected[2]).max() > 1
    model.close()


def test_of_several_heads_those_are_used_that_are_whole(root: Path, tmp_path: Path, backend: Backend) -> None:
    folder, _ = _made("mimo_v2_flash, three", root)
    _broken(folder, tmp_path / "two", lacks="mtp.layers.2.self_attn.k_proj")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = with_head(tmp_path / "two", backend)
    assert model.draft_head is not None and len(model.further_heads) == 1
    model.close()


@pytest.mark.parametrize("family", HEADS)
def test_the_model_beside_it_is_as_without(family: str, root: Path, backend: Backend) -> None:
    folder, _ = _made(family, root)
    plain, model = load(folder, backend), with_head(folder, backend)
    tokens = plain_tokens(PROMPT, 4)
    np.testing.assert_array_equal(prompt_logits(model, [tokens])[0], prompt_logits(plain, [tokens])[0])
    assert plain.draft_head is None and model.draft_head is not None
    assert model.spec.parameters == plain.spec.parameters and model.read_bytes == plain.read_bytes
    assert model.draft_head.weight_bytes == model.weight_bytes - plain.weight_bytes > 0
    plain.close()
    model.close()


def test_a_head_beside_a_model_inside_of_a_larger_one(root: Path, tmp_path: Path, backend: Backend) -> None:
    """As files hold it of a model that sees pictures: the text model's names are longer, the head's are not."""
    folder, judge = _made("qwen3_5_text", root)
    tensors = load_file(folder / "model.safetensors")
    longer = {
        name.replace("model.", "model.language_model.", 1) if name.startswith("model.") else name: tensor
        for name, tensor in tensors.items()
    }
    save_file(longer, tmp_path / "model.safetensors", {"format": "pt"})
    text = read_config(folder)
    whole = {"model_type": "qwen3_5", "text_config": text, "tie_word_embeddings": text["tie_word_embeddings"]}
    (tmp_path / "config.json").write_text(json.dumps(whole))
    model = with_head(tmp_path, backend)
    tokens = plain_tokens(PROMPT, 4)
    np.testing.assert_allclose(head_logits(model, tokens)[0], judge.logits(tokens)[0], atol=1e-4)
    model.close()


def _broken(folder: Path, target: Path, lacks: str = "", shortens: str = "") -> Path:
    tensors = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not lacks or lacks not in name}
    for name in kept:
        if shortens and shortens in name:
            kept[name] = kept[name][:-1].clone()
    target.mkdir()
    save_file(kept, target / "model.safetensors", {"format": "pt"})
    (target / "config.json").write_bytes((folder / "config.json").read_bytes())
    return target


@pytest.mark.parametrize("fault", ["missing", "misshapen"])
def test_a_broken_head_is_left_out_with_a_warning(fault: str, root: Path, tmp_path: Path, backend: Backend) -> None:
    for family, name in (("qwen3_5_text", "mtp.layers.0.self_attn.k_proj"), ("glm4_moe", "layers.3.eh_proj")):
        folder, _ = _made(family, root)
        target = tmp_path / family
        _broken(folder, target, **{"lacks" if fault == "missing" else "shortens": name})
        with pytest.warns(DraftWarning, match=f"(?s)without it: .*{name.replace('.', '[.]')}.*Answers are the same"):
            model = with_head(target, backend)
        assert model.draft_head is None
        tokens = plain_tokens(PROMPT, 4)
        plain = load(folder, backend)
        np.testing.assert_array_equal(prompt_logits(model, [tokens])[0], prompt_logits(plain, [tokens])[0])
        plain.close()
        model.close()


def test_a_head_in_a_file_of_its_own_is_the_same(root: Path, tmp_path: Path, backend: Backend) -> None:
    folder, tokens = _made("qwen3_5_text", root)[0], plain_tokens(PROMPT, 4)
    tensors = load_file(folder / "model.safetensors")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    for name, is_head in (("model.safetensors", False), ("mtp.safetensors", True)):
        own = {key: each for key, each in tensors.items() if key.startswith("mtp.") == is_head}
        save_file(own, tmp_path / name, {"format": "pt"})
    logits = []
    for place in (folder, tmp_path):
        model = with_head(place, backend)
        logits.append(head_logits(model, tokens)[0])
        model.close()
    np.testing.assert_array_equal(*logits)


def test_files_without_a_head_are_no_news(root: Path, tmp_path: Path, backend: Backend) -> None:
    for family, name in (("qwen3_5_text", "mtp."), ("glm4_moe", "layers.3.")):
        target = _broken(_made(family, root)[0], tmp_path / family, lacks=name)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = with_head(target, backend)
        assert model.draft_head is None
        model.close()


@pytest.mark.parametrize(
    ("said", "has"),
    [
        ({}, False),
        ({"num_nextn_predict_layers": 1}, True),
        ({"num_nextn_predict_layers": 1, "mtp_hybrid_override_pattern": "*E"}, True),
        ({"num_nextn_predict_layers": 1, "mtp_layers_block_type": ["attention", "moe"]}, True),
        ({"num_nextn_predict_layers": 1, "mtp_hybrid_override_pattern": "ME"}, False),
        ({"num_nextn_predict_layers": 1, "layers_block_type": ["attention", "mlp"]}, False),
    ],
    ids=str,
)
def test_the_parts_of_a_head_are_those_that_it_says(said: dict[str, Any], has: bool, root: Path) -> None:
    """Of Nemotron-H: one whose parts are others has none that is used."""
    config = read_config(_made("nemotron_h", root)[0])
    for key in ("num_nextn_predict_layers", "mtp_layers_block_type", "num_hidden_layers"):
        config.pop(key, None)
    assert (spec_from_config(config | said, draft_head=True).draft_head is not None) == has
