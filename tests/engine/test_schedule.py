"""How many tokens may be checked goes on as transformers lets num_assistant_tokens go on; and no draft is longer."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace

import pytest

from causerie.api.generation.config import GenerationConfig
from causerie.api.generation.resolution import Flags, resolve
from causerie.decoding.params import SCHEDULES, SamplingParams
from causerie.engine.engine import Engine
from causerie.engine.speculation.schedule import Schedule
from causerie.errors import UsageError
from tests.engine.scripted import ScriptedDrafter, ScriptedModel, eager


@pytest.mark.parametrize("kind", SCHEDULES)
def test_it_goes_on_as_in_transformers(kind: str) -> None:
    generators = pytest.importorskip("transformers.generation.candidate_generator")
    random, schedule = Random(2), Schedule()
    params = SamplingParams(most_drafted=5, drafted_schedule=kind)
    first = 5
    for request in range(6):
        theirs = SimpleNamespace(
            assistant_generation_config=SimpleNamespace(
                num_assistant_tokens_schedule=kind, assistant_confidence_threshold=None
            ),
            num_assistant_tokens=first,
        )
        for _ in range(12):
            assert schedule.most(request, params) == theirs.num_assistant_tokens
            right = random.random() < 0.4
            schedule.learn(request, params, right)
            update = generators.AssistedCandidateGenerator.update_candidate_strategy
            update(theirs, None, [[None] * 5], 4 if right else random.randrange(4))
        if kind == "heuristic":  # as `_assisted_decoding` does at its end
            first = theirs.num_assistant_tokens
        schedule.forget(request)
    assert not schedule._bounds


def test_drafts_are_as_long_as_it_lets_them() -> None:
    for kind, lengths in (("constant", [2] * 8), ("heuristic", [2, 4, 6, 8]), ("heuristic_transient", [2, 4, 6, 8])):
        model = ScriptedModel(context=200, blocks=60, max_tokens=64)
        drafter = ScriptedDrafter(model.vocab)
        engine = Engine(model, drafters=(drafter,), controller=eager(drafter))
        asked = []
        for _ in range(2):
            request = engine.request([1, 2, 3], SamplingParams(max_tokens=26, most_drafted=2, drafted_schedule=kind))
            tokens = [1, 2, 3]
            for _ in range(26):
                tokens.append(int(model.alone(tokens, 3).argmax()))
            drafter.texts[request.id] = tokens
            propose, most = drafter.propose, []

            def noted(asks, propose=propose, most=most):  # type: ignore[no-untyped-def]
                most += [ask.most for ask in asks]
                return propose(asks)

            drafter.propose = noted  # type: ignore[method-assign]
            engine.submit(request)
            while engine.busy:
                engine.step()
            drafter.propose = propose  # type: ignore[method-assign]
            asked.append(most)
        assert asked[0][: len(lengths)] == lengths
        assert asked[1][0] == (10 if kind == "heuristic" else 2)


def test_what_flags_come_to() -> None:
    def params(**flags: object) -> tuple[int | None, str]:
        made = resolve(Flags(GenerationConfig(**flags)), prompt_length=5, context=100).params
        return made.most_drafted, made.drafted_schedule

    assert params() == (None, "constant")
    assert params(num_assistant_tokens_schedule="constant") == (None, "constant")
    assert params(num_assistant_tokens_schedule="heuristic") == (20, "heuristic")
    assert params(num_assistant_tokens=7, num_assistant_tokens_schedule="heuristic_transient") == (
        7, "heuristic_transient"
    )  # fmt: skip
    with pytest.raises(UsageError, match="is 'heuristik'; it must be one of 'constant', 'heuristic', 'heuristic_tr"):
        GenerationConfig(num_assistant_tokens_schedule="heuristik")
