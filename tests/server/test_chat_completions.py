"""`/v1/chat/completions` with the official client and by hand, against a real server with the built-in model."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest

from causerie import builtin_model_path, pipeline
from tests.server.server_process import Server

QUESTIONS = ("Hello!", "What is a token?", "How do I start a chat?", "What is 12 + 30?", "What does temperature do?")


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    return server.openai_client()


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    """The same model's answers in Python."""
    pipe = pipeline("text-generation", builtin_model_path())
    return {
        text: pipe([{"role": "user", "content": text}], do_sample=False)[0]["generated_text"][-1]["content"]
        for text in QUESTIONS
    }


def messages(text: str) -> list[openai.types.chat.ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("text", QUESTIONS)
def test_the_answer_is_that_of_the_pipeline(client: openai.OpenAI, expected: dict[str, str], text: str) -> None:
    answer = client.chat.completions.create(model="builtin", messages=messages(text), temperature=0)
    assert answer.choices[0].message.content == expected[text]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_joins_to_the_answer(client: openai.OpenAI, expected: dict[str, str]) -> None:
    stream = client.chat.completions.create(
        model="builtin",
        messages=messages("What is a token?"),
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == expected[QUESTIONS[1]]
    assert chunks[-1].usage is not None
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert len(chunks) > 5


def test_a_raw_stream_ends_with_done(server: Server) -> None:
    body = {"model": "builtin", "messages": messages("Hello!"), "stream": True}
    with httpx.stream("POST", server.url + "/v1/chat/completions", json=body, timeout=60) as response:
        lines = [line for line in response.iter_lines() if line]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert lines[-1] == "data: [DONE]"
    assert all(json.loads(line.removeprefix("data: "))["object"] == "chat.completion.chunk" for line in lines[:-1])


def test_many_at_once_say_what_each_says_alone(server: Server, expected: dict[str, str]) -> None:
    asked = QUESTIONS * 4
    with ThreadPoolExecutor(len(asked)) as pool:
        assert list(pool.map(server.said, asked)) == [expected[text] for text in asked]


def test_the_next_turn_reads_only_what_is_new(server: Server) -> None:
    chat = [{"role": "user", "content": "What is the KV cache good for? " * 8}]
    body = {"model": "builtin", "messages": chat, "temperature": 0}
    first = server.post("/v1/chat/completions", body).json()
    chat += [first["choices"][0]["message"] | {"refusal": None}, {"role": "user", "content": "shorter please"}]
    chat[1].pop("refusal")
    second = server.post("/v1/chat/completions", body).json()
    assert second["usage"]["prompt_tokens_details"]["cached_tokens"] > 32


def test_seed_choices_and_stop(server: Server) -> None:
    drawn = {"temperature": 1.5, "seed": 7, "n": 3, "max_tokens": 20}
    first, second = (server.chat("Tell me something.", **drawn).json()["choices"] for _ in range(2))
    assert first == second
    assert len({choice["message"]["content"] for choice in first}) > 1
    whole = server.said("What is a token?")
    assert server.said("What is a token?", stop=[whole[10:16]]) == whole[:10]
    assert server.chat("What is a token?", max_tokens=3).json()["choices"][0]["finish_reason"] == "length"


def test_logprobs(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="builtin", messages=messages("Hello!"), temperature=0, logprobs=True, top_logprobs=3, max_tokens=6
    )
    told = answer.choices[0].logprobs
    assert told is not None
    assert told.content is not None
    assert len(told.content) == 6
    for token in told.content:
        assert len(token.top_logprobs) == 3
        assert token.logprob == max(other.logprob for other in token.top_logprobs) <= 0
    text = answer.choices[0].message.content
    assert b"".join(bytes(token.bytes or []) for token in told.content).decode() == text


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temprature": 1}, "temprature"),
        ({"n": 0}, "n"),
        ({"n": 1000}, "n"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"temperature": 9}, "temperature"),
        ({"top_p": 7}, "top_p"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "user", "content": "word " * 5000}]}, "messages"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),  # its template has none
        ({"tools": [{"type": "search"}]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}] * 2}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"response_format": {}}, "response_format"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "regex", "regex": "("}}, "response_format"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"99999999": 1}}, "logit_bias"),
        ({"top_logprobs": 5}, "top_logprobs"),
        ({"stop": [str(i) for i in range(100)]}, "stop"),
        ({"stop": "x" * 257}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"logit_bias": {str(i): 1 for i in range(1025)}}, "logit_bias"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_is_refused_by_name(server: Server, fields: dict[str, object], param: str, stream: bool) -> None:
    if stream and "stream_options" in fields:
        pytest.skip("that is what a stream may ask")
    response = server.chat("Hello!", **fields, stream=stream)
    error = response.json()["error"]
    assert response.status_code == 400, response.text
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert len(error["message"]) > 10
    assert "Traceback" not in error["message"]
    assert server.said("Hello!", max_tokens=4)


def test_an_unknown_model_names_the_known(server: Server) -> None:
    response = server.chat("Hello!", model="gpt-9")
    assert response.status_code == 404
    assert "builtin" in response.json()["error"]["message"]
    assert response.json()["error"]["code"] == "model_not_found"


def test_who_leaves_frees_the_engine(server: Server) -> None:
    """A stream and a whole answer whose clients go away: the work stops."""
    body = {
        "model": "builtin",
        "messages": messages("Hello!"),
        "stream": True,
        "logit_bias": {"2": -100},
        "max_tokens": 1900,
        "speculation": "off",  # or the last answer is guessed from those before it, and there in no time
    }
    for _ in range(3):
        with httpx.stream("POST", server.url + "/v1/chat/completions", json=body, timeout=60) as response:
            next(response.iter_lines())
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(server.url + "/v1/chat/completions", json={**body, "stream": False}, timeout=0.15)
    server.wait(lambda: server.metric("running") == 0 and server.metric("jobs") == 0, 3)


STUCK = {"logit_bias": {"70": 100}, "max_tokens": 700}
"""One token, whatever the model would say."""


def test_repetition_detection_ends_a_stuck_answer_with_a_reason_that_clients_know(
    server: Server, client: openai.OpenAI
) -> None:
    (going,) = server.chat("Hello!", **STUCK).json()["choices"]
    assert (going["finish_reason"], len(going["message"]["content"])) == ("length", 700) and "stop_reason" not in going
    (ended,) = server.chat("Hello!", **STUCK, repetition_detection=True).json()["choices"]
    assert (ended["finish_reason"], ended["stop_reason"]) == ("stop", "repetition_detected")
    assert len(ended["message"]["content"]) == 576
    stream = client.chat.completions.create(
        model="builtin",
        messages=messages("Hello!"),
        logit_bias={"70": 100},
        max_tokens=700,
        stream=True,
        extra_body={"repetition_detection": True},
    )
    last = list(stream)[-1].choices[0]
    assert (last.finish_reason, getattr(last, "stop_reason", None)) == ("stop", "repetition_detected")
    server.wait(lambda: server.metric("running") == 0)
    assert server.chat("Hello!", repetition_detection="yes").status_code == 400
