"""What a stream tells beside its text where it is asked: how much of the prompt is read, and the counts so far."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.server.server_process import Server

LONG = "How do I start a chat? " * 120


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    return server.openai_client()


def chunks(client: openai.OpenAI, text: str, options: dict[str, Any] | None = None, **fields: Any) -> list[Any]:
    asked: Any = {"model": "builtin", "messages": [{"role": "user", "content": text}], "temperature": 0}
    stream = client.chat.completions.create(**asked, stream=True, stream_options=options, extra_body=fields)
    return list(stream)


def progress(stream: list[Any]) -> list[dict[str, int]]:
    return [chunk.prompt_progress for chunk in stream if hasattr(chunk, "prompt_progress")]


def test_reading_a_prompt_is_told_as_llama_cpp_tells_it(client: openai.OpenAI) -> None:
    """The laws of llama.cpp's own test of it: it begins with what was cached, grows, and ends with the whole."""
    for again in (False, True):
        stream = chunks(client, LONG, {"include_usage": True}, return_progress=True, max_tokens=4)
        told = progress(stream)
        assert told[0]["cache"] == told[0]["processed"] and told[0]["time_ms"] == 0
        assert {(each["total"], each["cache"]) for each in told} == {(stream[-1].usage.prompt_tokens, told[0]["cache"])}
        read = [each["processed"] for each in told]
        assert read == sorted(set(read)) and read[-1] == told[0]["total"]
        assert (told[0]["cache"] > told[0]["total"] // 2) == again  # another test's prompt may begin alike
        first = next(place for place, chunk in enumerate(stream) if chunk.choices and chunk.choices[0].delta.content)
        assert all(not hasattr(chunk, "prompt_progress") for chunk in stream[first:])
    assert len(read) == 2


def test_nothing_is_told_unasked(client: openai.OpenAI) -> None:
    stream = chunks(client, LONG, max_tokens=4)
    assert not progress(stream) and not any(chunk.usage for chunk in stream)


def test_several_answers_read_one_prompt(client: openai.OpenAI) -> None:
    told = progress(chunks(client, LONG + "Twice.", return_progress=True, n=2, max_tokens=4))
    read = [each["processed"] for each in told]
    assert read == sorted(set(read)) and read[-1] == told[0]["total"]


def test_counts_in_every_chunk(client: openai.OpenAI) -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    stream = chunks(client, "What is a token?", options, max_tokens=12)
    counts = [(chunk.usage.prompt_tokens, chunk.usage.completion_tokens) for chunk in stream]
    assert {prompt for prompt, _ in counts} == {counts[-1][0]} and counts[0][1] == 0
    new = [new for _, new in counts]
    assert new == sorted(new) and new[-1] == 12 and len(set(new)) > 3
    stream = client.completions.create(
        model="builtin", prompt=["Hello", "What"], max_tokens=5, stream=True, stream_options=options
    )  # type: ignore[call-overload]
    counts = [chunk.usage.completion_tokens for chunk in stream]
    assert counts == sorted(counts) and counts[0] > 0


def test_progress_without_a_stream_is_refused(server: Server) -> None:
    told = server.chat("Hello!", return_progress=True)
    assert told.status_code == 400 and told.json()["error"]["param"] == "return_progress"
