"""The promise of the native backend, by `==`: a row's logits depend on its own sequence alone. Not on what shares the
step, how the prompt was cut, which blocks hold it, how many threads ran, or which instruction set."""

from __future__ import annotations

import numpy as np
import pytest

from causerie.models.model import Model
from causerie.spec.alt_up import AltUp
from causerie.spec.beside import BesideExperts
from causerie.spec.experts import Experts, Shared
from causerie.spec.layer_input import LayerInput
from causerie.spec.low_rank import LowRankPath
from causerie.spec.mlp import MLP, ClampedSwish
from causerie.spec.norm import Norm
from causerie.spec.router import ExpertGroups, Router
from tests.kernels.decoders import (
    RUNNABLE,
    Array,
    Shape,
    build,
    grouped_step,
    prompt_logits,
    random_weights,
    some_tokens,
    step_on,
    stored_as,
)

GROUPED = Router(3, "sigmoid", choice_bias=True, groups=ExpertGroups(4, 2), scale=1.7)
SHARED = Shared(MLP(72), weighed=True)
CLAMPED = ClampedSwish(0.4, 1.7)
CASES = {
    "float32": ("float32", "float32", Shape(bias=True)),
    "float16": ("float16", "float16", Shape(window=40, tied=False, act="gelu_tanh")),
    "bfloat16": ("bfloat16", "bfloat16", Shape(qk_norm=True, act="gelu")),
    "odd": ("bfloat16", "bfloat16", Shape(vocab=1000, width=101, hidden=77, heads=5, kv_heads=1, head_dim=40)),
    "wide": ("bfloat16", "float32", Shape(width=200, hidden=2304, heads=9, kv_heads=1, head_dim=80, layers=1)),
    "experts": ("bfloat16", "bfloat16", Shape(experts=7, active=3, hidden=77)),
    "shared-experts": ("bfloat16", "bfloat16", Shape(experts=8, hidden=77, router=GROUPED, shared=SHARED)),
    "sinks": ("bfloat16", "bfloat16", Shape(sinks=True, experts=4, gating=CLAMPED, expert_bias=True)),
    "sinks-in-a-window": ("float32", "float32", Shape(sinks=True, window=40, head_dim=40)),
    "narrow-values": ("bfloat16", "int8", Shape(head_dim=40, mixer={"own_value_dim": 18, "value_scale": 0.6})),
    "wide-values": ("bfloat16", "bfloat16", Shape(window=40, mixer={"own_value_dim": 50})),
    "layer-norms": (
        "bfloat16",
        "bfloat16",
        Shape(
            norm=Norm(1e-5, centered=True, bias=True),
            width=101,
            heads=5,
            kv_heads=5,
            head_dim=40,
            qk_norm=True,
            own_norms=True,
            parallel="one norm",
            gated=False,
            act="relu2",
        ),
    ),
    "slopes": ("float32", "int8", Shape(slopes=True, turns=False, parallel="two norms")),
    "windows": ("float16", "bfloat16", Shape(windows=(20, None, 70), layers=3)),
    "convolutions": ("bfloat16", "bfloat16", Shape(taps=3, layers=4, window=40)),
    "nothing-but-convolution": ("float32", "float32", Shape(width=150, taps=4, layers=1, bias=True)),
    "switches": (
        "bfloat16",
        "bfloat16",
        Shape(
            qk_norm=True,
            dims=10,
            mixer={"softcap": 2.0, "gated": True, "qk_norm_last": True},
            block={"residual_scale": 0.5, "norm_after": Norm(1e-6)},
            whole={"logits_softcap": 5.0},
        ),
    ),
    "parts": (
        "bfloat16",
        "bfloat16",
        Shape(
            windows=(19, None),
            layers=4,
            shares={2: 0, 3: 1},
            mixer={"gated": True, "gated_heads": True, "value_norm": Norm(1e-3, weight=False)},
            block={
                "ffn": BesideExperts(
                    MLP(72), Experts(5, Router(2, norm=Norm(1e-3), share_scales=True), 72), Norm(1e-3)
                ),
                "input": LayerInput(203, 40, "silu", Norm(1e-3)),
                "scaled": True,
            },
        ),
    ),
    "streams": (
        "bfloat16",
        "bfloat16",
        Shape(
            width=101,
            heads=5,
            kv_heads=5,
            layers=3,
            shares={2: 1},
            block={
                "ffn": MLP(1040, "gelu_tanh", deviations=0.8),
                "input": LayerInput(190, 40, "gelu_tanh", Norm(1e-3)),
                "low_rank": LowRankPath(21, Norm(1e-3)),
                "streams": AltUp(3, 101, Norm(1e-3)),
            },
        ),
    ),
    "chunks": (
        "bfloat16",
        "int8",
        Shape(window=40, mixer={"chunked": True}, experts=5, router=Router(2, "sigmoid", divided=False, on_input=True)),
    ),
    "xielu": ("bfloat16", "float16", Shape(block={"ffn": MLP(77, gated=False, xielu=True)})),
    "long-k": ("float32", "float32", Shape(hidden=1100, heads=4, kv_heads=4, dims=8, layers=1)),
}


def make(case: str, threads: int = 1, instruction_set: str | None = None) -> Model:
    format, cache, shape = CASES[case]
    spec = shape.decoder()
    weights = random_weights(spec, format)
    return build(spec, weights, cache=cache, threads=threads, instruction_set=instruction_set)


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(case: str) -> Model:
    return make(case)


def prompts(model: Model) -> list[list[int]]:
    """Of lengths around the sizes of tiles, blocks and groups of tokens."""
    return [some_tokens(count, model.vocab, seed=count) for count in (101, 33, 1, 7, 32, 64)]


@pytest.fixture(scope="module")
def alone(model: Model) -> list[Array]:
    """Each prompt's logits when it has the step to itself."""
    return [prompt_logits(model, [prompt])[0] for prompt in prompts(model)]


def same(found: list[Array], expected: list[Array]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_together_as_alone(model: Model, alone: list[Array]) -> None:
    same(prompt_logits(model, prompts(model)), alone)


@pytest.mark.parametrize("chunk", [1, 5, 48])
def test_in_chunks_as_whole(model: Model, alone: list[Array], chunk: int) -> None:
    same(prompt_logits(model, prompts(model), chunk=chunk), alone)


def test_in_other_blocks(model: Model, alone: list[Array]) -> None:
    same(prompt_logits(model, prompts(model), table_seed=9), alone)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_on_more_threads(case: str, alone: list[Array], threads: int) -> None:
    several = make(case, threads)
    same(prompt_logits(several, prompts(several)), alone)
    same(prompt_logits(several, prompts(several), chunk=1)[2:], alone[2:])


@pytest.mark.parametrize("instruction_set", RUNNABLE)
def test_on_every_instruction_set(case: str, alone: list[Array], instruction_set: str) -> None:
    other = make(case, instruction_set=instruction_set)
    same(prompt_logits(other, prompts(other)), alone)
    same(prompt_logits(other, prompts(other)[2:], chunk=5), alone[2:])


@pytest.mark.parametrize("instruction_set", RUNNABLE)
def test_what_is_smaller_than_normal_numbers_counts_as_zero_in_every_instruction_set(instruction_set: str) -> None:
    # The products of bfloat16 of some processors do so in any case, and others must give the same.
    spec = Shape(tied=False).decoder()
    weights = random_weights(spec, "float32")
    weights["head"] = weights["head"] * np.float32(1e-38)  # some logits are normal numbers, others are not
    stored = {name: stored_as(values, "bfloat16") for name, values in weights.items()}
    prompt = some_tokens(9, spec.vocab)
    logits = prompt_logits(build(spec, stored, instruction_set=instruction_set), [prompt])[0]
    np.testing.assert_array_equal(logits, prompt_logits(build(spec, stored), [prompt])[0])
    smallest = np.finfo(np.float32).tiny
    assert (logits == 0).any() and not ((logits != 0) & (np.abs(logits) < smallest)).any()


def test_from_copied_blocks(model: Model, alone: list[Array]) -> None:
    """A prefix computed once, its full block shared and its half-filled one copied, goes on to the same logits."""
    prompt = prompts(model)[0]
    model.run(step_on(model, [(prompt[:50], 0, [3, 8])]))
    for target in (20, 21):
        work = [(prompt[50:], 50, [3, target, 30, 31])]
        rest = step_on(model, work, copies=[(8, target)], slots=[(0, 1)])
        np.testing.assert_array_equal(model.run(rest).logits, alone[0][50:])


def test_page_groups_have_tables_and_copies_of_their_own() -> None:
    spec = Shape(windows=(None, 40, 7), layers=3).decoder()
    stored = random_weights(spec)
    prompt = some_tokens(60, spec.vocab)
    (whole,) = prompt_logits(build(spec, stored), [prompt])
    model = build(spec, stored)
    other = ([5] * 40, 0, [[0, 1], [4, 40], [2, 3]])  # of all, of 7, of 40 positions
    model.run(grouped_step([other, (prompt[:40], 0, [[3, 8], [6, 9], [40, 1]])], copies=[()] * 3))
    rest = (prompt[40:], 40, [[3, 20], [-1, 9], [40, 5]])
    output = model.run(grouped_step([rest], copies=[[(8, 20)], [], [(0, 9), (1, 5)]])).logits
    np.testing.assert_array_equal(output, whole[40:])


def test_after_blocks_held_something_else(case: str, alone: list[Array]) -> None:
    """What an earlier sequence left in a block, here nothing but not-a-numbers, never shows."""
    model = make(case)
    model.executable._caches._arena._bytes[:] = 0xFF  # type: ignore[attr-defined]
    same(prompt_logits(model, prompts(model), chunk=48), alone)


@pytest.mark.parametrize("instruction_set", RUNNABLE)
def test_after_a_step_without_a_number(case: str, instruction_set: str) -> None:
    """What another request left in the memory of a step is nothing to the next, were it NaN."""
    format, cache, shape = CASES[case]
    spec = shape.decoder()
    weights = random_weights(spec, format)
    weights["embed"][7] = stored_as(np.full(spec.width, np.nan), format)
    prompt = [token for token in some_tokens(40, spec.vocab) if token != 7]
    model, fresh = (build(spec, weights, cache=cache, instruction_set=instruction_set) for _ in range(2))
    assert np.isnan(prompt_logits(model, [[7] * len(prompt)], table_seed=1)[0]).all()
    (found,) = prompt_logits(model, [prompt])
    same([found], prompt_logits(fresh, [prompt]))
    assert np.isfinite(np.delete(found, 7, axis=1)).all()


def test_only_wanted_rows(model: Model, alone: list[Array]) -> None:
    prompt = prompts(model)[0]
    wanted = [0, 4, 37, 100]
    work = [(prompt, 0, [0, 1, 2, 3])]
    np.testing.assert_array_equal(model.run(step_on(model, work, rows=wanted)).logits, alone[0][wanted])
    assert model.run(step_on(model, work, rows=[])).logits.shape == (0, model.vocab)


def test_nothing_to_do(model: Model) -> None:
    assert model.run(step_on(model, [])).logits.shape == (0, model.vocab)
