"""Gemma 3n: what its config means that says nothing, how its sizes may be said, what cannot be; the text model of the
larger checkpoint is the same, with keys in its files that nobody reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import ConfigError
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config
from causerie.plan.speed import step_work
from causerie.spec.layer_cache import Pages
from causerie.spec.mlp import MLP
from tests.parity.cases import PROMPT, TINY
from tests.parity.cases.gemma import GEMMA3N
from tests.parity.harness import load, prompt_logits, some_tokens

FolderOf = Callable[[str], Path]
CONFIG = {key: value for key, value in TINY.items() if value is not None} | GEMMA3N | {"model_type": "gemma3n_text"}
SILENT = {
    key: value
    for key, value in CONFIG.items()
    if key not in ("activation_sparsity_pattern", "layer_types", "num_kv_shared_layers", "intermediate_size")
}


def _mlps(config: dict[str, Any]) -> list[MLP]:
    return [layer.ffn for layer in spec_from_config(config).layers if isinstance(layer.ffn, MLP)]


def test_gates_are_cut_off_in_the_first_ten_layers_of_more() -> None:
    many = _mlps(SILENT | {"num_hidden_layers": 20, "intermediate_size": 88})
    assert [each.deviations is None for each in many] == [False] * 10 + [True] * 10
    assert many[0].deviations == pytest.approx(1.6448536)
    ten = SILENT | {"num_hidden_layers": 10, "num_kv_shared_layers": 5, "intermediate_size": 88}
    assert {each.deviations for each in _mlps(ten)} == {None}
    assert [each.deviations for each in _mlps(CONFIG)] == pytest.approx([0.8416212, -0.5244005, None, 0.2533471, None])


def test_one_size_stands_for_all_layers() -> None:
    assert [each.hidden for each in _mlps(CONFIG)] == [88, 72, 88, 96, 88]
    assert [each.hidden for each in _mlps(CONFIG | {"intermediate_size": 72})] == [72] * 5


def test_the_last_layers_read_the_keys_of_the_last_ones_of_their_kind() -> None:
    kept = [layer.mixer.cache for layer in spec_from_config(CONFIG).layers]
    assert [each.of for each in kept if isinstance(each, Pages)] == [None, None, None, 1, 2]
    twenty = SILENT | {"num_hidden_layers": 20, "intermediate_size": 88}
    kept = [layer.mixer.cache for layer in spec_from_config(twenty).layers]
    assert [each.of for each in kept if isinstance(each, Pages)] == [None] * 5 + [*[3] * 4, 4] * 3


def test_older_spellings_mean_the_same() -> None:
    older = CONFIG | {"rope_theta": 2e6, "rope_scaling": {"type": "linear", "factor": 8.0}, "rope_local_base_freq": 5e3}
    full = {"rope_type": "linear", "factor": 8.0, "rope_theta": 2e6}
    newer = {"full_attention": full, "sliding_attention": {"rope_type": "default", "rope_theta": 5e3}}
    assert spec_from_config(older) == spec_from_config(CONFIG | {"rope_parameters": newer})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"altup_active_idx": 1}, "altup_active_idx"),
        ({"altup_correct_scale": False}, "altup_correct_scale"),
        ({"altup_num_inputs": 1}, "altup_num_inputs"),
        ({"activation_sparsity_pattern": [0.5] * 4}, "activation_sparsity_pattern.*list of 5"),
        ({"activation_sparsity_pattern": [1.0] * 5}, "activation_sparsity_pattern.*less than 1"),
        ({"intermediate_size": [88] * 4}, "intermediate_size.*list of 5"),
        ({"intermediate_size": [88, 88, 88, 88, 0]}, "intermediate_size.*whole number"),
        ({"num_kv_shared_layers": 4}, "num_kv_shared_layers"),
        ({"num_kv_shared_layers": 5}, "num_kv_shared_layers"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        spec_from_config(CONFIG | changes)


def test_every_matrix_is_counted_as_work() -> None:
    spec = spec_from_config(CONFIG)
    work = step_work(spec, 0, ("float32", "float32"), rows=1, depth=0, sequences=1, outputs=1)
    kinds = ("attention", "feed-forward", "router", "embedding")
    matrices = sum(each.parameters for each in spec.weights() if each.role in kinds)
    mixing = (3**2 + 3) * 64 - (3**3 + 3**2)  # of streams: in the place of the matrices that give their factors
    routing = 3 * 64  # once more than the matrix is there
    pairs = 2 * 4 * 12  # of a token with itself
    assert work.operations["float32"] == 2 * (matrices + 5 * (mixing + routing + pairs))


def test_the_text_model_of_a_larger_checkpoint(backend: Backend, folder_of: FolderOf, tmp_path: Path) -> None:
    """As it is published: inside of another model, and with keys and values where layers read those of others."""
    folder = tmp_path / "model"
    shutil.copytree(folder_of("gemma3n"), folder)
    with SafetensorsIndex.open(folder) as index:
        tensors = {name.replace("model.", "model.language_model.", 1): index.read(name) for name in index.names()}
    for name in ("k_proj", "v_proj", "k_norm"):
        for i in (3, 4):
            place = f"model.language_model.layers.{{}}.self_attn.{name}.weight"
            tensors[place.format(i)] = np.full_like(tensors[place.format(i - 2)], np.nan)
    tensors["model.audio_tower.conformer.0.norm.weight"] = np.zeros(4, np.float32)
    tensors["model.vision_tower.timm_model.conv_stem.conv.weight"] = np.zeros((4, 3, 3, 3), np.float32)
    write_safetensors(folder / "model.safetensors", tensors)
    whole = {"model_type": "gemma3n", "architectures": ["Gemma3nForConditionalGeneration"], "image_token_id": 130}
    whole |= {"audio_soft_tokens_per_image": 188, "vision_config": {"model_type": "gemma3n_vision"}}
    (folder / "config.json").write_text(json.dumps(whole | {"text_config": read_config(folder)}))
    prompt = some_tokens(PROMPT, 1)
    with pytest.warns(UserWarning, match=r"audio_tower.*vision_tower.*left out"):
        model = load(folder, backend)
    expected = prompt_logits(load(folder_of("gemma3n"), backend), [prompt])[0]
    np.testing.assert_array_equal(prompt_logits(model, [prompt])[0], expected)
    assert max(prompt) >= GEMMA3N["vocab_size_per_layer_input"]  # a token that has no further inputs of its own
