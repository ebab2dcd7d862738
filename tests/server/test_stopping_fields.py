"""Where an answer ends: fields of vLLM's, and what an answer says of the stop that it met."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.server_process import Server

QUESTION = "What is a token?"


def choice(server: Server, **fields: Any) -> dict[str, Any]:
    told = server.chat(QUESTION, **fields)
    assert told.status_code == 200, told.text
    one: dict[str, Any] = told.json()["choices"][0]
    return one


def tokens(server: Server, text: str) -> list[int]:
    body = {"prompt": text, "add_special_tokens": False}
    ids: list[int] = server.post("/tokenize", body).json()["tokens"]
    return ids


def test_a_stop_that_was_met_is_told(server: Server) -> None:
    whole = server.said(QUESTION)
    word = whole.split()[3]
    stopped = choice(server, stop=["zzz", word])
    assert (stopped["finish_reason"], stopped["stop_reason"]) == ("stop", word)
    assert "stop_reason" not in choice(server)
    prompt = {"model": "builtin", "prompt": QUESTION, "temperature": 0, "stop": ["zzz", "e"], "max_tokens": 60}
    assert server.post("/v1/completions", prompt).json()["choices"][0]["stop_reason"] == "e"


def test_a_token_ends_the_answer_and_is_not_shown(server: Server) -> None:
    whole = server.said(QUESTION)
    ids = tokens(server, whole)
    place = next(place for place, token in enumerate(ids) if place > 3 and token not in ids[:place])
    stopped = choice(server, stop_token_ids=[3000, ids[place]])
    assert (stopped["finish_reason"], stopped["stop_reason"]) == ("stop", ids[place])
    assert tokens(server, stopped["message"]["content"]) == ids[:place]
    later = choice(server, stop_token_ids=[ids[place]], min_tokens=place + 3)
    assert len(tokens(server, later["message"]["content"])) >= place + 3


def test_an_answer_goes_on_where_the_model_would_end_it(server: Server) -> None:
    short = server.chat(QUESTION).json()["usage"]["completion_tokens"]
    for fields in ({"ignore_eos": True}, {"min_tokens": short + 5}):
        longer = server.chat(QUESTION, max_tokens=short + 5, **fields).json()
        assert longer["usage"]["completion_tokens"] == short + 5
        assert longer["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    "fields", [{"min_tokens": -1}, {"stop_token_ids": [-1]}, {"stop_token_ids": [5] * 17}, {"ignore_eos": 3}]
)
def test_values_out_of_their_range_are_refused(server: Server, fields: dict[str, Any]) -> None:
    told = server.chat(QUESTION, **fields)
    assert told.status_code == 400 and told.json()["error"]["param"].startswith(next(iter(fields)))


def test_a_form_of_a_continued_text(server: Server) -> None:
    form = {"type": "regex", "regex": "[0-9]{5}"}
    answer = server.post("/v1/completions", {"prompt": "A number:", "response_format": form}).json()
    text = answer["choices"][0]["text"]
    assert len(text) == 5 and text.isdecimal()
    assert answer["system_fingerprint"].startswith("causerie-")
    wrong = server.post("/v1/completions", {"prompt": "A number:", "response_format": {"type": "regexp"}})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "response_format")
