"""Attention to latents on the native backend: the formula of the paper, and by `==` that a row depends on
its own sequence alone, in every format of the cache and of the matrices that go head by head."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from causerie.backends.native.program import ATTENDING, CHUNK
from causerie.errors import ConfigError, Unsupported
from causerie.models.model import Model
from causerie.quant.encoders import ENCODERS, encoder_named
from causerie.quant.formats import QUANTIZED
from causerie.spec.latent import LatentAttention
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope
from tests.kernels.decoders import (
    RUNNABLE,
    Array,
    Shape,
    build,
    make_step,
    prompt_logits,
    random_weights,
    some_tokens,
    widened,
)
from tests.kernels.reference import reference_logits


def latents(heads: int, rank: int, plain: int, turning: int, values: int, layers: int = 2, **fields: Any) -> Shape:
    """A decoder of two layers, or one, that attend to latents."""
    rope, scale = Rope(10000.0, turning, 4096), (plain + turning) ** -0.5
    mixer = LatentAttention(heads, rank, plain, values, scale, rope, Norm(1e-6), **fields)
    return Shape(width=64, hidden=72, layers=layers, block={"mixer": mixer})


SHAPES = {
    "released": latents(3, 512, 128, 64, 128, layers=1),
    "uneven": latents(5, 42, 22, 12, 18, query_rank=38, bias=True),
    "many-heads": latents(21, 64, 16, 8, 24, query_rank=40),
}
CACHES = ("float32", "float16", "bfloat16")
LENGTH = 600


def model_of(shape: Shape, cache: str, **options: Any) -> Model:
    spec = shape.decoder()
    return build(spec, random_weights(spec), cache=cache, **options)


def apart(model: Model, room: int) -> Model:
    """The model with room for the sums of so many rows and chunks."""
    model.executable._attending[: ATTENDING.itemsize].view(ATTENDING)["room"] = room  # type: ignore[attr-defined]
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


def test_is_the_formula(case: tuple[Shape, str], prompt: list[int], whole: Array) -> None:
    spec = case[0].decoder()
    expected = reference_logits(spec, random_weights(spec), prompt)
    tolerance = {"float32": 1e-5, "float16": 3e-3, "bfloat16": 2e-2}[case[1]]
    assert np.sqrt(((whole - expected) ** 2).mean()) < tolerance * expected.std()


def test_chunks_apart_and_in_a_row(case: tuple[Shape, str], prompt: list[int], whole: Array) -> None:
    for room in (0, 3, 10**4):
        (logits,) = prompt_logits(apart(model_of(*case, threads=3), min(room, _room(case))), [prompt], chunk=200)
        np.testing.assert_array_equal(logits, whole)


def _room(case: tuple[Shape, str]) -> int:
    """What there is memory for."""
    model = model_of(*case)
    return int(model.executable._attending[: ATTENDING.itemsize].view(ATTENDING)["room"][0])  # type: ignore[attr-defined]


def test_token_by_token_beside_others(case: tuple[Shape, str], prompt: list[int], whole: Array) -> None:
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
    short = prompt[: CHUNK + 40]
    (logits,) = prompt_logits(model_of(*case, instruction_set=instruction_set), [short], chunk=CHUNK - 3)
    np.testing.assert_array_equal(logits, whole[: len(short)])


def test_blocks_held_nothing_but_not_a_numbers(case: tuple[Shape, str], prompt: list[int], whole: Array) -> None:
    model = model_of(*case)
    arena = model.executable._caches._arena._bytes  # type: ignore[attr-defined]
    arena[:] = 0xFF
    (logits,) = prompt_logits(model, [prompt], chunk=97)
    np.testing.assert_array_equal(logits, whole)


WIDE = latents(5, 96, 32, 12, 64, query_rank=64)
PROMPTS = [some_tokens(count, 203, seed=count) for count in (70, 33, 1, 7)]
MIXED = {"layers.0.mixer.keys.1": "int8", "layers.0.mixer.keys.3": "nf4", "layers.1.mixer.values.2": "int4"}
FORMATS: dict[str, dict[str, str]] = {name: {"": name} for name in ENCODERS} | {"plain": {}, "mixed": MIXED}


def _wide(format: str, **options: Any) -> Model:
    spec = WIDE.decoder()
    others = {each.name: "bfloat16" for each in spec.weights() if len(each.shape) == 2 and ".mixer." not in each.name}
    return build(
        spec, random_weights(spec, "bfloat16"), quantized=FORMATS[format] | others, cache="bfloat16", **options
    )


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_however_matrices_of_heads_are_held(format: str) -> None:
    """And it is what the formula gives for the numbers that are held: each matrix reads its own piece of a row."""
    model = _wide(format)
    alone = [prompt_logits(model, [prompt])[0] for prompt in PROMPTS]
    runs = [{"threads": 2}, {"threads": 3, "packing": "lossless"}, *({"instruction_set": each} for each in RUNNABLE)]
    for options in runs:
        for chunk in (5, 999):
            found = prompt_logits(_wide(format, **options), PROMPTS, chunk=chunk, table_seed=chunk)
            for one, other in zip(found, alone, strict=True):
                np.testing.assert_array_equal(one, other)
    spec = WIDE.decoder()
    expected = reference_logits(spec, _as_held(random_weights(spec, "bfloat16"), FORMATS[format]), PROMPTS[0])
    assert (
        np.sqrt(((alone[0] - expected) ** 2).mean()) < 0.1 * expected.std()
    )  # of 4 bits with inputs in 8; of others less


def _as_held(stored: dict[str, Array], formats: dict[str, str]) -> dict[str, Array]:
    """The weights of mixers as their formats give them back."""
    held = dict(stored)
    for name, array in stored.items():
        format = formats.get(name, formats.get("", ""))
        if format and ".mixer." in name and array.ndim == 2:
            encoder, rows = encoder_named(format), widened(array).astype(np.float32)
            arrays = encoder.encode(rows, encoder.constant([rows]))
            held[name] = QUANTIZED[format].decode(arrays, rows.shape)
    return held


def test_latents_are_kept_once() -> None:
    blocks = [model_of(SHAPES["released"], cache).executable._caches.layers["block_bytes"] for cache in CACHES]  # type: ignore[attr-defined]
    assert [set(each) for each in blocks] == [{32 * 576 * 4}, {32 * 576 * 2}, {32 * 576 * 2}]
    with pytest.raises(Unsupported, match="latents are not kept in int8"):
        model_of(SHAPES["released"], "int8")


@pytest.mark.parametrize("shape", [latents(2, 514, 16, 64, 8), latents(2, 33, 16, 8, 8), latents(2, 32, 15, 8, 8)])
def test_latents_that_kernels_cannot_hold_are_refused(shape: Shape) -> None:
    with pytest.raises(ConfigError, match=r"576 kept elements.*backend='torch'"):
        model_of(shape, "float32")
