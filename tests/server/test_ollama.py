"""Ollama's protocol by its official client, against the same answers of the other routes; and what it does not take."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import ollama
import pytest

from causerie.server.processes.jobs import Begun, Call, Chat, Ended, Piece, Timings
from causerie.server.protocols.ollama import OllamaAnswer, OllamaChat
from causerie.server.protocols.ollama_models import known_name
from causerie.server.protocols.ollama_time import FOREVER, lasting
from tests.server.server_process import Server
from tests.server.test_tools_and_formats import CITY, TOOLS

QUESTION = "What is a token?"
ASKED = [{"role": "user", "content": QUESTION}]
DRAWN: dict[str, Any] = {"temperature": 1.9, "top_k": 200, "seed": 5, "num_predict": 24}


@pytest.fixture(scope="module")
def client(server: Server) -> ollama.Client:
    return server.ollama_client()


@pytest.fixture(scope="module")
def expected(server: Server) -> str:
    return server.said(QUESTION, temperature=1.9, top_k=200, seed=5, max_tokens=24)


# --- answers ---


def test_a_chat(server: Server, client: ollama.Client, expected: str) -> None:
    answer = client.chat("builtin:latest", ASKED, options=DRAWN)
    assert answer.message.content == expected and answer.message.role == "assistant"
    assert (answer.model, answer.done, answer.done_reason, answer.eval_count) == ("builtin:latest", True, "length", 24)
    usage = server.chat(QUESTION, max_tokens=1).json()["usage"]
    assert answer.prompt_eval_count == usage["prompt_tokens"]
    assert answer.total_duration and answer.eval_duration and 0 < answer.eval_duration < answer.total_duration
    stopped = client.chat("builtin", ASKED, options={**DRAWN, "stop": [expected.split()[2]]})
    assert stopped.message.content == expected[: expected.index(expected.split()[2])]
    assert stopped.done_reason == "stop"


def test_a_streamed_chat(client: ollama.Client, expected: str) -> None:
    *pieces, last = client.chat("builtin", ASKED, options=DRAWN, stream=True)
    assert len(pieces) > 3 and not any(piece.done for piece in pieces)
    assert "".join(piece.message.content or "" for piece in pieces) == expected
    assert last.done and last.done_reason == "length" and last.eval_count == 24 and last.message.content == ""


def test_a_prompt(server: Server, client: ollama.Client, expected: str) -> None:
    assert client.generate("builtin", QUESTION, options=DRAWN).response == expected
    pieces = client.generate("builtin", QUESTION, options=DRAWN, stream=True)
    assert "".join(piece.response or "" for piece in pieces) == expected
    greedy = {"temperature": 0, "num_predict": 12}
    system = [{"role": "system", "content": "Be brief."}, *ASKED]
    said = client.chat("builtin", system, options=greedy).message.content
    assert client.generate("builtin", QUESTION, system="Be brief.", options=greedy).response == said
    raw = client.generate("builtin", "Once upon", raw=True, options=greedy)
    body = {"model": "builtin", "prompt": "Once upon", "temperature": 0, "max_tokens": 12}
    assert raw.response == server.post("/v1/completions", body).json()["choices"][0]["text"]


def test_forms_and_log_probabilities(server: Server, client: ollama.Client) -> None:
    answer = client.chat("builtin", ASKED, format=CITY, options={"temperature": 0})
    assert json.loads(answer.message.content or "")["city"] in ("Den Haag", "Gent")
    answer = client.chat("builtin", ASKED, logprobs=True, top_logprobs=2, options={"temperature": 0, "num_predict": 3})
    choice = server.chat(QUESTION, max_tokens=3, logprobs=True, top_logprobs=2).json()["choices"][0]
    assert answer.logprobs and len(answer.logprobs) == 3
    for one, other in zip(answer.logprobs, choice["logprobs"]["content"], strict=True):
        assert (one.token, one.logprob) == (other["token"], other["logprob"])
        assert [each.token for each in one.top_logprobs or []] == [each["token"] for each in other["top_logprobs"]]


def test_what_is_otherwise_than_it_was_asked_is_said(server: Server) -> None:
    options = {"num_predict": 1, "num_ctx": 8192, "repeat_last_n": 64, "repeat_penalty": 1.1, "num_gpu": 1}
    body = {"model": "builtin", "messages": ASKED, "stream": False, "options": options}
    context, penalty = server.post("/api/chat", body).json()["notes"]
    assert "8192" in context and "2048" in context and "64" in penalty
    long = [{"role": role, "content": "word " * 700} for role in ("user", "assistant", "user")]
    body = {"model": "builtin", "messages": [*long, *ASKED], "stream": False, "options": {"num_predict": 1}}
    assert server.post("/api/chat", body).json()["context"]["dropped"] > 0
    assert "context" in server.post("/api/chat", {**body, "truncate": False}).json()["error"]


def test_calls_and_reasoning() -> None:
    messages: Any = [
        *ASKED,
        {
            "role": "assistant",
            "thinking": "hm",
            "tool_calls": [
                {"function": {"name": name, "arguments": {"city": "Gent"}}} for name in ("clock", "weather")
            ],
        },
        {"role": "tool", "tool_name": "weather", "content": "rain"},
        {"role": "tool", "content": "noon"},
    ]
    body = msgspec.convert({"model": "builtin", "messages": messages, "tools": TOOLS, "think": "low"}, OllamaChat)
    (order,) = body.orders()
    asked = order(1)
    assert asked.tools is not None and list(asked.tools.schemas) == ["weather", "clock"]
    assert isinstance(asked.prompt, Chat) and asked.prompt.tools == TOOLS
    assert asked.prompt.variables == {"enable_thinking": True, "reasoning_effort": "low"}
    _, said, weather, clock = asked.prompt.messages
    assert said["reasoning_content"] == "hm" and said["content"] == ""
    assert [json.loads(call["function"]["arguments"]) for call in said["tool_calls"]] == [{"city": "Gent"}] * 2
    assert [weather["tool_call_id"], clock["tool_call_id"]] == [call["id"] for call in said["tool_calls"]][::-1]
    assert (weather["name"], clock["name"]) == ("weather", "clock")
    timings = Timings(0.5, 0, 0, 0, 0.25, 7, 0.125, 1.0)
    events: Any = [
        Begun(1, 7),
        Piece(1, 0, reasoning="I look."),
        Piece(1, 0, "So: ", calls=[Call("weather", '{"city": "Gent"}')]),
        Ended(1, 0, "stop", 0, 9, timings=timings),
    ]
    answer = OllamaAnswer(msgspec.structs.replace(body, stream=False), lambda: 2048)
    lines = [ollama.ChatResponse(**line) for event in events for line in answer.read(0, event)]
    assert [line.message.thinking for line in lines] == ["I look.", None, None]
    whole = ollama.ChatResponse(**answer.whole())
    assert (whole.message.content, whole.message.thinking) == ("So: ", "I look.")
    for message in (lines[1].message, whole.message):
        (call,) = message.tool_calls or []
        assert (call.function.name, call.function.arguments) == ("weather", {"city": "Gent"})
    for end in (lines[-1], whole):
        assert (end.load_duration, end.prompt_eval_duration, end.eval_duration) == (5 * 10**8, 25 * 10**7, 1125 * 10**6)


# --- models ---


def test_models(server: Server, client: ollama.Client) -> None:
    client.generate("builtin")  # loads it
    facts = server.get("/v1/models/builtin").json()
    (row,) = client.list().models
    assert (row.model, row.size) == ("builtin", facts["weight_bytes"]) and row.digest and len(row.digest) == 64
    assert row.details and row.details.quantization_level == facts["format"]
    shown = client.show("builtin:latest")
    assert shown.modelinfo and shown.modelinfo[f"{facts['family']}.context_length"] == facts["context"] == 2048
    assert shown.capabilities == ["completion"]  # its template knows neither tools nor reasoning
    assert server.get("/api/version").json()["version"].count(".") == 2
    for path in ("/", "/api/version"):
        assert httpx.head(server.url + path, timeout=60).status_code == 200  # how clients see that a server is there


def test_how_long_a_model_stays(server: Server, client: ollama.Client) -> None:
    assert client.generate("builtin", keep_alive="5m").done_reason == "load"
    (row,) = client.ps().models
    assert (row.name, row.context_length) == ("builtin", 2048)
    rest = (row.expires_at or datetime.now(UTC)) - datetime.now(UTC)
    assert timedelta(minutes=4) < rest <= timedelta(minutes=5)
    assert client.chat("builtin", ASKED, options={"num_predict": 1}).done
    assert (client.ps().models[0].expires_at or datetime.now(UTC)).year > 2200  # as the server's options have it
    assert client.generate("builtin", keep_alive=0).done_reason == "unload" and not client.ps().models
    *_, last = client.chat("builtin", ASKED, options={"num_predict": 40}, stream=True, keep_alive=0)
    assert last.eval_count
    server.wait(lambda: not client.ps().models)
    client.embed("builtin", "x", keep_alive=0.5)
    assert client.ps().models
    server.wait(lambda: not client.ps().models)


def test_names() -> None:
    known = ["builtin", "org/Model", "tagged:latest", "other:1b"]
    for asked, name in {
        "builtin": "builtin",
        "builtin:latest": "builtin",
        "hf.co/org/Model": "org/Model",
        "tagged": "tagged:latest",
        "other:1b": "other:1b",
        "other": None,
        "builtin:1b": None,
        "org/model": None,
    }.items():
        assert known_name(asked, known) == name


def test_durations() -> None:
    durations: dict[Any, float] = {"5m": 300, "1h30m": 5400, "1.5s": 1.5, "-1": FOREVER, "-5m": FOREVER, -1: FOREVER}
    for duration, seconds in {**durations, "0": 0, 0: 0, 60: 60, "300": 300, "250ms": 0.25}.items():
        assert lasting(duration) == seconds
    assert lasting(None) is None


# --- embeddings ---


def test_embeddings(server: Server, client: ollama.Client) -> None:
    def expect(inputs: Any) -> Any:
        answer = server.post("/v1/embeddings", {"model": "builtin", "input": inputs}).json()
        return [row["embedding"] for row in answer["data"]], answer["usage"]["prompt_tokens"]

    texts = ["What is a token?", "Grüße, 你好"]
    answer = client.embed("builtin", texts)
    assert (answer.embeddings, answer.prompt_eval_count) == expect(texts)
    assert client.embeddings("builtin", texts[1]).embedding == answer.embeddings[1]
    assert client.embed("builtin", "").embeddings == []
    long = "word " * 3000
    tokens = server.post("/tokenize", {"model": "builtin", "prompt": long}).json()["tokens"]
    assert client.embed("builtin", long).embeddings == expect(tokens[:2048])[0]
    with pytest.raises(ollama.ResponseError, match="context"):
        client.embed("builtin", long, truncate=False)


# --- what is refused ---


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("chat", {"model": "builtni"}, "not found. Served here, nearest first: builtin"),
        ("chat", {"messages": [{"role": "user", "content": "x", "images": ["aGk="]}]}, "images"),
        ("chat", {"messages": [{"role": "robot", "content": "x"}]}, "'robot'"),
        ("chat", {"messages": [{"role": "user", "content": 5}]}, "content"),
        ("chat", {"options": {"temprature": 1}}, "temprature"),
        ("chat", {"options": {"temperature": 9}}, "temperature is 9"),
        ("chat", {"options": {"mirostat": 2}}, "mirostat is 2"),
        ("chat", {"format": "yaml"}, "format"),
        ("chat", {"keep_alive": "soon"}, "keep_alive"),
        ("chat", {"template": "{{ .Prompt }}"}, "template"),
        ("chat", {"tools": TOOLS}, "tools"),
        ("generate", {"prompt": "x", "suffix": "y"}, "suffix"),
        ("generate", {"prompt": "x", "images": ["aGk="]}, "images"),
        ("generate", {"prompt": "x", "context": [1, 2]}, "context"),
        ("generate", {"prompt": "x", "raw": True, "system": "y"}, "system"),
        ("generate", {"prompt": "x", "raw": True, "think": True}, "think"),
        ("embed", {"input": ["x", ""]}, "empty"),
        ("show", {"name": "builtni", "model": ""}, "not found"),
        ("pull", {"model": "org/other"}, "downloads nothing"),
        ("create", {}, "causerie serve MODEL"),
        ("nothing", {}, "not a route"),
    ],
)
def test_refusals(server: Server, path: str, fields: dict[str, Any], words: str) -> None:
    asked = {"messages": ASKED} if path == "chat" else {}
    response = server.post(f"/api/{path}", {"model": "builtin", **asked, **fields})
    assert response.status_code in (400, 403, 404) and words in response.json()["error"]


def test_an_error_within_the_client(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="not found") as caught:
        client.chat("llama3.2", ASKED)
    assert caught.value.status_code == 404
    with pytest.raises(ollama.ResponseError, match="causerie models rm"):
        client.delete("builtin")
