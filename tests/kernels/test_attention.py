"""Attention over long sequences: chunks of positions apart and in a row, rows in groups, every format of the cache."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from causerie.backends.native.program import ATTENDING, CHUNK
from causerie.models.model import Model
from tests.kernels.decoders import (
    BLOCKS,
    RUNNABLE,
    Array,
    Shape,
    build,
    make_step,
    prompt_logits,
    random_weights,
    some_tokens,
)
from tests.kernels.reference import reference_logits

SHAPES = {
    "grouped": Shape(heads=14, kv_heads=2, head_dim=64, width=64, hidden=64, layers=1),
    "windowed": Shape(heads=6, kv_heads=6, head_dim=20, window=300, layers=1),
    "small-window": Shape(heads=9, kv_heads=1, head_dim=34, window=7, layers=1),
    "slopes": Shape(heads=6, kv_heads=3, head_dim=20, slopes=True, turns=False, layers=1),
    "capped": Shape(heads=6, kv_heads=2, head_dim=34, window=300, layers=1, mixer={"softcap": 1.0}),
    "narrow-values": Shape(heads=6, kv_heads=2, head_dim=48, layers=1, mixer={"own_value_dim": 20}),
    "wide-values": Shape(heads=6, kv_heads=3, head_dim=18, window=300, layers=1, mixer={"own_value_dim": 70}),
    "many-heads": Shape(heads=40, kv_heads=2, head_dim=18, layers=1),
}
CACHES = ("float32", "float16", "bfloat16", "int8")
LENGTH = 600


def model_of(shape: Shape, cache: str, **options: Any) -> Model:
    spec = shape.decoder()
    return build(spec, random_weights(spec), cache=cache, **options)


def notes(model: Model) -> Array:
    """How the attention of its last step was shared out."""
    attending: Array = model.executable._attending[: ATTENDING.itemsize].view(ATTENDING)  # type: ignore[attr-defined]
    return attending


def apart(model: Model, room: int) -> Model:
    """The model with room for the sums of so many rows and chunks."""
    notes(model)["room"] = room
    return model


@pytest.fixture(scope="module", params=[(name, cache) for name in SHAPES for cache in CACHES], ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[Shape, str]:
    return SHAPES[request.param[0]], request.param[1]


@pytest.fixture(scope="module")
def prompt(case: tuple[Shape, str]) -> list[int]:
    return some_tokens(LENGTH, case[0].vocab, seed=5)


@pytest.fixture(scope="module")
def whole(case: tuple[Shape, str], prompt: list[int]) -> Array:
    (logits,) = prompt_logits(model_of(*case), [prompt], chunk=200)
    return logits


def test_chunks_apart_and_in_a_row(case: tuple[Shape, str], prompt: list[int], whole: Array) -> None:
    for room in (0, 10**6):
        model = apart(model_of(*case, threads=3), room)
        (logits,) = prompt_logits(model, [prompt], chunk=200)
        np.testing.assert_array_equal(logits, whole)
        assert bool(notes(model)["split"]) is (room > 0)


def test_token_by_token_beside_others(case: tuple[Shape, str], prompt: list[int], whole: Array) -> None:
    """Decoding at every place around the ends of blocks and chunks, with a sequence of another length beside it."""
    model = model_of(*case, threads=2)
    table, other = list(range(0, 38, 2)), list(range(1, 38, 2))
    at = 0
    for stop in (30, 34, 250, 254, 255, 256, 257, 258, 261, 270, 286, 290, 510, 511, 512, 513, 520, 576, LENGTH):
        work = [(prompt[at:stop], at, table), (prompt[:7], 0, other)]
        logits = model.run(make_step(work if at % 2 else work[::-1])).logits
        found = logits[: stop - at] if at % 2 else logits[7:]
        np.testing.assert_array_equal(found, whole[at:stop])
        at = stop


@pytest.mark.parametrize("instruction_set", RUNNABLE)
def test_every_instruction_set(case: tuple[Shape, str], prompt: list[int], whole: Array, instruction_set: str) -> None:
    model = model_of(*case, instruction_set=instruction_set)
    short = prompt[: CHUNK + 40]
    (logits,) = prompt_logits(model, [short], chunk=CHUNK - 3)
    np.testing.assert_array_equal(logits, whole[: len(short)])


def test_blocks_held_nothing_but_not_a_numbers(case: tuple[Shape, str], prompt: list[int], whole: Array) -> None:
    model = model_of(*case)
    arena = model.executable._caches._arena._bytes  # type: ignore[attr-defined]
    arena[:] = 0xFF
    (logits,) = prompt_logits(model, [prompt], chunk=97)
    np.testing.assert_array_equal(logits, whole)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(
    ("cache", "tolerance"), [("float32", 1e-5), ("float16", 1e-3), ("bfloat16", 1e-2), ("int8", 3e-4)]
)
def test_is_the_formula(name: str, cache: str, tolerance: float) -> None:
    """int8 against the formula over the same quantized keys and values, but for the few that another rounding of the
    layer below puts on the other side of a half."""
    spec = SHAPES[name].decoder()
    stored = random_weights(spec)
    tokens = some_tokens(LENGTH, spec.vocab, seed=5)
    expected = reference_logits(spec, stored, tokens, int8_cache=cache == "int8")
    (logits,) = prompt_logits(build(spec, stored, cache=cache), [tokens], chunk=200)
    assert np.sqrt(((logits - expected) ** 2).mean()) < tolerance * expected.std()


@pytest.mark.parametrize("name", SHAPES)
def test_int8_is_near_the_exact_cache(name: str) -> None:
    spec = SHAPES[name].decoder()
    stored = random_weights(spec)
    tokens = some_tokens(LENGTH, spec.vocab, seed=5)
    expected = reference_logits(spec, stored, tokens)
    (logits,) = prompt_logits(build(spec, stored, cache="int8"), [tokens], chunk=200)
    assert np.sqrt(((logits - expected) ** 2).mean()) < 0.02 * expected.std()


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize("name", SHAPES)
def test_int8_gives_the_only_value_there_is_back(name: str, instruction_set: str) -> None:
    """Of a first token attention has no choice: what it gives is the value's bytes times their scale."""
    spec = SHAPES[name].decoder()
    stored = random_weights(spec)
    model = build(spec, stored, cache="int8", instruction_set=instruction_set)
    for token in range(5):
        expected = reference_logits(spec, stored, [token], int8_cache=True)
        (logits,) = prompt_logits(model, [[token]])
        assert np.abs(logits - expected).max() < 4e-6 * expected.std()


@pytest.mark.parametrize("instruction_set", RUNNABLE)
def test_scores_may_tower_over_those_of_an_earlier_chunk(instruction_set: str) -> None:
    """By so much that exp(the difference) is no float32: sums of chunks are brought to the larger of their maxima."""
    spec = SHAPES["grouped"].decoder()
    stored = random_weights(spec)
    stored["layers.0.mixer.q"] *= np.float32(200)
    tokens = some_tokens(LENGTH, spec.vocab, seed=5)
    expected = reference_logits(spec, stored, tokens)
    (logits,) = prompt_logits(build(spec, stored, instruction_set=instruction_set), [tokens], chunk=200)
    assert np.sqrt(((logits - expected) ** 2).mean()) < 0.002 * expected.std()


def test_rows_beyond_the_room_for_sums() -> None:
    """A step whose rows look back over more chunks than there is room for runs them in a row."""
    model = apart(model_of(SHAPES["grouped"], "int8"), 3)
    prompt = some_tokens(LENGTH, model.vocab, seed=5)
    (logits,) = prompt_logits(model, [prompt], chunk=1)
    (expected,) = prompt_logits(model_of(SHAPES["grouped"], "int8"), [prompt], chunk=200)
    np.testing.assert_array_equal(logits, expected)
    assert BLOCKS * 32 > LENGTH
