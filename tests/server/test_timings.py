"""Where the time of an answer went, as the server tells it where it is asked, and what a model does by itself."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest

from causerie import builtin_model_path
from causerie.api.generation.config import FILE_NAME, GenerationConfig
from causerie.api.generation.resolution import own_values
from causerie.engine.request import DraftCount, RequestStats
from causerie.server.processes.engine.time_account import ReasoningTime, TimeAccount
from tests.server.server_process import Server

ASKED: Any = {"model": "builtin", "messages": [{"role": "user", "content": "What is a token?"}], "temperature": 0}
PHASES = ("loading_ms", "shortening_ms", "template_ms", "waiting_ms", "prompt_ms", "reasoning_ms", "predicted_ms")
ELSEWHERE: Any = SimpleNamespace(backend="torch")  # of a model there nothing is expected


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    return server.openai_client()


def test_a_stream_tells_at_the_end_where_its_time_went(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    stream = list(
        client.chat.completions.create(
            **ASKED, max_tokens=12, stream=True, stream_options=options, extra_body={"return_timings": True}
        )
    )
    told = [chunk.choices[0].timings for chunk in stream if chunk.choices and hasattr(chunk.choices[0], "timings")]
    usage = stream[-1].usage
    assert usage is not None and usage.prompt_tokens_details is not None
    assert stream[-2].choices[0].finish_reason == "length" and told == [stream[-2].choices[0].timings]
    cached = usage.prompt_tokens_details.cached_tokens
    assert (told[0]["cache_n"], told[0]["prompt_n"]) == (cached, usage.prompt_tokens - cached)
    assert (told[0]["predicted_n"], told[0]["reasoning_n"]) == (12, 0)
    assert all(told[0][name] >= 0 for name in PHASES) and told[0]["predicted_ms"] > 0 and told[0]["prompt_ms"] > 0
    assert told[0]["reasons"] and all(each.endswith(".") for each in told[0]["reasons"])


def test_each_choice_of_a_whole_answer_tells_its_own(client: openai.OpenAI) -> None:
    fields: Any = {"return_timings": True}
    answer = client.chat.completions.create(**ASKED, n=2, max_tokens=8, extra_body=fields)
    assert [choice.timings["predicted_n"] for choice in answer.choices] == [8, 8]  # type: ignore[attr-defined]
    unasked = client.chat.completions.create(**ASKED, max_tokens=2)
    assert not hasattr(unasked.choices[0], "timings")


def test_phases_are_booked_one_after_the_other() -> None:
    now = iter([100.0, 102.0, 102.5, 103.25]).__next__
    account = TimeAccount(now)
    account.book("loading")
    account.book("shortening")
    account.book("preparation")
    account.meet(2)
    account.meet(1)
    stats = RequestStats(50, 20, 30, 1.5, 4.0, 0, (DraftCount("lookup", 9, 1),), None, waiting_seconds=0.5)
    timings = account.timings(stats, 0.75, ELSEWHERE, None)
    assert (timings.loading, timings.shortening, timings.preparation) == (2.0, 0.5, 0.75)
    assert (timings.waiting, timings.reading, timings.read_tokens) == (0.5, 1.0, 30)
    assert (timings.thinking, timings.writing) == (0.75, 1.75)
    said = " ".join(timings.reasons)
    assert "had to be loaded first, which took 2.00 s" in said and "2 other answers were made" in said
    assert said.index("loaded") < said.index("waited")  # what took longest comes first


def test_an_answer_without_a_token_only_waited_and_read() -> None:
    stats = RequestStats(50, 0, 0, 0.0, 4.0, 0, waiting_seconds=4.0)
    timings = TimeAccount(lambda: 0.0).timings(stats, 9.0, ELSEWHERE, None)
    assert (timings.waiting, timings.reading, timings.thinking, timings.writing) == (4.0, 0.0, 0.0, 0.0)


def test_reasoning_lasts_from_the_first_token_to_the_last_that_reasons() -> None:
    time = ReasoningTime(iter([5.0, 6.0, 8.0, 9.0]).__next__)
    for reasons in (True, True, True, False):
        time.note(reasons)
    assert time.seconds == 3.0


def test_a_loaded_model_tells_what_it_does_by_itself(server: Server) -> None:
    (model,) = server.get("/v1/models").json()["data"]
    assert model["generation"] == own_values(GenerationConfig.from_file(Path(builtin_model_path()) / FILE_NAME))
    assert model["generation"]["temperature"] == 0 and model["generation"]["max_new_tokens"] == 200
    assert model["thinking_budget"] is False


def test_own_values_are_those_an_answer_gets() -> None:
    sampling = own_values(GenerationConfig(do_sample=True, temperature=0.7, top_k=20, repetition_penalty=1.1))
    assert (sampling["temperature"], sampling["top_k"], sampling["repetition_penalty"]) == (0.7, 20, 1.1)
    assert (sampling["top_p"], sampling["min_p"], sampling["max_new_tokens"]) == (1.0, 0.0, None)
    unsaid = own_values(GenerationConfig(temperature=0.7, top_p=0.8))  # without do_sample the likeliest is taken
    assert (unsaid["temperature"], unsaid["top_k"], unsaid["top_p"]) == (0.0, 50, 0.8)
