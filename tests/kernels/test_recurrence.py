"""Recurrences on the native backend: the formulas in float64; and by `==`: a text goes on from a slot as if nothing had
come between, however it is cut; a slot may be read by several and is written by its owner alone."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from causerie.backends.native.program import STATE_ROOM
from causerie.models.model import Model
from causerie.spec.mamba import MOST_STATE, Mamba
from causerie.spec.mamba2 import InputScales, Mamba2
from causerie.spec.norm import Norm
from causerie.spec.side_by_side import SideBySide
from tests.kernels.decoders import (
    RUNNABLE,
    Array,
    Shape,
    build,
    build_case,
    prompt_logits,
    random_weights,
    some_tokens,
    step_on,
)
from tests.kernels.reference import reference_logits
from tests.kernels.slots import check_several_go_on

NORM = Norm(1e-5)
SCALES = InputScales(0.7, 1.3, 0.6, 1.4, 0.8)
# Widths of heads around sixteens and the columns of an item; states around the lines that stay in registers.
MAMBA2 = {
    "one head": Mamba2(1, 16, 4, 1, 2),
    "wide heads": Mamba2(3, 80, 9, 3, 4, norm=NORM),
    "odd": Mamba2(6, 21, 13, 2, 3, conv_bias=False, in_bias=True, out_bias=True, norm=NORM, gate_last=True),
    "scaled and held": Mamba2(4, 24, 18, 1, 4, least_step=0.5, most_step=1.5, scales=SCALES),
}
MAMBA = {"mamba": Mamba(72, 5, 7, 4), "mamba, odd": Mamba(45, 16, 3, 3, conv_bias=False, bias=True)}
SHAPES = {name: Shape(width=60, hidden=64, layers=3, recurrence=mixer) for name, mixer in (MAMBA2 | MAMBA).items()}
WIDE = Shape(width=64, hidden=64, head_dim=32, layers=3)
ATTENTION = Shape(head_dim=32, heads=2, kv_heads=1).decoder().layers[0].mixer
CASES: dict[str, tuple[Shape, dict[str, Any]]] = {
    **{name: (shape, {"format": "float32"}) for name, shape in SHAPES.items()},
    "bfloat16": (SHAPES["odd"], {"format": "bfloat16"}),
    "int8": (replace(WIDE, recurrence=Mamba2(4, 32, 16, 1, 4, norm=NORM)), {"quantized": {"": "int8"}}),
    "int4": (
        replace(WIDE, recurrence=Mamba(64, 16, 8, 4)),
        {
            "quantized": {
                "": "int4",
                "layers.0.mixer.step": "bfloat16",
                "layers.2.mixer.step": "bfloat16",
                "layers.0.mixer.both": "int8",
                "layers.2.mixer.both": "int8",
            }
        },
    ),
}
PROMPTS = [some_tokens(count, 203, seed=count) for count in (150, 66, 1, 7)]


def make(case: str, **options: Any) -> Model:
    return build_case(*CASES[case], **options)


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def alone(case: str) -> list[Array]:
    model = make(case)
    return [prompt_logits(model, [prompt])[0] for prompt in PROMPTS]


@pytest.mark.parametrize("name", SHAPES)
def test_they_are_the_formulas(name: str) -> None:
    spec = SHAPES[name].decoder()
    stored = random_weights(spec, "float32", seed=5)
    # Steps of all sizes, some beyond what an exponential holds.
    for weight in stored:
        if weight.endswith(("step_shift", "step_bias")):
            stored[weight] = np.linspace(-9, 9, len(stored[weight]), dtype=np.float32)
            stored[weight][-1] = 95.0
    expected = reference_logits(spec, stored, PROMPTS[0])
    found = prompt_logits(build(spec, stored), [PROMPTS[0]])[0]
    np.testing.assert_allclose(found, expected, atol=3e-5 * np.abs(expected).max())


@pytest.mark.parametrize("instruction_set", RUNNABLE)
def test_the_same_however_it_is_run(case: str, alone: list[Array], instruction_set: str) -> None:
    for threads in (1, 3):
        model = make(case, threads=threads, instruction_set=instruction_set)
        for chunk in (1, 7, 64, 999) if threads == 1 else (50,):
            for found, expected in zip(
                prompt_logits(model, PROMPTS, chunk=chunk, table_seed=chunk), alone, strict=True
            ):
                np.testing.assert_array_equal(found, expected)


def test_a_slot_that_several_go_on_from(case: str, alone: list[Array]) -> None:
    """Two continuations read one slot in one step, and it goes on to remember what it did."""
    check_several_go_on(partial(make, case), PROMPTS[0], alone[0])


def test_attention_beside_a_recurrence_keeps_both() -> None:
    recurrence = Mamba2(4, 32, 16, 1, 4)
    spec = replace(WIDE, recurrence=SideBySide(ATTENTION, recurrence, 0.7, 1.6)).decoder()
    assert spec.slot_layers == (0, 2) and spec.page_groups[0].layers == (0, 1, 2)
    stored = random_weights(spec)
    expected = [prompt_logits(build(spec, stored), [prompt])[0] for prompt in PROMPTS]
    for chunk in (5, 64):
        for found, whole in zip(prompt_logits(build(spec, stored, threads=2), PROMPTS, chunk), expected, strict=True):
            np.testing.assert_array_equal(found, whole)


def test_the_time_of_a_recurrence_is_told_with_what_it_reads() -> None:
    model = make("int8")
    step = step_on(model, [(PROMPTS[2], 0, [0]), ([], 0, [1]), (PROMPTS[3], 0, [2])], slots=[(-1, 0), (1, 1), (-1, 2)])
    timings = [each for each in model.profile(step) if each.operation == "mamba2"]
    assert [each.nbytes for each in timings] == [2 * 4 * 4 * 32 * 16] * 2


def test_the_room_of_the_kernel_is_that_of_the_spec() -> None:
    assert STATE_ROOM == MOST_STATE
