"""A GGUF file that holds the head to guess tokens with guesses what the checkpoint does that it was made of, and
answers as it does without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from causerie import AutoModelForCausalLM
from causerie.backends.ops import Backend
from causerie.checkpoint.gguf.index import open_gguf
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.engine.speculation.controller import Controller
from causerie.loading.load import load_surveyed, survey
from causerie.models.config import read_config
from causerie.models.gguf.architecture import gguf_model
from causerie.models.model import Model
from causerie.plan.footprint import cache_sizer
from tests.engine.scripted import Eager
from tests.parity.draft_heads import head_logits
from tests.parity.gguf_cases import GgufCase, save_gguf_case
from tests.parity.gguf_file import in_eight_bits, write_gguf
from tests.parity.gguf_recipe import Recipe, recipes
from tests.parity.harness import backend_or_none, plain_tokens

PROMPT = plain_tokens(41, 4)
WITH_HEADS = [name for name in recipes() if name.endswith("-head")]


@dataclass(frozen=True)
class Converted:
    """A checkpoint with a head, and what a GGUF file has of it."""

    folder: Path
    recipe: Recipe
    tensors: dict[str, NDArray[np.float32]]


@pytest.fixture(params=WITH_HEADS, scope="module")
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converted]:
    """By each recipe in turn."""
    yield of_recipe(request.param, tmp_path_factory.mktemp("converted"))


def of_recipe(name: str, folder: Path) -> Converted:
    """By the recipe of that name."""
    recipe = Recipe.named(name)
    save_gguf_case(GgufCase(recipe.name, recipe.case, recipe.changes, recipe.first_files), folder)
    plain = {name: np.asarray(array, np.float32) for name, array in load_file(folder / "model.safetensors").items()}
    return Converted(folder, recipe, dict(recipe.follow(plain)))


def test_it_guesses_as_its_checkpoint(converted: Converted, backend: Backend, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "model.gguf", converted.recipe.metadata, converted.tensors)
    with SafetensorsIndex.open(converted.folder) as index:
        expected = guesses(loaded(index, read_config(converted.folder), backend))
    ours = of_file(file, backend)
    np.testing.assert_allclose(ours, expected, atol=1e-5 * np.abs(expected).max())
    assert np.abs(expected - np.roll(expected, 1, 0)).max() > 1


def test_in_eight_bits_it_guesses_by_its_numbers(converted: Converted, tmp_path: Path) -> None:
    packed, numbers = in_eight_bits(converted.tensors)
    plain = write_gguf(tmp_path / "plain.gguf", converted.recipe.metadata, numbers)
    file = write_gguf(tmp_path / "packed.gguf", converted.recipe.metadata, packed)
    ours, expected = (of_file(each, backend_or_none("torch")) for each in (file, plain))
    np.testing.assert_allclose(ours, expected, atol=1e-4 * np.abs(expected).max())


def test_its_answers_are_those_without(converted: Converted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("turn", "depths", "survivals", "pause", "spends", "prospect"):
        monkeypatch.setattr(Controller, name, getattr(Eager, name))
    file = write_gguf(tmp_path / "model.gguf", converted.recipe.metadata, in_eight_bits(converted.tensors)[0])
    with AutoModelForCausalLM.from_pretrained(file, threads=1, progress=False) as model:
        flags: dict[str, Any] = {"max_new_tokens": 16, "num_assistant_tokens": 4}
        plain = model.generate([PROMPT], speculation="off", **flags)
        assert model.generate([PROMPT], speculation="mtp", **flags) == plain
        assert {count.drafter: count.drafted for count in model.engine_stats().drafts}["mtp"] > 15


def of_file(file: Path, backend: Backend | None) -> NDArray[np.float32]:
    """What the head of a file guesses."""
    assert backend is not None
    with open_gguf(file) as index:
        return guesses(loaded(index, gguf_model(index.metadata, index).config, backend))


def loaded(index: TensorIndex, config: Mapping[str, Any], backend: Backend) -> Model:
    """With its head."""
    surveyed = survey(index, config, dtype="float32", draft_head=True)
    return load_surveyed(surveyed, index, backend=backend, size_cache=cache_sizer(backend.block_size, 10**9, 512))


def guesses(model: Model) -> NDArray[np.float32]:
    """Logits of the head for a prompt; ends the model."""
    logits = head_logits(model, PROMPT)[0]
    model.close()
    return logits
