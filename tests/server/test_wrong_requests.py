"""A client's mistake is a 4xx that names the field, whoever finds it: the gate, the front or the engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.server.server_process import Server, serving
from tests.server.test_connection import address_of, answer_to

WIDE = {"type": "object", "properties": {f"p{place}": {"type": "string"} for place in range(2000)}}
CHOICE = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"], "additionalProperties": False}
JSON = {"Content-Type": "application/json"}
VOCAB = 3072


def schema(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    return server.openai_client()


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"response_format": schema({"$ref": "#"})}, "response_format", "too complex"),
        ({"response_format": schema(WIDE)}, "response_format", "too complex"),
        ({"response_format": schema({"type": "strin"})}, "response_format", "strin"),
        ({"response_format": schema({"$ref": "#/$defs/none"})}, "response_format", "none"),
        (
            {"response_format": {"type": "json_object"}, "generation_config": {"min_new_tokens": 50}},
            "generation_config",
            "min_new_tokens=50 and a response_format contradict",
        ),
        ({"logit_bias": {"5": 1e300}}, "logit_bias", "from -100 to 100"),
        ({"logit_bias": {"5": 100.5}}, "logit_bias", "logit_bias of 5 is 100.5"),
        ({"logit_bias": {"5": -101}}, "logit_bias", "from -100 to 100"),
        ({"generation_config": {"logit_bias": {"5": 1e300}}}, "generation_config", "1e+300"),
        ({"generation_config": {"suppress_tokens": list(range(VOCAB))}}, "generation_config", "forbidden"),
        ({"generation_config": {"temperature": -1}}, "generation_config", "temperature is -1"),
        ({"generation_config": {"temprature": 1}}, "generation_config", "temprature"),
        ({"generation_config": '{"stop_strings": "\\ud800"}'}, "generation_config", "JSON object"),
        ({"thinking_budget": -1}, "thinking_budget", "from 0"),
        ({"repetition_penalty": -1}, "repetition_penalty", "repetition_penalty is -1"),
        ({"logit_bias": {"999999": 1}}, "logit_bias", "token 999999"),
    ],
)
def test_a_mistake_of_the_client_is_no_fault_of_the_engine(
    client: openai.OpenAI, fields: dict[str, Any], param: str, words: str
) -> None:
    """They were 503 engine_error, which clients send again; and some had no param."""
    body = {"model": "builtin", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 40, **fields}
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=body, cast_to=httpx.Response)
    assert caught.value.param == param and words in caught.value.message
    assert caught.value.type == "invalid_request_error"


def test_what_shows_only_on_the_way_is_an_event_of_the_stream(server: Server) -> None:
    told = server.chat("Hi", stream=True, generation_config={"suppress_tokens": list(range(VOCAB))})
    assert told.status_code == 200
    (event,) = [json.loads(line[6:]) for line in told.text.splitlines() if '"error"' in line]
    assert (event["error"]["type"], event["error"]["param"]) == ("invalid_request_error", "generation_config")
    assert told.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("format", "words"),
    [
        ({"type": "json_object", "shema": {}}, "Unknown key of response_format of type json_object 'shema'"),
        (
            {"type": "json_schema", "json_schema": {"schema": CHOICE, "stict": True}},
            "response_format.json_schema 'stict'",
        ),
        ({"type": "json_schema", "json_schema": {"schema": CHOICE}, "strict": True}, "not in both"),
        ({"type": "json_schema", "json_schema": {"schema": CHOICE, "strict": "yes"}}, "true or false"),
        ({"type": "json_schema", "json_schema": {"schema": CHOICE, "name": 5}}, "has the name 5; it is a text"),
        ({"type": "json_schema", "json_schema": {"name": "x"}}, "has no schema"),
        ({"type": "text", "schema": CHOICE}, "Unknown key"),
        ({"type": "regex", "regex": "a", "pattern": "b"}, "two names of one thing"),
        ({"type": "regex", "regex": "a", "flags": "i"}, "Unknown key"),
        ({"type": "choice", "choices": []}, "1 to 1000"),
        ({"type": "jsonschema"}, "known, nearest first: json_schema"),
        ({"schema": CHOICE}, "an object with a type"),
    ],
)
def test_keys_of_a_response_format_are_not_ignored(server: Server, format: Any, words: str) -> None:
    error = server.chat("Hi", response_format=format).json()["error"]
    assert error["param"] == "response_format" and words in error["message"]
    told = server.post("/v1/responses", {"model": "builtin", "input": "Hi", "text": {"format": format}})
    assert (told.status_code, told.json()["error"]["param"]) == (400, "text.format")


@pytest.mark.parametrize(
    "format",
    [
        {"type": "json_schema", "json_schema": {"name": "a", "description": "b", "strict": True, "schema": CHOICE}},
        {"type": "json_schema", "name": "a", "strict": False, "schema": CHOICE},  # as in /v1/responses
        {"type": "json_schema", "schema": CHOICE},  # these two as llama.cpp documents them
        {"type": "json_object", "schema": CHOICE},
    ],
)
def test_known_ways_to_give_a_schema_are_kept_to(server: Server, format: Any) -> None:
    """The last one was taken for any JSON object."""
    assert json.loads(server.said("Hi", response_format=format)) in ({"a": "x"}, {"a": "y"})
    told = server.post("/v1/responses", {"model": "builtin", "input": "Hi", "text": {"format": format}}).json()
    assert json.loads(told["output"][0]["content"][0]["text"]) in ({"a": "x"}, {"a": "y"})


def test_what_never_fits_is_not_told_to_come_again(tmp_path: Path) -> None:
    with serving(tmp_path, "--max-requests", "8") as small:
        told = small.post("/v1/completions", {"model": "builtin", "prompt": ["x"] * 64, "max_tokens": 1})
        assert told.status_code == 400 and told.json()["error"]["param"] == "prompt"
        assert "64 entries" in told.json()["error"]["message"] and "at most 8" in told.json()["error"]["message"]
        told = small.post("/v1/completions", {"model": "builtin", "prompt": ["x"] * 8, "max_tokens": 1})
        assert told.status_code == 200


@pytest.mark.parametrize("text", ['"\\ud800"', '"a \\udc00 b"', '"\\ud83d\\u0041"'])
def test_half_a_surrogate_pair_is_told_as_such(server: Server, text: str) -> None:
    """It was called no JSON, which it is."""
    for body in (f'{{"model": "builtin", "prompt": {text}', f'{{"prompt": {text}, "model": "builtin"'):
        told = httpx.post(server.url + "/tokenize", content=body + "}", headers=JSON)
        assert told.status_code == 400 and told.json()["error"]["code"] == "invalid_unicode"
        assert "surrogate" in told.json()["error"]["message"]
    told = httpx.post(server.url + "/tokenize", content=b'{"model" 5}', headers=JSON)
    assert told.json()["error"]["message"] == "The body is not JSON (byte 9)."


@pytest.mark.parametrize(
    "head",
    [
        b"Host: localhost\r\nHost: localhost\r\n",
        b"Host: localhost\r\nHost: evil.example\r\n",
        b"Host: evil.example\r\nHost: localhost\r\n",
        b"Host: 127.0.0.1:x\r\n",
        b"Host: 127.0.0.1:80:80\r\n",
        b"Host: localhost:\r\n",
        b"Host: evil.example:80@localhost\r\n",
        b"Host: localhost/evil\r\n",
        b"Host: [::1\r\n",
        b"Host: ::1\r\n",
        b"Host: [::1]evil\r\n",
        b"",
    ],
)
def test_hosts_that_are_none(server: Server, head: bytes) -> None:
    answer = answer_to(address_of(server), b"GET /v1/models HTTP/1.1\r\n" + head + b"Connection: close\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 400"))
    assert b"builtin" not in answer


@pytest.mark.parametrize("host", [b"localhost", b"LOCALHOST:1", b"127.0.0.1:65535", b"[::1]:80"])
def test_hosts_that_are_this_servers(server: Server, host: bytes) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    assert answer_to(address_of(server), head).startswith(b"HTTP/1.1 200")


OPENAI_HEADERS = """authorization,content-type,openai-organization,openai-project,openai-beta,idempotency-key,
x-stainless-arch,x-stainless-lang,x-stainless-os,x-stainless-package-version,x-stainless-retry-count,
x-stainless-runtime,x-stainless-runtime-version,x-stainless-timeout,x-stainless-helper-method"""
ANTHROPIC_HEADERS = """anthropic-beta,anthropic-dangerous-direct-browser-access,anthropic-version,content-type,
x-api-key,x-stainless-arch,x-stainless-lang,x-stainless-os,x-stainless-package-version,x-stainless-retry-count,
x-stainless-runtime,x-stainless-runtime-version,x-stainless-timeout"""


def test_pages_may_use_the_official_clients(tmp_path: Path) -> None:
    """As a browser asks before a client's request: for every header that the client adds."""
    page = "https://mine.example"
    keys = tmp_path / "keys"
    keys.write_text("first-key\n")
    with serving(tmp_path, "--origin", page, "--api-key-file", str(keys)) as served:
        for path, names in (("/v1/chat/completions", OPENAI_HEADERS), ("/v1/messages", ANTHROPIC_HEADERS)):
            headers = names.replace("\n", "")
            asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers}
            asked = httpx.options(served.url + path, headers={"Origin": page, **asks})
            assert asked.status_code == 200 and asked.headers["access-control-allow-origin"] == page
            allowed = asked.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")
            assert set(headers.split(",")) <= set(allowed)
            other = httpx.options(served.url + path, headers={"Origin": "https://other.example", **asks})
            assert other.status_code == 400 and "access-control-allow-origin" not in other.headers
        told = served.get("/v1/models", headers={"Origin": page})
        assert told.status_code == 401 and told.headers["access-control-allow-origin"] == page
        assert "retry-after" in told.headers["access-control-expose-headers"].lower()
        keyed = served.anthropic_client("wrong")
        with pytest.raises(anthropic.AuthenticationError) as caught:
            keyed.messages.create(model="builtin", max_tokens=1, messages=[{"role": "user", "content": "Hi"}])
        assert caught.value.body["type"] == "error"


HERE = b"Host: localhost\r\n"
LARGE = b"Content-Type: application/json\r\nContent-Length: 9000000\r\n"


@pytest.mark.parametrize(
    ("line", "headers", "status", "kind"),
    [
        (b"POST /v1/messages", b"Host: evil.example\r\n", 403, "permission_error"),
        (b"POST /v1/messages", HERE + b"Origin: http://evil.example\r\n", 403, "permission_error"),
        (b"POST /v1/messages", HERE + HERE, 400, "invalid_request_error"),
        (b"POST /v1/messages?beta=true", HERE + b"Content-Type: text/plain\r\n", 415, "invalid_request_error"),
        (b"POST /v1/messages", HERE + LARGE, 413, "request_too_large"),
        (b"GET /v1/messages", HERE, 405, "invalid_request_error"),
        (b"GET /v1/messages/batches", HERE, 404, "not_found_error"),
        (b"GET /v1/messages", HERE + b"X: x\r\n" * 101, 431, "invalid_request_error"),
    ],
)
def test_guards_speak_the_protocol_of_the_path(
    server: Server, line: bytes, headers: bytes, status: int, kind: str
) -> None:
    """Before: OpenAI's envelope for Anthropic's clients, who find no type in it."""
    for path, names in ((b"/v1/messages", {"type", "error"}), (b"/v1/other", {"error"})):
        asked = line.replace(b"/v1/messages", path) + b" HTTP/1.1\r\n" + headers + b"Connection: close\r\n\r\n"
        head, _, body = answer_to(address_of(server), asked).partition(b"\r\n\r\n")
        told = json.loads(body)
        assert told.keys() == names
        if path == b"/v1/messages":
            assert head.split()[1] == str(status).encode()
            assert told["type"] == "error" and told["error"]["type"] == kind
            assert set(told["error"]) == {"type", "message"}


def test_other_methods_are_told_which_there_are(server: Server) -> None:
    assert server.get("/v1/chat/completions").headers["allow"] == "POST"


def test_a_leak_of_blocks_would_show(server: Server) -> None:
    """Free blocks alone were 0 on an idle server, as beginnings of prompts are kept."""
    server.said("A beginning that stays in the cache " * 8, max_tokens=8)
    server.wait(lambda: server.metric("used_blocks") == 0 and server.metric("kept_blocks") > 0)
    told = dict(line.split() for line in server.get("/metrics").text.splitlines() if line.startswith("causerie_"))
    free, indexed, every = (int(told[f"causerie_{name}"]) for name in ("free_blocks", "kept_blocks", "blocks"))
    assert free + indexed == every
