"""One pass with two exits: a step gives logits of some rows and hidden states of others, of both kinds the same bits as
alone. What the states are is transformers' to say: tests/parity/test_steps.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from causerie.backends.step import Step
from causerie.models.model import Model
from causerie.models.rope import RopeTable
from tests.kernels.decoders import Shape, build, random_weights, some_tokens, step_on

EVEN = Shape(width=128, heads=4, kv_heads=2, head_dim=32, hidden=192)
CASES: dict[str, tuple[Shape, dict[str, Any]]] = {
    "float32": (Shape(), {"format": "float32"}),
    "bfloat16": (Shape(qk_norm=True), {}),
    "odd": (Shape(width=101, tied=False, bias=True), {}),
    "int8": (EVEN, {"quantized": {"": "int8"}}),
    "int4": (replace(EVEN, tied=False), {"quantized": {"": "int4"}, "threads": 2}),
    "experts": (Shape(experts=5, active=2), {}),
    "convolutions": (Shape(taps=3, layers=3), {}),
    "no layers": (Shape(layers=0), {}),
}
WORK = [(some_tokens(40, 203), 0, [0, 1]), ([7, 8, 9], 0, [3]), ([5], 0, [4])]
ROWS = 44


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Model:
    shape, options = CASES[request.param]
    spec = shape.decoder()
    return build(spec, random_weights(spec, "bfloat16"), max_tokens=64, **options)


def wanting(model: Model, rows: Any, state_rows: Any) -> Step:
    return replace(step_on(model, WORK), rows=np.array(rows, np.int32), state_rows=np.array(state_rows, np.int32))


def test_rows_of_both_kinds_are_as_alone(model: Model) -> None:
    """A row may want both, one or neither."""
    logits = model.run(wanting(model, range(ROWS), [])).logits
    states = model.run(wanting(model, [], range(ROWS))).states
    assert states.shape == (ROWS, model.spec.width) and np.isfinite(states).all()
    assert len(np.unique(states, axis=0)) > ROWS // 2
    some = [0, 3, 39, 41], [1, 2, 3, 40, 42, 43]
    for rows, state_rows in (some, some[::-1], ([43], range(20)), (range(20), [43]), ([], [])):
        output = model.run(wanting(model, rows, state_rows))
        np.testing.assert_array_equal(output.logits, logits[rows])
        np.testing.assert_array_equal(output.states, states[state_rows])


def test_the_head_is_not_read_for_states_alone() -> None:
    spec = Shape(tied=False).decoder()
    model = build(spec, random_weights(spec, "bfloat16"))
    head = "head (bfloat16)"

    def read(step: Step) -> dict[str, int]:
        rotations = RopeTable(spec.ropes).rows(step.positions, step.rope_lengths)
        timings = model.executable.profile(step, rotations)  # type: ignore[attr-defined]
        return {timing.detail: timing.nbytes for timing in timings if timing.operation == "linear"}

    states, logits = read(wanting(model, [], [0, 1])), read(wanting(model, [0], []))
    assert states[head] == 0 < logits[head]
    assert states | {head: logits[head]} == logits
