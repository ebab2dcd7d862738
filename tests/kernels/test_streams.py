"""Operations on streams of activations and on rows that are cut off, on both backends and any number of elements,
against the formulas; a table with fewer rows than there are tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from causerie.backends.torch.ops import TorchOps
from causerie.spec.decoder import Decoder
from causerie.spec.layer_input import LayerInput
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights
from tests.kernels.decoders import RUNNABLE, Array, Shape, build, logits_only, prompt_logits, random_weights

ROWS = 9


def native(instruction_set: str, tables: dict[str, Array], of: Callable[..., Value]) -> Array:
    """`of` over the native operations, of the rows of tables."""
    spec = replace(Shape(width=4, vocab=ROWS).decoder(), layers=())
    widths = {name: table.shape[1] for name, table in tables.items()}

    def forward(ops: Ops, spec: Decoder, weights: Weights) -> Any:
        whole, start, values = ops.embed(weights["embed"]), 0, {}
        for name, width in widths.items():
            values[name], start = ops.columns(whole, start, width), start + width
        return ops.select(of(ops, **values))

    spec = replace(spec, width=sum(widths.values()))
    stored = random_weights(spec) | {"embed": np.concatenate(list(tables.values()), 1).astype(np.float32)}
    model = build(spec, stored, forward=logits_only(forward), instruction_set=instruction_set)
    return prompt_logits(model, [range(ROWS)])[0]


def on_torch(tables: dict[str, Array], of: Callable[..., Value]) -> Array:
    """The same over those of torch, which need no step."""
    ops = TorchOps(None, None, {}, torch.float32)  # type: ignore[arg-type]
    values = {name: torch.tensor(table.astype(np.float32)) for name, table in tables.items()}
    return np.asarray(of(ops, **values).numpy())


@pytest.fixture(params=["torch", *RUNNABLE])
def results(request: pytest.FixtureRequest) -> Callable[..., Array]:
    """What an operation gives, there and on each instruction set."""
    return lambda tables, of: on_torch(tables, of) if request.param == "torch" else native(request.param, tables, of)


def drawn(**widths: int) -> dict[str, Array]:
    draw = np.random.default_rng(7)
    return {name: draw.normal(0.3, 1.0, (ROWS, width)) for name, width in widths.items()}


@pytest.mark.parametrize("piece", [5, 16, 601])
@pytest.mark.parametrize("own", [True, False], ids=["own", "none"])
@pytest.mark.parametrize("constants", [True, False], ids=["constants", "none"])
def test_blends(piece: int, own: bool, constants: bool, results: Callable[..., Array]) -> None:
    tables = drawn(x=3 * piece, y=2 * piece, factors=6)
    numbers = (0.5, -1.0, 0.0, 2.0, 1.0, -0.25) if constants else ()
    found = results(tables, lambda ops, x, y, factors: ops.blend(x, y, piece, factors if own else None, numbers))
    matrix = (tables["factors"] if own else 0.0) + (np.array(numbers) if constants else np.zeros(6))
    matrix = np.broadcast_to(matrix, (ROWS, 6)).reshape(ROWS, 3, 2)
    x, y = (tables[name].reshape(ROWS, -1, piece) for name in "xy")
    expected = x + np.einsum("nji,niw->njw", matrix, y)
    np.testing.assert_allclose(found, expected.reshape(ROWS, -1), atol=2e-6)


@pytest.mark.parametrize("width", [5, 16, 37])
def test_levels(width: int, results: Callable[..., Array]) -> None:
    tables = drawn(x=width, y=2 * width)
    tables["y"][0], tables["y"][1], tables["x"][2] = 0.0, tables["y"][1] * 1e-4, 0.0
    found = results(tables, lambda ops, x, y: ops.leveled(x, y, 1e-5))
    pieces = tables["y"].reshape(ROWS, 2, width)
    sizes = np.sqrt((tables["x"] ** 2).mean(-1))[:, None, None]
    made = pieces * sizes / np.sqrt(np.maximum((pieces**2).mean(-1, keepdims=True), 1e-5))
    np.testing.assert_allclose(found, np.concatenate([tables["x"], made.reshape(ROWS, -1)], 1), atol=2e-6)
    assert 0 < np.abs(made[1]).max() < 0.2  # it stays small


@pytest.mark.parametrize("deviations", [1.64, 0.0, -0.7])
@pytest.mark.parametrize("width", [5, 16, 1029])
def test_what_is_far_above_the_mean(deviations: float, width: int, results: Callable[..., Array]) -> None:
    tables = drawn(x=width)
    found = results(tables, lambda ops, x: ops.excess(x, deviations))
    x = tables["x"]
    bound = x.mean(-1, keepdims=True) + deviations * x.std(-1, keepdims=True)
    np.testing.assert_allclose(found, np.maximum(0, x - bound), atol=2e-6)


@pytest.mark.parametrize("quantized", [None, {"layer_inputs.table": "int8"}], ids=["plain", "int8"])
def test_tokens_without_a_row(quantized: dict[str, str] | None) -> None:
    """They are as the first one where a table is smaller than the vocabulary."""
    spec = Shape(width=64, layers=1, block={"input": LayerInput(70, 64, "silu", Norm(1e-3))}).decoder()
    stored = random_weights(spec, "bfloat16")
    for name in ("embed", "head"):
        if name in stored:
            stored[name][70:] = stored[name][0]
    model = build(spec, stored, quantized=quantized)
    logits = [prompt_logits(model, [[token, 5]])[0] for token in (0, 70, 202, 69)]
    np.testing.assert_array_equal(logits[1], logits[0])
    np.testing.assert_array_equal(logits[2], logits[0])
    assert np.abs(logits[3] - logits[0]).max() > 0.1
