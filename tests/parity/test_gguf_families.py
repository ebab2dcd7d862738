"""A tiny GGUF file of each architecture, made as llama.cpp's converter makes it, is the model that its checkpoint is:
the same decoder, and bit for bit the same weights."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from causerie.checkpoint.bfloat16 import widen
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.models.config import read_config
from causerie.models.gguf.architecture import GgufModel, gguf_model
from causerie.models.names import Names
from causerie.models.registry import family, spec_from_config
from causerie.models.rope import RopeTable
from causerie.spec.decoder import Decoder
from causerie.spec.rope import Rope
from tests.parity.gguf_cases import GgufCase, save_gguf_case
from tests.parity.gguf_recipe import Recipe, recipes

POSITIONS = np.array([0, 1, 2, 30, 90, 127], np.int32)
ROUNDING = 2e-7  # of a logarithm of what was a power
WITHOUT_ROTATIONS = Rope(1.0, 2, 1)
pytestmark = pytest.mark.filterwarnings("ignore:.*(visual|vision).*left out:UserWarning")


@dataclass(frozen=True)
class Twins:
    """A checkpoint and the GGUF file made of it."""

    spec: Decoder
    names: Names
    index: TensorIndex
    gguf: GgufModel
    gguf_spec: Decoder
    gguf_index: TensorIndex


@pytest.fixture(params=recipes(), scope="module")
def twins(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """Of each recipe in turn."""
    tmp_path = tmp_path_factory.mktemp("twins")
    recipe = Recipe.named(request.param)
    case = GgufCase(recipe.name, recipe.case, recipe.changes, recipe.first_files)
    folder = save_gguf_case(case, tmp_path / "model")
    plain = {name: np.asarray(array, np.float32) for name, array in load_file(folder / "model.safetensors").items()}
    write_safetensors(tmp_path / "gguf.safetensors", dict(recipe.follow(plain)))
    config = read_config(folder)
    spec = spec_from_config(config, draft_head=case.with_head)
    with SafetensorsIndex.open(folder) as index, SafetensorsIndex.open(tmp_path / "gguf.safetensors") as gguf_index:
        names = family(config).names(spec).within(frozenset(index.names()))
        model = gguf_model(recipe.metadata, gguf_index)
        gguf_spec = spec_from_config(model.config, draft_head=case.with_head)
        yield Twins(spec, names, index, model, gguf_spec, gguf_index)


def test_it_is_the_same_decoder(twins: Twins) -> None:
    ours, theirs = without_rotations(twins.gguf_spec), without_rotations(twins.spec)
    assert list(differences(ours, theirs)) == []


def test_heads_turn_alike(twins: Twins) -> None:
    for ours, theirs in zip(rotations(twins.gguf_spec), rotations(twins.spec), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_factors_that_are_always_alike_have_nothing_read_again(twins: Twins) -> None:
    both = [
        RopeTable([rope for mixer in spec.attending for rope in mixer.ropes]) for spec in (twins.gguf_spec, twins.spec)
    ]
    assert both[0].switch_length == both[1].switch_length and both[0].shared_length == both[1].shared_length


def test_it_has_the_same_weights(twins: Twins) -> None:
    names = twins.gguf.names(twins.gguf_spec)
    for weight in twins.gguf_spec.weights():
        expression = names.expression(weight.name)
        assert expression.shape(twins.gguf_index) == weight.shape, weight.name
        ours, theirs = numbers(names, weight.name, twins.gguf_index), numbers(twins.names, weight.name, twins.index)
        noise = ROUNDING if weight.role == "exact" else 0.0
        np.testing.assert_allclose(ours, theirs, rtol=noise, atol=noise, err_msg=weight.name)
        rows = slice(weight.shape[0] // 3, weight.shape[0] // 2 + 1)
        np.testing.assert_array_equal(numbers(names, weight.name, twins.gguf_index, rows), ours[rows])


def test_no_tensor_is_left(twins: Twins) -> None:
    names = twins.gguf.names(twins.gguf_spec)
    used = {tensor for weight in twins.gguf_spec.weights() for tensor in names.expression(weight.name).tensors}
    last, head = len(twins.gguf_spec.layers), twins.gguf_spec.draft_head
    blocks = tuple(f"blk.{last + number}." for number in range(0 if head is None else head.count))
    drafting = {tensor for tensor in twins.gguf.continued if tensor.startswith(blocks)}
    assert set(twins.gguf_index.names()) == used | twins.gguf.continued
    assert used & twins.gguf.continued == drafting


def numbers(names: Names, weight: str, index: TensorIndex, rows: slice = slice(None)) -> NDArray[np.float32]:
    """Those of a weight, by the first of the names that are there."""
    each = (arrangement.expression(weight) for arrangement in names.arrangements)
    expression = next(said for said in each if all(tensor in index for tensor in said.tensors))
    part = expression.read(index, rows)
    return widen(part) if expression.dtype(index) == "BF16" else np.asarray(part, np.float32)


def without_rotations(spec: Decoder) -> Decoder:
    """The same decoder, in which all that turns does so alike, of any family."""
    changed = replaced(spec, lambda value: WITHOUT_ROTATIONS if isinstance(value, Rope) else value)
    return replace(changed, family="")


def replaced(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same description with parts changed, wherever they stand."""
    value = change(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: replaced(getattr(value, each.name), change) for each in dataclasses.fields(value)}
        return replace(value, **parts)
    return tuple(replaced(each, change) for each in value) if isinstance(value, tuple) else value


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Where two descriptions differ, each with both values."""
    if type(ours) is type(theirs) and dataclasses.is_dataclass(ours):
        for each in dataclasses.fields(ours):
            yield from differences(getattr(ours, each.name), getattr(theirs, each.name), f"{path}.{each.name}")
    elif isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) == len(theirs):
        for i, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(*pair, f"{path}[{i}]")
    elif ours != theirs and not (isinstance(ours, float) and math.isclose(ours, theirs, rel_tol=1e-6)):
        yield f"{path}: {ours!r} for {theirs!r}"


def rotations(spec: Decoder) -> list[NDArray[np.float32]]:
    """Cosines and sines of each layer that turns, in short texts and in long ones."""
    ropes = [rope for mixer in spec.attending for rope in mixer.ropes]
    table = RopeTable(ropes)
    lengths = (POSITIONS + 1, np.full_like(POSITIONS, 128))
    return [rows for each in lengths for rows in table.rows(POSITIONS, each)]
