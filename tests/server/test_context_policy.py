"""Chats that no longer fit, over HTTP: refused, or shortened, which is said, and answered as the shorter chat is."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from causerie.chat.context import SUMMARY_HEAD
from tests.server.server_process import Server

SYSTEM = {"role": "system", "content": "Answer briefly."}
QUESTION = {"role": "user", "content": "What is a token?"}


def long_chat(rounds: int) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [SYSTEM]
    for number in range(rounds):
        messages.append({"role": "user", "content": f"Number {number}: " + "rivers and lakes " * 8})
        messages.append({"role": "assistant", "content": f"Noted, {number}. " * 6})
    return [*messages, QUESTION]


def ask(server: Server, messages: list[dict[str, Any]], **fields: Any) -> httpx.Response:
    return server.post(
        "/v1/chat/completions", {"model": "builtin", "messages": messages, "temperature": 0, "max_tokens": 40, **fields}
    )


@pytest.fixture(scope="module")
def context(server: Server) -> int:
    return int(server.get("/v1/models").json()["data"][0]["context"])


@pytest.fixture(scope="module")
def chat(server: Server) -> list[dict[str, Any]]:
    """Half as long again as the context."""
    messages = long_chat(60)
    assert ask(server, messages).json()["error"]["code"] == "context_length_exceeded"
    return messages


def test_the_oldest_rounds_go_and_it_is_said(server: Server, chat: list[dict[str, Any]], context: int) -> None:
    answer = ask(server, chat, context_policy="drop_oldest").json()
    dropped = answer["context"]["dropped_messages"]
    assert dropped == list(range(1, len(dropped) + 1)) and len(dropped) % 2 == 0
    assert answer["context"] == {"dropped": len(dropped), "dropped_messages": dropped, "summary": None}
    assert context // 2 < answer["usage"]["prompt_tokens"] <= context - 40
    shorter = ask(server, [SYSTEM, *chat[len(dropped) + 1 :]], context_policy="drop_oldest").json()
    assert answer["choices"][0]["message"] == shorter["choices"][0]["message"]
    assert "context" not in shorter  # it fits


def test_the_next_turn_is_read_from_the_cache(server: Server, chat: list[dict[str, Any]]) -> None:
    """What goes is rounded up, so that the chat begins alike when it has grown by a round."""
    first = ask(server, chat, context_policy="drop_oldest").json()
    grown = [*chat, first["choices"][0]["message"], {"role": "user", "content": "And what is a model?"}]
    second = ask(server, grown, context_policy="drop_oldest").json()
    assert second["context"]["dropped_messages"] == first["context"]["dropped_messages"]
    assert second["usage"]["prompt_tokens_details"]["cached_tokens"] > first["usage"]["prompt_tokens"] * 0.8


def test_what_is_pinned_stays(server: Server, chat: list[dict[str, Any]]) -> None:
    pinned = [dict(message, pinned=True) if place in (3, 6) else message for place, message in enumerate(chat)]
    dropped = ask(server, pinned, context_policy="drop_oldest").json()["context"]["dropped_messages"]
    assert 3 not in dropped and 6 not in dropped and {1, 2, 4, 5} <= set(dropped)


def test_a_summary_stands_for_what_went(server: Server, chat: list[dict[str, Any]]) -> None:
    answer = ask(server, chat, context_policy="summarize").json()
    summary, dropped = answer["context"]["summary"], answer["context"]["dropped"]
    told = [
        {"role": "user", "content": SUMMARY_HEAD + summary},
        {"role": "assistant", "content": "I have read the summary."},
    ]
    shorter = ask(server, [SYSTEM, *told, *chat[dropped + 1 :]]).json()
    assert summary and answer["choices"][0]["message"] == shorter["choices"][0]["message"]
    assert answer["usage"]["prompt_tokens"] == shorter["usage"]["prompt_tokens"]


def test_streams_say_it_first(server: Server, chat: list[dict[str, Any]]) -> None:
    client = server.openai_client()
    stream = client.chat.completions.create(
        model="builtin", messages=chat, temperature=0, max_tokens=8, stream=True,  # type: ignore[arg-type,call-overload]
        extra_body={"context_policy": "drop_oldest"},
    )  # fmt: skip
    chunks = [chunk.model_dump() for chunk in stream]
    assert chunks[0]["context"]["dropped"] and not any("context" in chunk for chunk in chunks[1:])


def test_truncation_auto_of_the_newer_protocol(server: Server, chat: list[dict[str, Any]]) -> None:
    client = server.openai_client()
    items: Any = chat[1:]
    options: Any = {"model": "builtin", "input": items, "temperature": 0, "max_output_tokens": 40}
    with pytest.raises(openai.BadRequestError, match="context"):
        client.responses.create(**options)
    answer = client.responses.create(**options, instructions=SYSTEM["content"], truncation="auto")
    same = ask(server, chat, context_policy="drop_oldest").json()
    assert answer.output_text == same["choices"][0]["message"]["content"] and answer.truncation == "auto"
    assert answer.model_dump()["context"] == {"dropped": same["context"]["dropped"], "summary": None}
    with pytest.raises(openai.BadRequestError, match="nearest first: disabled, auto"):
        client.responses.create(**options, truncation="some")


def test_what_cannot_be_shortened(server: Server, chat: list[dict[str, Any]]) -> None:
    for policy in ("drop_oldest", "summarize"):
        told = ask(server, [*chat, {"role": "user", "content": "much " * 5000}], context_policy=policy)
        assert told.status_code == 400 and told.json()["error"]["code"] == "context_length_exceeded"
        assert "last message alone" in told.json()["error"]["message"]
    for content, count in (([{"type": "text", "text": "x"}] * 1025, 1), ("x", 4097)):
        told = ask(server, [{"role": "user", "content": content}] * count)
        assert told.status_code == 400 and "at most" in told.json()["error"]["message"]
    told = ask(server, chat, context_policy="drop")
    assert told.status_code == 400 and told.json()["error"]["param"] == "context_policy"
    assert "drop_oldest" in told.json()["error"]["message"]


def test_a_client_that_leaves_ends_the_work(server: Server, chat: list[dict[str, Any]]) -> None:
    other = [{**message, "content": f"{message['content']} Well."} for message in chat]  # nothing of it is in the cache
    body = {"model": "builtin", "messages": other, "context_policy": "summarize", "logit_bias": {"2": -100}}
    for seconds in (0.05, 0.1, 0.2):  # while it is counted, summarized, answered
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(server.url + "/v1/chat/completions", json=body, timeout=seconds)
    server.wait(lambda: server.metric("running") == 0 and server.metric("waiting") == 0, 1)
