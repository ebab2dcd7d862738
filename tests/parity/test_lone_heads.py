"""A head in a GGUF file of its own guesses as it does inside of the model's file, on each backend, and one of another
model is refused with a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.backends.ops import Backend
from causerie.checkpoint.gguf.index import open_gguf
from causerie.engine.assistant.draft_model import cache_for
from causerie.errors import CauserieError, UsageError, WeightFileError
from causerie.loading.load import load_surveyed, survey
from causerie.loading.lone_heads import load_lone_heads, survey_lone_heads
from causerie.models.config import read_config
from causerie.models.gguf.architecture import gguf_model
from causerie.models.model import Model
from causerie.models.registry import spec_from_config
from causerie.plan.footprint import cache_sizer
from tests.parity.draft_heads import head_logits, logits_of_head
from tests.parity.gguf_file import in_eight_bits, write_gguf
from tests.parity.harness import plain_tokens
from tests.parity.test_gguf_heads import WITH_HEADS, Converted, of_recipe

PROMPT = plain_tokens(41, 4)
Tensors = Mapping[str, NDArray[Any]]
_SHARED = ("token_embd.", "output")


@pytest.fixture(params=WITH_HEADS, scope="module")
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Converted]:
    """By each recipe in turn."""
    yield of_recipe(request.param, tmp_path_factory.mktemp("converted"))


@pytest.fixture(scope="module")
def glm(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """One of them."""
    return of_recipe("glm4moe-head", tmp_path_factory.mktemp("glm"))


def apart(folder: Path, metadata: Mapping[str, Any], tensors: Tensors) -> tuple[Path, Path, Path]:
    """A file with all, and two files in its place as llama.cpp's converter writes them: a model without its head, and
    the head with what it shares with the model."""
    prefix = metadata["general.architecture"] + "."
    drafting, count = metadata[prefix + "nextn_predict_layers"], metadata[prefix + "block_count"]
    last = count - drafting
    behind = tuple(f"blk.{last + i}." for i in range(drafting))
    trunk = {name: each[:last] if _of_blocks(each, count) else each for name, each in metadata.items()}
    del trunk[prefix + "nextn_predict_layers"]
    trunk[prefix + "block_count"] = last
    return (
        write_gguf(folder / "whole.gguf", metadata, tensors),
        write_gguf(
            folder / "Tiny-4B-Q8_0.gguf",
            trunk,
            {name: each for name, each in tensors.items() if not name.startswith(behind)},
        ),
        write_gguf(
            folder / "mtp-Tiny-F32.gguf",
            metadata,
            {name: each for name, each in tensors.items() if name.startswith((*behind, *_SHARED))},
        ),
    )


def _of_blocks(value: Any, count: int) -> bool:
    return isinstance(value, list) and len(value) == count


def loaded(file: Path, backend: Backend, dtype: str) -> Model:
    """With the head that it holds."""
    with open_gguf(file) as index:
        surveyed = survey(index, gguf_model(index.metadata, index).config, dtype=dtype, draft_head=True)
        return load_surveyed(surveyed, index, backend=backend, size_cache=cache_sizer(backend.block_size, 10**9, 512))


def guesses(model: Model) -> list[NDArray[np.float32]]:
    """Logits of the first head, for a prompt and for its own further guesses, and of each other one."""
    logits, further = head_logits(model, PROMPT)
    others = [logits_of_head(model, PROMPT, 1 + number) for number in range(len(model.further_heads))]
    return [logits, *further, *others]


def given(model: Model, file: Path, backend: Backend, dtype: str) -> None:
    """Gives a model the heads of a file."""
    with open_gguf(file) as index:
        heads = survey_lone_heads(index, model.spec, dtype)
        cache = cache_for(model.cache, heads.one, model.cache.dtype)
        first, *further = load_lone_heads(heads, index, backend=backend, target=model, cache=cache)
    model.guests.clear()  # it is closed as the model's own then
    model.draft_head, model.further_heads = first, further


def test_it_guesses_as_inside_of_the_model(converted: Converted, backend: Backend, tmp_path: Path) -> None:
    """Packed where kernels read it so, of plain numbers on torch."""
    packed = backend.name == "native"
    dtype, tensors = ("auto", in_eight_bits(converted.tensors)[0]) if packed else ("float32", converted.tensors)
    whole, trunk, head = apart(tmp_path, converted.recipe.metadata, tensors)
    model = loaded(whole, backend, dtype)
    expected = guesses(model)
    model.close()
    model = loaded(trunk, backend, dtype)
    assert model.draft_head is None
    given(model, head, backend, dtype)
    ours = guesses(model)
    model.close()
    assert len(ours) == len(expected) and np.abs(expected[0] - np.roll(expected[0], 1, 0)).max() > 1
    for rows, others in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(rows, others)


@pytest.mark.parametrize(
    ("changes", "lacks", "fault", "said"),
    [
        ({"glm4moe.block_count": 5}, "", UsageError, "belongs behind 4 layers, and the model has 3"),
        ({}, "eh_proj", WeightFileError, r"The head is not whole. The files lack 'blk.3.nextn.eh_proj.weight'\."),
        ({}, "blk.3.", WeightFileError, "The head is not whole. The file holds nothing of it."),
        ({"glm4moe.embedding_length": 32}, "", CauserieError, "rows of 32 numbers, and the model's have 64"),
        ({"glm4moe.attention.head_count": 8}, "", WeightFileError, "not whole.*shape"),
        ({"general.architecture": "llama"}, "", CauserieError, "llama"),
    ],
    ids=["layers", "part", "nothing", "width", "heads", "architecture"],
)
def test_one_of_another_model_is_refused(
    glm: Converted, changes: dict[str, Any], lacks: str, fault: type[CauserieError], said: str, tmp_path: Path
) -> None:
    target = spec_from_config(read_config(glm.folder))
    place = f"blk.{changes.get('glm4moe.block_count', 4) - 1}."
    tensors = {name: each for name, each in glm.tensors.items() if not lacks or lacks not in name}
    own = {name: each for name, each in tensors.items() if name.startswith(("blk.3.", *_SHARED))}
    moved = {name.replace("blk.3.", place): each for name, each in own.items()}
    head = write_gguf(tmp_path / "mtp-other.gguf", glm.recipe.metadata | changes, moved)
    with open_gguf(head) as index, pytest.raises(fault, match=said):
        survey_lone_heads(index, target)


def test_it_guesses_for_a_model_in_safetensors_too(glm: Converted, tmp_path: Path) -> None:
    *_, head = apart(tmp_path, glm.recipe.metadata, glm.tensors)
    with open_gguf(head) as index:
        assert survey_lone_heads(index, spec_from_config(read_config(glm.folder))).count == 1


def test_it_is_no_model_by_itself(glm: Converted, tmp_path: Path) -> None:
    *_, head = apart(tmp_path, glm.recipe.metadata, glm.tensors)
    with open_gguf(head) as index, pytest.raises(UsageError, match=r"holds only the head of a model.*assistant_model"):
        survey(index, gguf_model(index.metadata, index).config)
