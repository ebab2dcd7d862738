"""A mixture of experts on the native backend, by `==`: a row's logits depend on its own sequence alone, in every
format, however many rows an expert is given; and what a step is counted to read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from causerie.models.model import Model
from causerie.models.rope import RopeTable
from causerie.quant.encoders import ENCODERS
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP
from causerie.spec.router import Router
from tests.kernels.decoders import RUNNABLE, Array, Shape, build, make_step, prompt_logits, random_weights, some_tokens
from tests.kernels.reference import reference_logits

PROMPTS = [some_tokens(count, 203, seed=count) for count in (70, 33, 1, 7)]
MIXED = {
    "layers.0.ffn.experts.1.gate": "int8",
    "layers.0.ffn.experts.2.up": "int4",
    "layers.1.ffn.experts.0.down": "nf4",
}
FORMATS: dict[str, dict[str, str]] = {name: {"": name} for name in ENCODERS} | {"plain": {}, "mixed": MIXED}


def make(format: str, **options: Any) -> Model:
    spec = Shape(width=96, hidden=160, head_dim=32, experts=5, active=2).decoder()
    quantized = FORMATS[format] | {f"layers.{i}.ffn.router": "bfloat16" for i in range(2)}
    return build(spec, random_weights(spec, "bfloat16"), quantized=quantized, cache="bfloat16", **options)


def same(found: list[Array], expected: list[Array]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module", params=FORMATS)
def format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def alone(format: str) -> list[Array]:
    model = make(format)
    return [prompt_logits(model, [prompt])[0] for prompt in PROMPTS]


def test_the_same_however_it_is_run(format: str, alone: list[Array]) -> None:
    for options in ({}, {"threads": 2}, {"threads": 3, "packing": "lossless"}):
        model = make(format, **options)
        for chunk in (1, 5, 48, 999):
            same(prompt_logits(model, PROMPTS, chunk=chunk, table_seed=chunk), alone)


@pytest.mark.parametrize("instruction_set", RUNNABLE)
def test_the_same_on_every_instruction_set(format: str, alone: list[Array], instruction_set: str) -> None:
    same(prompt_logits(make(format, instruction_set=instruction_set), PROMPTS), alone)


@pytest.mark.parametrize(("experts", "active"), [(2, 2), (2, 1), (40, 20)])
def test_more_rows_than_go_to_an_item(experts: int, active: int) -> None:
    """All of a long prompt go to one expert, or each row to more experts than lanes hold."""
    spec = Shape(width=32, hidden=48, heads=2, kv_heads=1, layers=1, experts=experts, active=active).decoder()
    model = build(spec, random_weights(spec, "bfloat16"), threads=2, max_tokens=1216)
    prompt = some_tokens(1200, 203)
    same(prompt_logits(model, [prompt], chunk=1200), prompt_logits(model, [prompt], chunk=100))


def test_a_step_that_wants_nothing_after_one_that_did() -> None:
    """The last layer has no rows then, and must not take those of the layer before for its own."""
    model = make("plain")
    step = make_step([(PROMPTS[0], 0, [0, 1, 2])])
    expected = model.run(step).logits
    assert model.run(make_step([(PROMPTS[0], 0, [0, 1, 2])], rows=[])).logits.shape == (0, model.vocab)
    np.testing.assert_array_equal(model.run(step).logits, expected)


def test_a_profile_counts_the_experts_of_one_row() -> None:
    model = make("plain")
    step = make_step([([7], 0, [0])])
    rotations = RopeTable(model.spec.ropes).rows(step.positions, step.rope_lengths)
    timings = model.executable.profile(step, rotations)  # type: ignore[attr-defined]
    details = {timing.detail for timing in timings if timing.operation == "expert_linear"}
    assert "layers.1.ffn.experts.gate layers.1.ffn.experts.up (bfloat16)" in details  # not each expert by name
    held = model.executable._weights  # type: ignore[attr-defined]
    counted = sum(timing.nbytes for timing in timings if timing.operation == "expert_linear")
    whole = sum(weight.nbytes for name, weight in held.items() if ".experts." in name)
    assert counted == pytest.approx(whole * 2 / 5, abs=8)


@pytest.mark.parametrize(("latent", "shared"), [(None, None), (40, Shared(MLP(72, "relu2", gated=False)))])
def test_experts_without_a_gate(latent: int | None, shared: Shared | None) -> None:
    ffn = Experts(5, Router(2), 56, "relu2", shared=shared, gated=False, latent=latent)
    spec = Shape(width=60, layers=2, heads=3, kv_heads=1, block={"ffn": ffn}).decoder()
    stored = random_weights(spec)
    expected = prompt_logits(build(spec, stored), [PROMPTS[0]])
    reference = reference_logits(spec, stored, PROMPTS[0])
    np.testing.assert_allclose(expected[0], reference, atol=3e-5 * np.abs(reference).max())
    same(prompt_logits(build(spec, stored, threads=2), PROMPTS[:2], chunk=7)[:1], expected)
