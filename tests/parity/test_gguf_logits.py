"""A tiny GGUF file of each architecture gives the logits of the checkpoint that it was made of, and in Q8_0 those of
the numbers that its blocks stand for, whose matrices stay packed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from causerie.backends.ops import Backend
from causerie.checkpoint.gguf.index import open_gguf
from causerie.errors import Unsupported
from causerie.loading.load import Survey, load_surveyed, survey
from causerie.loading.save import write_config, write_weights
from causerie.models.gguf.architecture import gguf_architectures, gguf_model
from causerie.models.model import Model
from causerie.plan.footprint import cache_sizer
from causerie.spec.weight import PLAIN_ROLES
from tests.parity.gguf_cases import GgufCase, save_gguf_case
from tests.parity.gguf_file import in_eight_bits, write_gguf
from tests.parity.gguf_recipe import Recipe, recipes
from tests.parity.harness import backend_or_none, load, plain_tokens, prompt_logits

pytestmark = pytest.mark.filterwarnings("ignore:.*(visual|vision).*left out:UserWarning")  # of the larger models
PROMPT = plain_tokens(30, 1)
REORDERED = "qwen35-whole"  # the value heads of a matrix of blocks take turns in its file
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Converted:
    """A checkpoint, and what a GGUF file has of it."""

    folder: Path
    recipe: Recipe
    tensors: dict[str, Float32]


@pytest.fixture(params=recipes(), scope="module")
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converted]:
    """By each recipe in turn."""
    recipe = Recipe.named(request.param)
    case = GgufCase(recipe.name, recipe.case, recipe.changes, recipe.first_files)
    folder = save_gguf_case(case, tmp_path_factory.mktemp("converted"))
    plain = {name: np.asarray(array, np.float32) for name, array in load_file(folder / "model.safetensors").items()}
    yield Converted(folder, recipe, dict(recipe.follow(plain)))


def test_it_has_the_logits_of_its_checkpoint(converted: Converted, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "model.gguf", converted.recipe.metadata, converted.tensors)
    expected = logits(load(converted.folder, backend("native"), dtype="float32"))
    ours = logits(loaded(file, "native"))
    np.testing.assert_allclose(ours, expected, atol=1e-5 * np.abs(expected).max())


def test_in_eight_bits_it_has_those_of_its_numbers(converted: Converted, tmp_path: Path) -> None:
    packed, numbers = in_eight_bits(converted.tensors)
    file = write_gguf(tmp_path / "packed.gguf", converted.recipe.metadata, packed)
    plain = write_gguf(tmp_path / "plain.gguf", converted.recipe.metadata, numbers)
    ours, expected = logits(loaded(file, "torch")), logits(loaded(plain, "torch"))
    np.testing.assert_allclose(ours, expected, atol=1e-4 * np.abs(expected).max())
    matrices = [source for source in surveyed(file).sources if source.weight.role not in (*PLAIN_ROLES, "convolution")]
    of_blocks = [source for source in matrices if packed[source.tensors[0]].dtype == np.uint8]
    assert [source.weight.name for source in of_blocks if source.format != "q8_0"] == []


def test_saved_and_loaded_again_it_is_the_same(converted: Converted, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "packed.gguf", converted.recipe.metadata, in_eight_bits(converted.tensors)[0])
    known, folder = surveyed(file).named_by_family(), tmp_path / "saved"
    folder.mkdir()
    with open_gguf(file) as index:
        if converted.recipe.name == REORDERED:
            with pytest.raises(Unsupported, match="reads its inputs in another order"):
                write_weights(known, index, folder / "model.safetensors")
            return
        write_weights(known, index, folder / "model.safetensors")
    write_config(known, known.config, folder / "config.json")
    saved = logits(load(folder, backend("torch"), dtype="float32"))
    np.testing.assert_array_equal(saved, logits(loaded(file, "torch")))


def test_no_architecture_is_without_a_recipe() -> None:
    alike = {"qwen3vlmoe", "nemotron_h"}  # whose files are read as those of qwen3moe and nemotron_h_moe
    assert {Recipe.named(name).metadata["general.architecture"] for name in recipes()} | alike == {
        *gguf_architectures()
    }


def backend(name: str) -> Backend:
    made = backend_or_none(name)
    assert made is not None
    return made


def surveyed(file: Path) -> Survey:
    with open_gguf(file) as index:
        return survey(index, gguf_model(index.metadata, index).config, dtype="float32")


def loaded(file: Path, name: str) -> Model:
    with open_gguf(file) as index:
        known = survey(index, gguf_model(index.metadata, index).config, dtype="float32")
        made = backend(name)
        return load_surveyed(known, index, backend=made, size_cache=cache_sizer(made.block_size, 10**9, 512))


def logits(model: Model) -> Float32:
    """Of a prompt; ends the model."""
    (each,) = prompt_logits(model, [PROMPT])
    model.close()
    return each
