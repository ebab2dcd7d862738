"""Taps, which tell how each layer reads the rows of a step and how the head does, and rows that come with a step beside
its tokens. What a tap tells is judged by states and by decoders of fewer layers; what else a step gives is the same
bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from causerie.errors import EngineError, Unsupported
from causerie.models.model import Model, TappedModel
from causerie.spec.alt_up import AltUp
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Ops, Value, Weights, linear_parts
from tests.kernels.decoders import Shape, build, logits_only, random_weights, some_tokens, step_on

EVEN = Shape(width=128, heads=4, kv_heads=2, head_dim=32, hidden=192, layers=3)
CASES: dict[str, tuple[Shape, dict[str, Any]]] = {
    "float32": (Shape(layers=3), {"format": "float32"}),
    "bfloat16": (Shape(qk_norm=True, layers=3), {}),
    "odd": (Shape(width=101, tied=False, bias=True, layers=3), {"format": "float32"}),
    "int8": (EVEN, {"quantized": {"": "int8"}, "threads": 2}),
    "experts": (Shape(experts=5, active=2, layers=3), {}),
    "delta rule": (Shape(delta=(2, 4, 16, 32, 4), layers=3), {}),
    "parallel": (Shape(parallel="one norm", layers=3), {}),
}
WORK = [(some_tokens(40, 203), 0, [0, 1]), ([7, 8, 9], 0, [3]), ([5], 0, [4])]
ROWS = 44


def made(case: str, layers: int = 3) -> Model:
    """The case's decoder, or its first layers."""
    shape, options = CASES[case]
    spec = shape.decoder()
    stored = random_weights(spec, "bfloat16")
    fewer = replace(spec, layers=spec.layers[:layers])
    return build(fewer, {each.name: stored[each.name] for each in fewer.weights()}, max_tokens=2 * ROWS, **options)


@pytest.mark.parametrize("case", CASES)
def test_a_tapped_step_gives_the_same_and_what_the_taps_tell(case: str) -> None:
    model = made(case)
    assert isinstance(model, TappedModel)
    plain = step_on(model, WORK, rows=[39, 42])
    plain = replace(plain, state_rows=np.arange(ROWS, dtype=np.int32))
    expected = model.run(plain)
    assert expected.taps is None and model.run(replace(plain, tapped=True)).taps is None
    for places, taps in (((2,), (2,)), ((0, 2), (0, 2)), ((3,), (0, 2, 3)), ((2, 1), (0, 1, 2, 3))):
        model.tap(places)
        assert model.taps == taps
        output = model.run(replace(plain, tapped=True))
        np.testing.assert_array_equal(output.logits, expected.logits)
        np.testing.assert_array_equal(output.states, expected.states)
        assert output.taps is not None and output.taps.shape == (ROWS, len(taps), model.spec.width)
        assert model.run(plain).taps is None
    np.testing.assert_array_equal(output.taps[:, 3], expected.states)  # as the head reads them
    for place in (1, 2):
        fewer = made(case, place)
        states = fewer.run(replace(step_on(fewer, WORK, rows=[]), state_rows=np.arange(ROWS, dtype=np.int32))).states
        rows = output.taps[:, place].astype(np.float64)
        normed = rows / np.sqrt((rows**2).mean(1, keepdims=True) + model.spec.norm.eps)
        weight = random_weights(model.spec, "bfloat16")["norm"].astype(np.uint32) << 16
        np.testing.assert_allclose(states, normed * weight.view(np.float32), rtol=2e-3, atol=2e-3)
        assert np.abs(rows).max() > 1.5 * np.abs(output.taps[:, 0]).max()
    model.close()


def test_choices_of_experts_are_counted_in_tapped_steps_too() -> None:
    model = made("experts")
    step = step_on(model, WORK, rows=[])
    model.run(step)
    counts = [each.sum() for each in model.expert_choices()]
    assert counts[0] == 2 * ROWS > counts[-1] == 0  # the last layer is computed where something is wanted
    model.tap((3,))
    model.run(replace(step, tapped=True))
    assert [each.sum() for each in model.expert_choices()] == [4 * ROWS, 4 * ROWS, 2 * ROWS]


def test_what_cannot_be_tapped_says_so() -> None:
    shape = Shape()
    spec = shape.decoder()
    model = build(spec, random_weights(spec))
    streams = replace(spec, layers=tuple(replace(layer, streams=AltUp(2, spec.norm, 96)) for layer in spec.layers))
    with pytest.raises(Unsupported, match="way of tokens"):
        replace(model, spec=streams).tap((1,))
    model.close()
    with pytest.raises(EngineError, match="closed"):
        model.tap((1,))


@pytest.mark.parametrize("format", ["float32", "bfloat16"])
def test_rows_that_come_with_a_step_are_read(format: str) -> None:
    """By a pass that multiplies them, and adds that to what the tokens give."""

    def rows(ops: Ops, spec: Decoder, weights: Weights) -> Value:
        (x,) = ops.linear(ops.features(spec.width), *linear_parts(weights, "", ["layers.0.mixer.o"]))
        x = ops.add(ops.embed(weights["embed"]), x)
        return ops.linear(ops.select(x), *linear_parts(weights, "", ["embed"]))[0]

    spec = replace(Shape(heads=4, head_dim=24).decoder(), layers=Shape(heads=4, head_dim=24).decoder().layers[:1])
    stored = random_weights(spec, format)
    model = build(spec, stored, forward=logits_only(rows), max_tokens=64)
    step = step_on(model, WORK, rows=[0, 41])
    features = np.random.default_rng(0).normal(size=(ROWS, spec.width)).astype(np.float32)
    output = model.run(replace(step, features=features))
    table, matrix = (
        each if each.dtype == np.float32 else (each.astype(np.uint32) << 16).view(np.float32)
        for each in (stored["embed"], stored["layers.0.mixer.o"])
    )
    expected = (table[step.tokens] + features @ matrix.T)[[0, 41]] @ table.T
    tolerance = 1e-4 if format == "float32" else 5e-2
    np.testing.assert_allclose(output.logits, expected, rtol=tolerance, atol=tolerance)
    for wrong in (None, features[:-1], features[:, 1:]):
        with pytest.raises(EngineError, match="come with rows of shape"):
            model.run(replace(step, features=wrong))
    plain = build(spec, stored)
    with pytest.raises(EngineError, match="come with rows of shape"):
        plain.run(replace(step, features=features))
