"""Short convolutions on the native backend, by `==`: a text goes on from a slot as if nothing had come between, in any
form that the next matrix reads; a slot may be read by several and is written by its owner alone."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from causerie.backends.native.abi import Op
from causerie.backends.native.program import number
from causerie.models.model import Model
from tests.kernels.decoders import (
    RUNNABLE,
    Array,
    Shape,
    build_case,
    grouped_step,
    prompt_logits,
    some_tokens,
    step_on,
)
from tests.kernels.slots import check_several_go_on, check_token_by_token

# Widths around sixteens, groups of a scale, and the channels of an item.
CASES: dict[str, tuple[Shape, dict[str, Any]]] = {
    "two taps": (Shape(width=130, taps=2, layers=1), {"format": "float32"}),
    "five taps": (Shape(width=300, taps=5, layers=2, bias=True), {"format": "bfloat16"}),
    "odd": (Shape(width=141, taps=3, layers=3), {"format": "bfloat16"}),
    "int8": (Shape(width=320, hidden=64, head_dim=32, taps=4, layers=2), {"quantized": {"": "int8"}}),
    "int4": (Shape(width=384, hidden=64, head_dim=32, taps=3, layers=2), {"quantized": {"": "int4"}}),
    "nf4": (Shape(width=192, hidden=64, head_dim=32, taps=3, layers=1), {"quantized": {"": "nf4"}}),
    "more taps than rows": (Shape(width=48, taps=40, layers=1), {"format": "float16"}),
}
PROMPTS = [some_tokens(count, 203, seed=count) for count in (70, 33, 1, 7)]


def make(case: str, **options: Any) -> Model:
    return build_case(*CASES[case], **options)


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def alone(case: str) -> list[Array]:
    model = make(case)
    return [prompt_logits(model, [prompt])[0] for prompt in PROMPTS]


def same(found: list[Array], expected: list[Array]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("instruction_set", RUNNABLE)
def test_the_same_however_it_is_run(case: str, alone: list[Array], instruction_set: str) -> None:
    for threads in (1, 3):
        model = make(case, threads=threads, instruction_set=instruction_set)
        for chunk in (1, 2, 3, 48, 999):
            same(prompt_logits(model, PROMPTS, chunk=chunk, table_seed=chunk), alone)


def test_a_slot_that_several_go_on_from(case: str, alone: list[Array]) -> None:
    """Two continuations read one slot in one step, and it goes on to remember what it did."""
    model = check_several_go_on(partial(make, case), PROMPTS[0], alone[0])
    check_token_by_token(model, PROMPTS[0], alone[0])


def test_a_sequence_without_rows_keeps_what_it_remembers(case: str, alone: list[Array]) -> None:
    model = make(case)
    prompt = PROMPTS[0]
    groups = len(model.cache.groups)
    model.run(step_on(model, [(prompt[:20], 0, [0])], slots=[(-1, 5)]))
    work = [([], 0, [[0]] * groups), ([3, 4], 0, [[1]] * groups)]
    model.run(grouped_step(work, copies=[()] * groups, slots=[(5, 5), (-1, 4)]))
    model.run(grouped_step(work, copies=[()] * groups, slots=[(-1, 5), (-1, 4)]))
    rest = step_on(model, [(prompt[20:32], 20, [0])], slots=[(5, 5)])
    np.testing.assert_array_equal(model.run(rest).logits, alone[0][20:32])


def test_it_writes_what_the_next_matrix_reads() -> None:
    """No rounding of its own where bfloat16 or eight bits are read."""
    for case, rounds in (("five taps", 0), ("int8", 0), ("int4", 0), ("odd", 1)):
        instructions = make(case).executable.instructions  # type: ignore[attr-defined]
        convolutions = np.flatnonzero(instructions["op"] == number(Op.SHORT_CONV))
        assert len(convolutions)
        after = instructions["op"][convolutions + 1]
        assert (after == number(Op.ROUND if rounds else Op.LINEAR)).all(), case
