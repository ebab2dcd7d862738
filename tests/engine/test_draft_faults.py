"""What becomes of a request where the drafter is at fault, or where a step with its drafts fails: it alone ends, with a
sentence, after the tokens that were right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from causerie.decoding.drafting.drafter import Draft
from causerie.engine.request import TokenEvent
from tests.engine.scripted import ScriptedModel
from tests.engine.test_drafting import Drafted
from tests.engine.test_scheduler import Watched, text


@pytest.mark.parametrize(
    ("draft", "sentence"),
    [
        ([], "7 tokens were proposed where 6 were asked for."),
        ([1, 32], "Token 32 was proposed; the model's tokens are 0 to 31."),
        ([-1], "Token -1 was proposed"),
        ([1 << 40], "OverflowError"),
    ],
)
def test_a_fault_of_the_drafter_ends_the_request_it_was_asked_for(draft: list[int], sentence: str) -> None:
    engine = Drafted(ScriptedModel(max_tokens=16))
    faulty, sound = engine.start([1, 2], max_tokens=8), engine.start([4, 2], max_tokens=8)
    propose = engine.drafter.draft

    def fails(request: int, tokens: Sequence[int], most: int) -> list[int]:
        if request != faulty:
            return propose(request, tokens, most)
        return draft or [1] * (most + 1)

    engine.drafter.draft = fails  # type: ignore[method-assign]
    events = engine.finish()
    assert events[faulty][-1].finish_reason == "error" and sentence in str(events[faulty][-1].error)
    assert [2, *text(events[sound])] == engine.drafter.texts[sound][1:] and not engine.busy


@pytest.mark.parametrize(
    ("drafts", "sentence"),
    [
        ([Draft([1], [1])], r"Evidence of the kinds \[1\] was given; there are 0 to 0."),
        ([Draft([1], [-1])], "there are 0 to 0."),
        ([Draft([1, 2], [0])], "2 tokens were proposed with evidence for 1."),
        ([Draft([1], [0])] * 2, "2 drafts were made where 1 were asked for."),
    ],
)
def test_a_draft_without_its_evidence_is_a_fault(drafts: list[Draft], sentence: str) -> None:
    engine = Drafted(ScriptedModel(max_tokens=16))
    engine.drafter.propose = lambda asks: drafts  # type: ignore[method-assign]
    number = engine.start([1, 2], max_tokens=8)
    assert re.search(sentence, str(engine.finish()[number][-1].error))


def test_a_drafter_that_raises_ends_the_requests_that_it_was_asked_for() -> None:
    engine = Drafted(ScriptedModel(max_tokens=32))
    faulty = [engine.start([start, 2], max_tokens=8) for start in range(2)]
    sound = engine.start([4, 2], max_tokens=8, most_drafted=0)

    def fails(request: int, tokens: Sequence[int], most: int) -> list[int]:
        raise RuntimeError("scripted")

    engine.drafter.draft = fails  # type: ignore[method-assign]
    events = engine.finish()
    assert all(events[each][-1].error == "Drafting tokens failed: RuntimeError: scripted" for each in faulty)
    assert [2, *text(events[sound])] == engine.drafter.texts[sound][1:] and not engine.busy


def test_an_error_within_a_draft_comes_after_what_was_accepted() -> None:
    """With no token twice, 32 of a vocabulary of 32 are the last: the answer says 30 and the sentence."""
    model = ScriptedModel(max_tokens=64)
    request: dict[str, Any] = {"max_tokens": 40, "no_repeat_ngram_size": 1}
    ends: list[list[TokenEvent]] = []
    for engine in (Watched(model), Drafted(ScriptedModel(max_tokens=64), right=0.9)):
        number = engine.start([1, 2], **request)
        ends.append(engine.finish()[number])
    plain, drafted = ends
    assert text(drafted) == text(plain) and len(text(plain)) == 30
    assert drafted[-1].error == plain[-1].error and "forbidden" in str(plain[-1].error)
    assert drafted[-1].error_field == "no_repeat_ngram_size"


def test_a_failed_step_leaves_nothing_of_its_drafts() -> None:
    engine = Drafted(ScriptedModel(max_tokens=8, fail_at=frozenset({2})), right=0.5, longest=6)
    failed = engine.start([1, 2], max_tokens=20)
    events = engine.finish()[failed]
    assert events[-1].finish_reason == "error" and not engine.drafter.told
    again = engine.start([1, 2], max_tokens=20)
    assert text(engine.finish()[again]) == engine.drafter.texts[again][2:]
