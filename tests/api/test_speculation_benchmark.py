"""What is made of answers with and without guesses, by counting again, and which texts a model is asked. Speed is not
tested."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from causerie import AutoModelForCausalLM
from causerie.api.causal_lm import CausalLM
from causerie.api.measurement.speculation_benchmark import (
    AGAIN,
    CHATS,
    Run,
    benchmark_speculation,
    compared,
    prompts_of,
    run_of,
)
from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
from causerie.builtin import builtin_model_path
from causerie.decoding.params import SamplingParams
from causerie.engine.request import DraftCount, RequestStats, TokenEvent
from causerie.errors import EngineError, UsageError

GREEDY = SamplingParams(max_tokens=4)


def scripted(asked: list[tuple[str, ...] | None], *, wrong: bool = False) -> Iterator[Run]:
    """Answers at 10 tokens a second, 20 more in each round, and twice as fast in the next with guesses."""
    for number in range(100):
        guesses = bool(asked[-1])
        speed = 10.0 + 20 * (number // 2)
        tokens = [1, 2, 3] if not (wrong and guesses) else [1, 2, 4]
        yield Run(tokens, speed * (1 + number // 2) if guesses else speed, 6 * guesses, 5 * guesses)


def test_rounds_are_in_turn_and_the_first_does_not_count() -> None:
    asked: list[tuple[str, ...] | None] = []
    measured: list[int] = []
    answers = scripted(asked)

    def answer(params: SamplingParams) -> Run:
        asked.append(params.drafters)
        return next(answers)

    def bandwidth() -> float:
        measured.append(len(asked))
        return 7e9

    comparison = compared("a text", ("lookup", "draft"), answer, GREEDY, 3, bandwidth=bandwidth)
    both = [("lookup", "draft"), ()]
    assert asked == [*both[::-1], *both, *both[::-1], *both] and measured == [2, 4, 6]
    assert (comparison.text, comparison.drafter, comparison.bandwidths) == ("a text", "together", (7e9,) * 3)
    assert comparison.speeds == (30.0, 50.0, 70.0) and comparison.speed == 50.0
    assert comparison.ratios == (2.0, 3.0, 4.0) and comparison.ratio == 3.0
    assert (comparison.drafted, comparison.accepted) == (18, 15)


def test_an_answer_that_a_guess_changes_is_a_fault() -> None:
    asked: list[tuple[str, ...] | None] = []
    for exact in (True, False):
        answers = scripted(asked, wrong=True)

        def answer(params: SamplingParams, answers: Iterator[Run] = answers) -> Run:
            asked.append(params.drafters)
            return next(answers)

        if exact:
            with pytest.raises(EngineError, match="lookup changed the answer to 'a text'"):
                compared("a text", ("lookup",), answer, GREEDY, 1)
        else:
            assert compared("a text", ("lookup",), answer, GREEDY, 1, exact=False).drafter == "lookup"


def test_an_answer_is_timed_after_its_first_token() -> None:
    drafts = (DraftCount("lookup", 3, 2), DraftCount("draft", 4, 1))
    stats = RequestStats(9, 0, 3, 2.0, 6.0, 0, drafts)
    events = [TokenEvent(0, 5), TokenEvent(0, 6), TokenEvent(0, 7, "length", stats=stats)]
    assert run_of(events) == Run([5, 6, 7], 0.5, 7, 3)
    with pytest.raises(UsageError, match="An answer has 1 tokens"):
        run_of(events[2:])
    with pytest.raises(EngineError, match="no memory"):
        run_of([*events[:2], TokenEvent(0, None, "error", error="There is no memory.", stats=stats)])


def test_a_model_without_a_chat_template_goes_on_with_texts() -> None:
    tokenizer = ChatTokenizer.from_folder(builtin_model_path())
    chats = prompts_of(tokenizer)
    tokenizer.chat_template = None
    texts = prompts_of(tokenizer)
    assert list(chats) == list(texts) == ["code, once more", *CHATS]
    assert chats["code, once more"] == texts["code, once more"] == tokenizer(AGAIN)["input_ids"]
    for name, text in CHATS.items():
        assert text in tokenizer.decode(chats[name]) and len(chats[name]) > len(texts[name]) - 2
        assert tokenizer.decode(texts[name], skip_special_tokens=True).strip() == text


@pytest.fixture(scope="module")
def model() -> Iterator[CausalLM]:
    with AutoModelForCausalLM.from_pretrained("builtin", progress=False) as loaded:
        yield loaded


def test_a_drafter_guesses_alone(model: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...] | None] = []
    stream = CausalLM.stream

    def noted(self: CausalLM, tokens: list[int], params: SamplingParams) -> Iterator[TokenEvent]:
        asked.append(params.drafters)
        assert params.temperature == 0.0 and params.eos and params.min_tokens == 12
        return stream(self, tokens, params)

    monkeypatch.setattr(CausalLM, "stream", noted)
    rows = list(benchmark_speculation(model, 12, 1))
    assert [row.drafter for row in rows] == ["lookup"] * 4 + ["chats"] * 4
    assert set(asked[:16]) == {(), ("lookup",)} and set(asked[16:]) == {(), ("chats",)}
