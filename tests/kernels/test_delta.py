"""The gated delta rule on the native backend. By `==`: a text goes on from a slot as if nothing had come between,
wherever it is cut. Against the formulas in float64, and against torch, which computes it in chunks of positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from causerie.backends.native.abi import Op
from causerie.backends.native.program import number
from causerie.backends.torch.delta import CHUNK, delta_rule, heads_of
from causerie.backends.torch.recurrence import convolved
from causerie.models.model import Model
from causerie.spec.delta import DeltaRule
from tests.kernels import reference
from tests.kernels.decoders import (
    PLAIN_NORM,
    RUNNABLE,
    Array,
    Shape,
    build,
    build_case,
    prompt_logits,
    random_weights,
    some_tokens,
)
from tests.kernels.slots import check_several_go_on, check_token_by_token

# Widths around sixteens, and around what an item has of them; heads that share a key; as many taps as there may be.
CASES: dict[str, tuple[Shape, dict[str, Any]]] = {
    "small heads": (Shape(width=48, delta=(2, 6, 12, 20, 4), layers=2), {"format": "float32"}),
    "odd heads": (Shape(width=61, delta=(3, 3, 7, 5, 2), layers=1), {"format": "bfloat16"}),
    "large heads": (Shape(width=96, delta=(1, 2, 128, 144, 4), layers=3), {"format": "bfloat16"}),
    "eight taps": (Shape(width=64, delta=(2, 4, 16, 64, 8), layers=1), {"format": "float16"}),
    "int8": (
        Shape(width=192, hidden=64, head_dim=32, delta=(2, 4, 32, 64, 4), layers=2),
        {"quantized": {"": "int8"}},
    ),
    "int4": (
        Shape(width=128, hidden=64, head_dim=64, delta=(1, 2, 64, 64, 3), layers=2),
        {"quantized": {"": "int4"}},
    ),
}
PROMPTS = [some_tokens(count, 203, seed=count) for count in (90, 33, 1, 7)]


def make(case: str, **options: Any) -> Model:
    return build_case(*CASES[case], **options)


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def alone(case: str) -> list[Array]:
    model = make(case)
    return [prompt_logits(model, [prompt])[0] for prompt in PROMPTS]


@pytest.mark.parametrize("instruction_set", RUNNABLE)
def test_the_same_however_it_is_run(case: str, alone: list[Array], instruction_set: str) -> None:
    for threads in (1, 3):
        model = make(case, threads=threads, instruction_set=instruction_set)
        for chunk in (1, 3, 8, 17, 64, 999):
            for one, other in zip(prompt_logits(model, PROMPTS, chunk=chunk, table_seed=chunk), alone, strict=True):
                np.testing.assert_array_equal(one, other)


def test_a_slot_that_several_go_on_from(case: str, alone: list[Array]) -> None:
    """Two continuations read one slot in one step, and it goes on to remember what it did."""
    model = check_several_go_on(partial(make, case), PROMPTS[0], alone[0])
    check_token_by_token(model, PROMPTS[0], alone[0])


@pytest.mark.parametrize("name", ["small heads", "large heads", "eight taps"])
def test_it_is_what_the_formulas_say(name: str) -> None:
    spec = replace(CASES[name][0], vocab=203).decoder()
    stored = random_weights(spec, "float32")
    logits = prompt_logits(build(spec, stored), PROMPTS[:1])[0]
    np.testing.assert_allclose(logits, reference.reference_logits(spec, stored, PROMPTS[0]), atol=1e-4, rtol=0)


def test_rates_of_every_size() -> None:
    """A head that forgets at once, and one that forgets next to nothing over 90 positions."""
    spec = Shape(width=48, delta=(2, 2, 16, 16, 4), layers=1).decoder()
    stored = random_weights(spec, "float32")
    for offset in (-30.0, -8.0, 0.0, 8.0, 60.0):
        for rate in (-9.0, -1.0, 2.5):
            own = {"log_rate": rate, "step_offset": offset}
            stored |= {f"layers.0.mixer.{name}": np.full(2, value, np.float32) for name, value in own.items()}
            logits = prompt_logits(build(spec, stored), PROMPTS[:1])[0]
            expected = reference.reference_logits(spec, stored, PROMPTS[0])
            np.testing.assert_allclose(logits, expected, atol=1e-4, rtol=0)


def test_queries_and_keys_of_no_length() -> None:
    """What they are divided by stays away from 0."""
    spec = Shape(width=48, delta=(2, 2, 16, 16, 4), layers=1).decoder()
    stored = random_weights(spec, "float32")
    taps = stored["layers.0.mixer.conv"].reshape(4, -1)
    taps[:, :64] *= 1e-3
    logits = prompt_logits(build(spec, stored), PROMPTS[:1])[0]
    np.testing.assert_allclose(logits, reference.reference_logits(spec, stored, PROMPTS[0]), atol=1e-4, rtol=0)


def test_what_follows_reads_eight_bits_and_no_rounding_is_done_twice() -> None:
    for name in ("large heads", "int8", "int4"):
        instructions = make(name).executable.instructions  # type: ignore[attr-defined]
        (first, *_) = np.flatnonzero(instructions["op"] == number(Op.DELTA))
        after = [number(op) for op in (Op.NORM, Op.GLU, Op.LINEAR)]
        assert instructions["op"][first + 1 : first + 4].tolist() == after


RULE = DeltaRule(2, 6, 12, 20, 4, PLAIN_NORM)
NEAR = 1e-5  # a head that forgets at once is left with sums of large logarithms


@pytest.fixture(scope="module")
def drawn() -> dict[str, Array]:
    """What 200 rows bring to the rule, with heads that forget fast and slowly."""
    draw = np.random.default_rng(1)
    sizes = {"q": (200, 2, 12), "k": (200, 2, 12), "v": (200, 6, 20)}
    decay = np.exp(-draw.uniform(0, 1, (200, 6)) * np.array([1e-4, 0.01, 0.1, 0.5, 3, 40]))
    return {
        **{name: draw.normal(size=size) for name, size in sizes.items()},
        "decay": decay,
        "beta": draw.uniform(size=(200, 6)),
    }


def _torch_rule(drawn: dict[str, Array]) -> Callable[[slice, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    given = {name: torch.from_numpy(array).float() for name, array in drawn.items()}
    for name in ("q", "k"):
        given[name] = given[name] / (given[name].square().sum(-1, keepdim=True) + 1e-6).sqrt()
    given["q"] *= RULE.key_dim**-0.5
    given["decay"] = given["decay"].log()
    return lambda rows, state: delta_rule(*(array[rows] for array in given.values()), state, rows.start)


def test_chunks_of_positions_are_the_rule(drawn: dict[str, Array]) -> None:
    rule = _torch_rule(drawn)
    state = torch.zeros(6, 12, 20)
    whole, after = rule(slice(0, 200), state)
    np.testing.assert_allclose(whole, reference.delta_rule(*drawn.values()), atol=NEAR)
    for size, exactly in ((CHUNK, True), (2 * CHUNK, True), (37, False), (1, False)):
        parts, own = [], state
        for start in range(0, 200, size):
            part, own = rule(slice(start, min(200, start + size)), own)
            parts.append(part)
        if exactly:  # cut where chunks begin
            assert torch.equal(torch.cat(parts), whole) and torch.equal(own, after)
        else:
            np.testing.assert_allclose(torch.cat(parts), whole, atol=NEAR)
            np.testing.assert_allclose(own, after, atol=NEAR)


def test_what_entered_before_is_read() -> None:
    draw = torch.Generator().manual_seed(2)
    reach, taps = (torch.randn(rows, RULE.channels, generator=draw) for rows in (RULE.past + 9, RULE.taps))
    parts, whole = (heads_of(torch.nn.functional.silu(convolved(each, taps)), RULE) for each in (reach[4:], reach))
    for part, all_of_it in zip(parts, whole, strict=True):
        assert torch.equal(part, all_of_it[4:])
