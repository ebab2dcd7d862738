"""Models that guess, under random traffic: every request ends as it does without them, and what they read in the cache
is the text's own beginning, whoever had the blocks before, which the scripted models check in every step."""

from __future__ import annotations

from array import array
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causerie.backends.ops import BlockCount, CacheShape
from causerie.decoding.params import SamplingParams
from causerie.engine.assistant.draft_model import DraftModel, cache_for
from causerie.engine.assistant.readings import Readings
from causerie.engine.assistant.shadow import ShadowDrafter
from causerie.engine.engine import Engine
from causerie.errors import Unsupported
from tests.engine.scripted import ScriptedModel, eager
from tests.engine.test_drafting import demanding
from tests.engine.test_traffic import Traffic, actions, models, params, play, run
from tests.kernels.decoders import Shape

TRAFFIC = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
scripts = actions(st.one_of(demanding, params))


def near(model: ScriptedModel, noise: float) -> np.ndarray:
    """Logits of a model that mostly says the same."""
    return model.table + noise * np.random.default_rng(3).normal(size=model.table.shape).astype(np.float32)


@TRAFFIC
@given(models, scripts, st.sampled_from([0.0, 1.0, 9.0]))
def test_with_a_shadow_every_request_ends_as_it_does_without(
    model: ScriptedModel, script: list[tuple], noise: float
) -> None:
    model = replace(model, windows=(), slots=0, full=True)
    shadow = replace(model, max_tokens=64, fail_at=frozenset())
    shadow.cells, shadow.table = model.cells, near(model, noise)
    drafter = ShadowDrafter(shadow)
    traffic = Traffic(model, None, eager(drafter), drafter)
    run(traffic, lambda: play(traffic, script))
    assert not drafter._lockstep._requests, "ended requests are remembered"


@TRAFFIC
@given(models, scripts, st.sampled_from([0.0, 1.0, 9.0]), st.integers(6, 50), st.sampled_from([1, 3, 64]))
def test_with_a_draft_model_every_request_ends_as_it_does_without(
    model: ScriptedModel, script: list[tuple], noise: float, context: int, max_tokens: int
) -> None:
    model = replace(model, full=True)
    draft = ScriptedModel(
        vocab=model.vocab,
        context=context,
        blocks=model.blocks,
        block_size=model.block_size,
        max_tokens=max(max_tokens, 24),
    )
    draft.table = near(model, noise)
    drafter = DraftModel(draft, model)
    traffic = Traffic(model, None, eager(drafter), drafter)
    run(traffic, lambda: play(traffic, script))
    assert not drafter._lockstep._requests and not drafter._unreadable, "ended requests are remembered"


def test_what_is_read_is_where_it_was_read() -> None:
    """Against a list of what was written to each position of each block."""
    random = Random(1)
    size, blocks = 4, 9
    readings = Readings(blocks, size)
    written: dict[tuple[int, int], tuple[int, ...]] = {}  # by block and place in it: all tokens up to there
    for _ in range(3000):
        table = array("i", random.sample(range(blocks), 5))
        tokens = array("i", [random.randrange(2) for _ in range(random.randint(1, 20))])
        whole = 0
        while whole < len(tokens) and written.get((table[whole // size], whole % size)) == tuple(tokens[: whole + 1]):
            whole += 1
        assert readings.length(tokens, table) == whole
        start = random.randint(0, whole)
        end = random.randint(start, len(tokens))
        if start < end:
            readings.begin(table, start, end)
            for position in range(start, -(-end // size) * size):
                written.pop((table[position // size], position % size), None)
            if random.random() < 0.8:  # else it is never told, as after a fault
                readings.record(tokens[:end], table, start)
                for position in range(start, end):
                    written[table[position // size], position % size] = tuple(tokens[: position + 1])


def test_a_draft_model_that_cannot_be_is_refused() -> None:
    spec, whole = Shape().decoder(), CacheShape((BlockCount(8),), 32, "float32")
    assert cache_for(whole, spec, "bfloat16").groups == (BlockCount(8),)
    with pytest.raises(Unsupported, match="no layer of this model looks back to the beginning"):
        cache_for(replace(whole, groups=(BlockCount(8, 40),)), spec, "bfloat16")
    with pytest.raises(Unsupported, match="3 layers of this test model remember in a state"):
        cache_for(whole, Shape(taps=3, layers=5).decoder(), "bfloat16")


def test_a_model_that_fails_while_guessing_ends_those_it_guesses_for() -> None:
    model = ScriptedModel()
    shadow = replace(model, fail_at=frozenset({2}))
    shadow.cells = model.cells
    drafter = ShadowDrafter(shadow)
    engine = Engine(model, model.clock, (drafter,), eager(drafter))
    for tokens, most in (([1, 2], None), ([3, 4], 0)):
        engine.submit(engine.request(tokens, SamplingParams(max_tokens=20, most_drafted=most)))
    events = {}
    while engine.busy:
        for event in engine.step():
            events[event.request] = event
        engine.check_integrity()
    assert events[0].error == "Drafting tokens failed: RuntimeError: scripted failure"
    assert events[1].finish_reason == "length"
