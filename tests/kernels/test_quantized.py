"""Quantized matrices in the kernels: the products of their reference values, and by `==` the same however they are run.

int8 and int4 matrices read activations in 8 bits: the oracle rounds them the same way.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from causerie.backends.native.abi import Op
from causerie.backends.native.program import number
from causerie.models.model import Model
from causerie.quant.encoders import ENCODERS, encoder_named
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Linear, Ops, Weights
from tests.kernels.decoders import (
    RUNNABLE,
    Array,
    Shape,
    build,
    logits_only,
    prompt_logits,
    random_weights,
    some_tokens,
    widened,
)

INTEGER = ("int8", "int6", "int5", "int4", "mxfp4")


def decoded(format: str, array: Array) -> Array:
    """The values that a matrix stands for once it is quantized."""
    encoder, rows = encoder_named(format), widened(array).astype(np.float32)
    arrays = encoder.encode(rows, encoder.constant([rows]))
    return encoder.format.decode(arrays, (rows.shape[0], rows.shape[1]))


def in_8_bits(x: Array, format: str) -> Array:
    """Activations as integer kernels read them: codes of the largest of each 128, beside more than 4 bits 64."""
    group = math.gcd(64 if format in ("int8", "int6", "int5") else 128, x.shape[-1])
    groups = x.astype(np.float32).reshape(*x.shape[:-1], -1, group)
    peak = np.abs(groups).max(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        codes = np.where(peak < 1e-30, 0, np.rint(groups * (np.float32(127) / peak)))
    return (codes * (peak / np.float32(127)).astype(np.float64)).reshape(x.shape)


def one_matrix(format: str, inputs: int, rows: int, seed: int = 0) -> tuple[Decoder, Any]:
    """A decoder that is one matrix [rows, inputs] over 37 tokens, whose embeddings are its inputs."""
    spec = replace(Shape(width=inputs, vocab=rows, tied=False).decoder(), layers=())
    draw = np.random.default_rng(seed)
    stored = {
        "embed": (draw.normal(0, 1, (rows, inputs)) * draw.lognormal(0, 1, (rows, 1))).astype(np.float32),
        "head": draw.standard_t(5, (rows, inputs)).astype(np.float32),
        "norm": draw.normal(0, 1, inputs).astype(np.float32),
    }
    return spec, stored


def head_only(ops: Ops, spec: Decoder, weights: Weights) -> Any:
    (out,) = ops.linear(ops.select(ops.embed(weights["embed"])), Linear(weights["head"]))
    return out


def built(format: str, spec: Decoder, stored: Any, **options: Any) -> Model:
    return build(spec, stored, quantized={"head": format}, forward=logits_only(head_only), **options)


@pytest.mark.parametrize("format", ENCODERS)
@pytest.mark.parametrize(("inputs", "rows"), [(32, 64), (96, 67), (320, 203), (4864, 130)])
def test_a_matrix_is_the_product_of_its_values(format: str, inputs: int, rows: int) -> None:
    spec, stored = one_matrix(format, inputs, rows)
    tokens = [int(token) for token in np.random.default_rng(1).permutation(rows)[:37]]
    (found,) = prompt_logits(built(format, spec, stored), [tokens])
    x = stored["embed"][tokens].astype(np.float64)
    if format in INTEGER:
        x = in_8_bits(x, format)
    weights = decoded(format, stored["head"]).astype(np.float64)
    expected = x @ weights.T
    size = np.abs(x) @ np.abs(weights).T  # what rounding errors are of the order of
    assert (np.abs(found - expected) <= 2e-6 * size).all()


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize(
    ("format", "inputs"), [*((each, 192) for each in ENCODERS), ("int8", 1024), ("int4", 2048)], ids=str
)
def test_a_bias_is_added_once(format: str, inputs: int, instruction_set: str) -> None:
    """Also where many tokens take the inputs in stretches, the last of which has one group."""
    spec, stored = one_matrix(format, inputs, inputs)
    stored["norm"] *= np.float32(100)  # it is as long as the result, and stands for a bias

    def forward(ops: Ops, spec: Decoder, weights: Weights) -> Any:
        return ops.linear(ops.select(ops.embed(weights["embed"])), Linear(weights["head"], weights["norm"]))[0]

    model, bare = (
        build(spec, stored, quantized={"head": format}, forward=logits_only(each), instruction_set=instruction_set)
        for each in (forward, head_only)
    )
    for tokens in ([5], range(3), range(6), range(37)):
        (found,), (without,) = (prompt_logits(each, [tokens]) for each in (model, bare))
        np.testing.assert_array_equal(found, without + stored["norm"])


@pytest.mark.parametrize("format", [each for each in ENCODERS if each not in INTEGER])
@pytest.mark.parametrize("inputs", [1, 7, 36, 101])
def test_formats_for_any_width(format: str, inputs: int) -> None:
    spec, stored = one_matrix(format, inputs, 70)
    (found,) = prompt_logits(built(format, spec, stored), [range(70)])
    expected = stored["embed"].astype(np.float64) @ decoded(format, stored["head"]).astype(np.float64).T
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize("format", ENCODERS)
def test_rows_of_a_quantized_table_are_its_values(format: str, instruction_set: str) -> None:
    spec, stored = one_matrix(format, 1120, 1120)

    def forward(ops: Ops, spec: Decoder, weights: Weights) -> Any:
        return ops.select(ops.embed(weights["embed"]))

    for tied in (True, False):
        spec = replace(spec, tied=tied)
        model = build(
            spec, stored, quantized={"embed": format}, forward=logits_only(forward), instruction_set=instruction_set
        )
        (found,) = prompt_logits(model, [range(0, 1120, 7)])
        np.testing.assert_array_equal(found, decoded(format, stored["embed"])[::7])


@pytest.fixture(scope="module", params=ENCODERS)
def format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def decoder(format: str, **options: Any) -> Model:
    shape = Shape(vocab=1000, width=160, hidden=1088, heads=5, kv_heads=1, head_dim=64, bias=True, layers=2)
    spec = shape.decoder()
    return build(spec, random_weights(spec, "bfloat16"), quantized={"": format}, cache="bfloat16", **options)


PROMPTS = [some_tokens(count, 1000, seed=count) for count in (101, 33, 1, 7, 13)]


@pytest.fixture(scope="module")
def alone(format: str) -> list[Array]:
    model = decoder(format)
    return [prompt_logits(model, [prompt])[0] for prompt in PROMPTS]


def same(found: list[Array], expected: list[Array]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("instruction_set", RUNNABLE)
def test_the_same_on_every_instruction_set(format: str, alone: list[Array], instruction_set: str) -> None:
    model = decoder(format, instruction_set=instruction_set)
    same(prompt_logits(model, PROMPTS), alone)
    same(prompt_logits(model, PROMPTS[2:], chunk=5), alone[2:])


def test_the_same_however_it_is_run(format: str, alone: list[Array]) -> None:
    for threads in (2, 3):
        model = decoder(format, threads=threads)
        for chunk in (1, 2, 3, 9, 48):
            same(prompt_logits(model, PROMPTS, chunk=chunk, table_seed=chunk), alone)


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize("rows", [64, 200])
@pytest.mark.parametrize("format", INTEGER)
def test_rows_in_any_number_are_each_as_alone(format: str, rows: int, instruction_set: str) -> None:
    """Of few panels, which int4 cuts into halves, and of more inputs than go at a time; whatever is left for the last
    tile and the last group of rows."""
    spec, stored = one_matrix(format, 3840, rows)
    model = built(format, spec, stored, threads=2, instruction_set=instruction_set, max_tokens=256)
    alone = np.concatenate([prompt_logits(model, [[token]])[0] for token in range(rows)])
    for count in (2, 3, 4, 5, 6, 7, 8, 9, 97, 98, 99, 100, 109, 110, 193, 200):
        for _ in range(20 if count < 10 else 2):
            (found,) = prompt_logits(model, [range(min(count, rows))])
            np.testing.assert_array_equal(found, alone[:count])


@pytest.mark.parametrize("format", INTEGER)
def test_activations_are_quantized_where_they_are_written(format: str) -> None:
    """Norms and gates give 8 bits at once; only what attention mixed is turned in a line of its own."""
    model = decoder(format)
    operations = model.executable.instructions["op"]  # type: ignore[attr-defined]
    assert (operations == number(Op.ROUND)).sum() == len(model.spec.layers)


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize("format", INTEGER)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_not_lost(format: str, instruction_set: str, bad: float) -> None:
    spec, stored = one_matrix(format, 64, 64)
    stored["embed"][3, 40] = bad
    (found,) = prompt_logits(built(format, spec, stored, instruction_set=instruction_set), [[2, 3, 4]])
    assert not np.isfinite(found[1]).any()
    assert np.isfinite(found[[0, 2]]).all()


@pytest.mark.parametrize("format", INTEGER)
def test_zeros_and_extremes(format: str) -> None:
    spec, stored = one_matrix(format, 128, 70)
    stored["embed"][0] = 0
    stored["embed"][1, :64] = 1e-35
    stored["embed"][2] = 3e30
    stored["embed"][3] = np.float32(2.0**-90)
    stored["head"][5] = 0
    stored["head"][6, 64:] = 0
    (found,) = prompt_logits(built(format, spec, stored), [range(8)])
    x = in_8_bits(stored["embed"][:8].astype(np.float64), format)
    expected = x @ decoded(format, stored["head"]).astype(np.float64).T
    assert (np.abs(found - expected) <= 1e-4 * np.abs(expected) + 1e-5 * np.abs(expected).max(1, keepdims=True)).all()
    assert (found[0] == 0).all()
    assert (found[:, 5] == 0).all()


@pytest.mark.parametrize("instruction_set", RUNNABLE)
@pytest.mark.parametrize("format", INTEGER)
def test_the_largest_sums(format: str, instruction_set: str) -> None:
    """Every activation at its limit, with and against weights that are all at theirs: nothing may run over."""
    spec, stored = one_matrix(format, 256, 70)
    signs = np.where(np.random.default_rng(2).random((4, 256)) < 0.5, -1, 1)
    stored["embed"][:8] = np.concatenate([np.ones((2, 256)), -np.ones((2, 256)), signs])
    for row, few in enumerate((0, 1, 16, 31, 32)):  # of each 32 inputs, so many below
        low = np.arange(256) % 32 < few
        stored["head"][2 * row] = np.where(low, -1, 1)
        stored["head"][2 * row + 1] = np.where(low, -3, 0.25)
    stored["head"][10:14] = signs
    stored["norm"][:] = 1
    model = built(format, spec, stored, instruction_set=instruction_set)
    for tokens in ([0], range(8)):
        (found,) = prompt_logits(model, [tokens])
        x = in_8_bits(stored["embed"][tokens].astype(np.float64), format)
        expected = x @ decoded(format, stored["head"]).astype(np.float64).T
        assert np.abs(found - expected).max() <= 2e-6 * np.abs(x).sum(1).max() * np.abs(stored["head"]).max()


def test_fewer_bits_are_fewer_bytes() -> None:
    spec, stored = one_matrix("int8", 896, 1024)
    bits = {}
    for format in ENCODERS:
        weights = built(format, spec, stored).executable._weights  # type: ignore[attr-defined]
        bits[format] = 8 * weights["head"].nbytes / (896 * 1024)
    assert bits["int8"] == 8.25
    assert 4.5 < bits["int4"] < 4.55
    assert 4.5 < bits["nf4"] < 4.51
    assert 8.0 < bits["bnb_int8"] < 8.04
