"""On the native backend, by `==`: a request's tokens and logits are the same alone, in a batch, in chunks, with a
cached beginning and after being preempted, greedy or sampled with a seed. Run on small random decoders, and on the
built-in model where the tree has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.api.embedding_vectors import POOLING
from causerie.backends.ops import CacheShape, StepOutput
from causerie.backends.step import Step
from causerie.builtin import builtin_model_path
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine
from causerie.engine.request import TokenEvent
from causerie.models.model import Model
from causerie.spec.mamba import Mamba
from causerie.spec.mamba2 import Mamba2

pytest.importorskip("causerie.backends.native.backend", reason="this tree has no native backend")

from tests.kernels.decoders import BLOCKS, Shape, build, random_weights, room_for

CASES = {
    "float32": ("float32", Shape(bias=True)),
    "bfloat16": ("bfloat16", Shape(qk_norm=True)),
    "experts": ("bfloat16", Shape(experts=5, active=2)),
    "window": ("float32", Shape(window=40)),
    "windows": ("bfloat16", Shape(windows=(None, 40, 17), layers=3)),
    "convolutions": ("float32", Shape(taps=3, layers=4, windows=(None, None, None, 33))),
    "delta rule": ("bfloat16", Shape(delta=(2, 4, 16, 32, 4), layers=3)),
    "Mamba-2": ("bfloat16", Shape(recurrence=Mamba2(6, 16, 20, 2, 4), layers=3)),
    "Mamba": ("float32", Shape(recurrence=Mamba(40, 8, 5, 3), layers=2)),
    "builtin": ("", Shape()),
}
NEW = 12


@dataclass
class Limited:
    """A model that shows less room than it has."""

    model: Model
    blocks: int = BLOCKS
    slots: int = 64
    max_tokens: int = 256
    mixed: int = 0  # steps that gave logits of some rows and hidden states of others

    vocab = property(lambda self: self.model.vocab)
    context = property(lambda self: self.model.context)
    shared_length = property(lambda self: self.model.shared_length)
    switch_length = property(lambda self: self.model.switch_length)

    @property
    def cache(self) -> CacheShape:
        cache = self.model.cache
        groups = tuple(replace(each, blocks=min(self.blocks, each.blocks)) for each in cache.groups)
        return replace(cache, groups=groups, slots=min(self.slots, cache.slots))

    def run(self, step: Step) -> StepOutput:
        self.mixed += len(step.rows) > 0 and len(step.state_rows) > 0
        return self.model.run(step)


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> Iterator[Model]:
    format, shape = CASES[request.param]
    made = _builtin() if request.param == "builtin" else build(shape.decoder(), random_weights(shape.decoder(), format))
    yield made
    made.close()


def _builtin() -> Model:
    folder = Path(builtin_model_path())
    if not (folder / "config.json").is_file():
        pytest.skip("this tree has no built-in model")
    from causerie.backends.native.backend import NativeBackend
    from causerie.checkpoint.safetensors import SafetensorsIndex
    from causerie.loading.load import load_model
    from causerie.models.config import read_config

    backend = NativeBackend(1)
    with SafetensorsIndex.open(folder) as index:
        return load_model(
            index,
            read_config(folder),
            backend=backend,
            size_cache=lambda spec, held: room_for(spec, backend.block_size, held),
            max_tokens=256,
        )


Answers = list[list[TokenEvent]]


def answers(engine: Engine, prompts: Sequence[Sequence[int]], temperature: float, first_seed: int = 0) -> Answers:
    """Every event of prompts that are submitted together, with seeds that count up; others may be there already."""
    found: dict[int, list[TokenEvent]] = {}
    for seed, prompt in enumerate(prompts, first_seed):
        params = SamplingParams(max_tokens=NEW, temperature=temperature, top_p=0.95, seed=seed, keep_logits=True)
        found[engine.submit(engine.request(prompt, params))] = []
    while engine.busy:
        for event in engine.step():
            if event.request in found:
                found[event.request].append(event)
    engine.check_integrity()
    return list(found.values())


def same(found: Answers, expected: Answers) -> None:
    for one, other in zip(found, expected, strict=True):
        assert [event.token for event in one] == [event.token for event in other]
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a.logits, b.logits)


def prompts(model: Model) -> list[list[int]]:
    """Of lengths around those of blocks; the later ones begin as the first does."""
    draw = np.random.default_rng(5)
    first = draw.integers(0, model.vocab, 75).tolist()
    others = [draw.integers(0, model.vocab, length).tolist() for length in (1, 33)]
    return [first, *others, first[:50] + others[1][:9], first[:64], first]


@pytest.fixture(scope="module", params=[0.0, 0.9], ids=["greedy", "sampled"])
def temperature(request: pytest.FixtureRequest) -> float:
    return float(request.param)


@pytest.fixture(scope="module")
def alone(model: Model, temperature: float) -> Answers:
    """Each prompt in an engine of its own; seeds as in `answers`."""
    return [answers(Engine(model), [prompt], temperature, seed)[0] for seed, prompt in enumerate(prompts(model))]


def test_together(model: Model, temperature: float, alone: Answers) -> None:
    same(answers(Engine(model), prompts(model), temperature), alone)


@pytest.mark.parametrize("chunk", [7, 32])
def test_in_chunks(model: Model, temperature: float, alone: Answers, chunk: int) -> None:
    same(answers(Engine(Limited(model, max_tokens=chunk)), prompts(model), temperature), alone)


def test_with_a_cached_beginning(model: Model, temperature: float, alone: Answers) -> None:
    engine = Engine(model)
    answers(engine, [[*prompt[:-3], 1, 2, 3] for prompt in prompts(model)], 0.0)
    before = engine.stats().cached_tokens
    same(answers(engine, prompts(model), temperature), alone)
    assert engine.stats().cached_tokens > before + 150


def test_after_preemption(model: Model, temperature: float, alone: Answers) -> None:
    """Blocks for little more than the longest request: others must give way."""
    blocks = -(-(75 + NEW) // model.cache.block_size) + 2
    engine = Engine(Limited(model, blocks=blocks))
    same(answers(engine, prompts(model), temperature), alone)


@pytest.mark.parametrize("chunk", [7, 256])
def test_beside_texts_that_are_pooled(model: Model, temperature: float, alone: Answers, chunk: int) -> None:
    limited = Limited(model, max_tokens=chunk)
    engine = Engine(limited)
    for prompt in prompts(model):
        engine.submit(engine.request(prompt, POOLING))
    same(answers(engine, prompts(model), temperature), alone)
    assert limited.mixed


def mean_states(
    engine: Engine, asked: Sequence[Sequence[int]], beside: Sequence[int] = ()
) -> list[NDArray[np.float64]]:
    """The mean state of each prompt, all submitted together, perhaps beside an answer to `beside`."""
    if beside:
        engine.submit(engine.request(beside, SamplingParams(max_tokens=NEW)))
    numbers = [engine.submit(engine.request(prompt, POOLING)) for prompt in asked]
    found = {}
    while engine.busy:
        found |= {event.request: event.mean_state for event in engine.step() if event.mean_state is not None}
    engine.check_integrity()
    return [found[number] for number in numbers]


def test_mean_states(model: Model) -> None:
    asked = prompts(model)
    expected = [mean_states(Engine(model), [prompt])[0] for prompt in asked]
    warm = Engine(model)
    answers(warm, asked, 0.0)
    kept = warm.stats().kept_blocks
    whole, chunked, small = Limited(model), Limited(model, max_tokens=7), Limited(model, blocks=6)  # not all at once
    for engine, beside in (
        (Engine(model), ()),
        (Engine(whole), asked[0]),
        (Engine(chunked), asked[0]),
        (Engine(small), asked[0]),
        (warm, ()),
    ):
        for one, other in zip(mean_states(engine, asked, beside), expected, strict=True):
            np.testing.assert_array_equal(one, other)
    assert whole.mixed and chunked.mixed and small.mixed
    assert warm.stats().kept_blocks == kept  # what was only pooled is nobody's beginning
