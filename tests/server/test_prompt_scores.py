"""How likely a prompt's own tokens are. The oracle is what the same tokens were told while they were drawn."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.server.server_process import Server

BEGINNING = "A token is"


def choice(server: Server, **fields: Any) -> Any:
    body = {"prompt": BEGINNING, "temperature": 0, "max_tokens": 12, "logprobs": 3} | fields
    told = server.post("/v1/completions", body)
    assert told.status_code == 200, told.text
    return told.json()


@pytest.fixture(scope="module")
def drawn(server: Server) -> Any:
    return choice(server)["choices"][0]


@pytest.fixture(scope="module")
def read(server: Server) -> list[int]:
    ids: list[int] = server.post("/tokenize", {"prompt": BEGINNING}).json()["tokens"]
    return ids


def test_an_echoed_prompt_has_the_odds_that_were_drawn(server: Server, drawn: Any, read: list[int]) -> None:
    new = server.post("/tokenize", {"prompt": BEGINNING + drawn["text"]}).json()["tokens"]
    assert new[: len(read)] == read  # else the oracle is none
    whole = choice(server, prompt=new, echo=True, max_tokens=0)
    one, odds = whole["choices"][0], whole["choices"][0]["logprobs"]
    assert (one["finish_reason"], whole["usage"]["completion_tokens"]) == ("length", 0)
    assert odds["token_logprobs"][0] is None and odds["top_logprobs"][0] is None
    assert odds["tokens"][len(read) :] == drawn["logprobs"]["tokens"]
    assert odds["token_logprobs"][len(read) :] == drawn["logprobs"]["token_logprobs"]
    assert odds["top_logprobs"][len(read) :] == drawn["logprobs"]["top_logprobs"]
    assert all(value < 0 for value in odds["token_logprobs"][1 : len(read)])


def test_an_echoed_prompt_and_its_answer(server: Server, drawn: Any, read: list[int]) -> None:
    odds = choice(server, echo=True)["choices"][0]
    assert odds["text"] == BEGINNING + drawn["text"]
    assert odds["logprobs"]["token_logprobs"][len(read) :] == drawn["logprobs"]["token_logprobs"]


def test_several_prompts_as_an_evaluation_sends_them(server: Server, read: list[int]) -> None:
    """lm-eval's local-completions."""
    prompts = [read, read[:-1]]
    answer = choice(server, prompt=prompts, echo=True, max_tokens=1, logprobs=1, seed=1234)
    for place, tokens in enumerate(prompts):
        odds = answer["choices"][place]["logprobs"]
        assert len(odds["token_logprobs"]) == len(odds["top_logprobs"]) == len(tokens) + 1
    first, second = (answer["choices"][place]["logprobs"]["token_logprobs"] for place in (0, 1))
    assert first[: len(read) - 1] == second[:-1]


def test_odds_by_tokens_as_vllm_tells_them(server: Server, read: list[int]) -> None:
    echoed = choice(server, echo=True, max_tokens=0)["choices"][0]["logprobs"]["token_logprobs"]
    told = choice(server, prompt_logprobs=2, logprobs=None)["choices"][0]["prompt_logprobs"]
    assert told[0] is None and [told[place][str(read[place])]["logprob"] for place in range(1, len(read))] == echoed[1:]
    for place in told[1:]:
        ranked = sorted(place.values(), key=lambda one: one["rank"])
        assert [one["rank"] for one in ranked[:2]] == [1, 2]
        assert all(one["logprob"] >= other["logprob"] for one, other in itertools.pairwise(ranked))
    chat = server.chat("Hi", max_tokens=1, prompt_logprobs=0).json()
    assert len(chat["prompt_logprobs"]) == chat["usage"]["prompt_tokens"]


def test_what_is_not_done_is_refused_by_name(server: Server) -> None:
    for fields, param in (({"echo": True, "stream": True}, "echo"), ({"prompt_logprobs": 21}, "prompt_logprobs")):
        told = server.post("/v1/completions", {"prompt": "Hi", "logprobs": 1} | fields)
        assert (told.status_code, told.json()["error"]["param"]) == (400, param)
    streamed = server.post("/v1/completions", {"prompt": "Hi", "stream": True, "prompt_logprobs": 1})
    assert streamed.json()["error"]["param"] == "prompt_logprobs"
    assert server.chat("Hi", max_tokens=0).json()["error"]["param"] == "max_tokens"
