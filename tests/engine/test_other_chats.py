"""What stood in a request that has ended is guessed in the next ones of the same client: an answer that repeats another
one takes far fewer steps, and is the same."""

from __future__ import annotations

import pytest

from causerie.decoding.drafting.other_chats import OtherChats
from causerie.decoding.params import SamplingParams
from causerie.engine.request import FinishReason
from tests.engine.scripted import ScriptedModel
from tests.engine.test_scheduler import Watched, text

PROMPT = [3, 9, 2, 17, 5, 11, 30, 8]


def started() -> Watched:
    model = ScriptedModel(vocab=5000, max_tokens=32, context=400, blocks=400, seconds=0.05)
    return Watched(model, OtherChats())


def answer(engine: Watched, prompt: list[int], **params: object) -> tuple[list[int], int, FinishReason | None]:
    """An answer's tokens, the steps that it took and why it ended."""
    before = engine.stats().steps
    number = engine.start(prompt, **params)
    events = engine.finish()[number]
    return text(events), engine.stats().steps - before, events[-1].finish_reason


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_an_answer_that_repeats_another_chats_takes_few_steps(temperature: float) -> None:
    engine = started()
    params = {"max_tokens": 120, "temperature": temperature, "seed": 1}
    first, steps, _ = answer(engine, PROMPT, **params)
    assert len(first) == 120 and steps == 120
    again, fewer, _ = answer(engine, PROMPT, **params)
    assert again == first and fewer < 30
    (count,) = engine.stats().drafts
    assert count.drafter == "chats" and count.accepted > 80


@pytest.mark.parametrize(
    "params",
    [{"client": "another"}, {"drafters": ()}, {"most_drafted": 0}],
    ids=["of another client", "without guesses", "none to check"],
)
def test_where_it_may_not_be_guessed_it_is_not(params: dict[str, object]) -> None:
    engine = started()
    first, _, _ = answer(engine, PROMPT, max_tokens=60)
    assert answer(engine, PROMPT, max_tokens=60, **params)[:2] == (first, 60)
    assert engine.stats().drafted_tokens == 0


def test_what_is_not_to_be_guessed_is_not_remembered() -> None:
    engine = started()
    first, _, _ = answer(engine, PROMPT, max_tokens=60, drafters=())
    assert answer(engine, PROMPT, max_tokens=60)[:2] == (first, 60)


def test_what_is_pooled_or_looked_at_is_no_chat() -> None:
    drafter = OtherChats()
    engine = Watched(ScriptedModel(vocab=5000, max_tokens=32, context=400, blocks=400), drafter)
    for asked in (SamplingParams(max_tokens=0, pool_states=True), SamplingParams(max_tokens=0, prompt_logits=True)):
        engine.submit(engine.request(PROMPT * 4, asked))
        engine.finish()
    number = engine.start(PROMPT, max_tokens=5)
    engine.cancel(number)  # before it ran
    engine.finish()
    assert not drafter._texts


@pytest.mark.parametrize("ended", ["stop", "cancelled"])
def test_however_it_ended_it_is_remembered(ended: str) -> None:
    engine = started()
    first = answer(started(), PROMPT, max_tokens=60)[0]
    if ended == "stop":
        new = max(first, key=first.index)  # said for the first time after all others
        assert first.index(new) > 50 and answer(engine, PROMPT, eos=(new,))[2] == "stop"
    else:
        number = engine.start(PROMPT)
        while engine.stats().new_tokens < 60:
            engine.step()
        engine.cancel(number)
        engine.finish()
    again, steps, _ = answer(engine, PROMPT, max_tokens=60)
    assert again == first and steps < 25
