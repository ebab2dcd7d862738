"""What clients send beside the question: nulls, fields for OpenAI's own service, names that few templates know.

The oracle of which fields there are and which may be null is the official client's own declaration of them.
"""

from __future__ import annotations

import itertools
from typing import Any, get_args, get_type_hints

import anthropic
import openai
import pytest
from openai.types import completion_create_params, embedding_create_params
from openai.types.chat import completion_create_params as chat_create_params
from openai.types.responses import response_create_params

from tests.server.server_process import Server

CHAT: Any = {"model": "builtin", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}
TEXT: Any = {"model": "builtin", "prompt": "Hi", "max_tokens": 2}
RESPONSE: Any = {"model": "builtin", "input": "Hi", "max_output_tokens": 2}
MESSAGE: Any = {**CHAT}
BODIES = {"chat/completions": CHAT, "completions": TEXT, "responses": RESPONSE, "messages": MESSAGE}
SYSTEM = {"role": "system", "content": "Be brief."}


def declared(route: str) -> dict[str, Any]:
    """The official client's fields of a route, with their types."""
    types: dict[str, Any] = {
        "chat/completions": chat_create_params.CompletionCreateParamsNonStreaming,
        "completions": completion_create_params.CompletionCreateParamsNonStreaming,
        "responses": response_create_params.ResponseCreateParamsNonStreaming,
        "embeddings": embedding_create_params.EmbeddingCreateParams,
    }
    return get_type_hints(types[route])


def nullable(route: str) -> list[tuple[str, str]]:
    hints = declared(route)
    return [(route, name) for name, hint in hints.items() if type(None) in get_args(hint)]


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    return server.openai_client()


# --- null ---


@pytest.mark.parametrize(
    ("route", "name"), [*nullable("chat/completions"), *nullable("completions"), *nullable("responses")]
)
def test_null_counts_as_left_out_where_openais_schema_is_nullable(server: Server, route: str, name: str) -> None:
    """`n`, `stream`, `logprobs`, `echo` and `metadata` were 400: Expected `int`, got `null`."""
    told = server.post(f"/v1/{route}", BODIES[route] | {name: None})
    # Of a prompt alone null is not absence: it is required here, as OpenAI's own text to begin with is not known.
    assert told.status_code == (400 if (route, name) == ("completions", "prompt") else 200), told.text


@pytest.mark.parametrize("fields", [{"stream": None}, {"system": None, "tools": None, "metadata": None}])
def test_null_counts_as_left_out_for_anthropics_clients_too(server: Server, fields: dict[str, Any]) -> None:
    assert server.post("/v1/messages", MESSAGE | fields).status_code == 200


@pytest.mark.parametrize("route", list(BODIES))
def test_null_of_what_is_required_is_refused_by_name(server: Server, route: str) -> None:
    name = {"completions": "prompt", "responses": "input"}.get(route, "messages")
    told = server.post(f"/v1/{route}", BODIES[route] | {name: None})
    assert told.status_code == 400 and "null" in told.text


def test_null_of_a_field_that_is_not_known_is_refused_by_name(server: Server) -> None:
    error = server.post("/v1/chat/completions", CHAT | {"temprature": None}).json()["error"]
    assert error["param"] == "temprature" and "nearest first: temperature" in error["message"]


def test_nulls_within_a_value_stay(server: Server) -> None:
    """Only members of the body itself are left out."""
    told = server.post("/v1/chat/completions", CHAT | {"n": None, "stop": [None]})
    assert (told.status_code, told.json()["error"]["param"]) == (400, "stop[0]")
    text = 'the word null, "n": null'
    body = {"model": "builtin", "prompt": text}
    one, other = (server.post("/tokenize", each) for each in (body, body | {"add_special_tokens": None}))
    assert one.json() == other.json() and one.status_code == 200


def test_a_long_name_that_is_not_known_takes_no_time(server: Server) -> None:
    """Comparing it with the known ones took seconds from everybody."""
    for fields in ({"x" * 4_000_000: 1}, {"service_tier": "fast" * 1_000_000}):
        told = server.post("/v1/chat/completions", CHAT | fields)
        assert told.status_code == 400 and "nearest first" in told.json()["error"]["message"]


# --- fields of OpenAI's own service ---

SERVICE: dict[str, list[Any]] = {
    "store": [False, True],
    "metadata": [{"a": "b"}],
    "service_tier": ["auto", "default"],
    "safety_identifier": ["u"],
    "prompt_cache_key": ["k"],
    "prompt_cache_retention": ["in_memory", "24h"],
    "user": ["u"],
}


@pytest.mark.parametrize("route", ["chat/completions", "responses"])
def test_fields_of_openais_own_service_are_accepted(server: Server, route: str) -> None:
    for name, values in SERVICE.items():
        assert name in declared(route)
        for value in values:
            told = server.post(f"/v1/{route}", BODIES[route] | {name: value})
            assert told.status_code == 200, told.text
    assert server.chat("Hi", max_tokens=2, modalities=["text"], verbosity="medium").status_code == 200


@pytest.mark.parametrize("route", ["chat/completions", "responses"])
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("store", "no", "bool"),
        ("metadata", {"a": 5}, "Expected `str`"),
        ("metadata", {str(place): "x" for place in range(17)}, "length <= 16"),
        ("metadata", {"k" * 65: "x"}, "length <= 64"),
        ("service_tier", "fastest", "nearest first: fast"),
        ("prompt_cache_retention", "48h", "24h"),
        ("safety_identifier", 5, "Expected `str"),
    ],
)
def test_values_of_openais_own_service_are_checked(
    server: Server, route: str, name: str, value: Any, words: str
) -> None:
    error = server.post(f"/v1/{route}", BODIES[route] | {name: value}).json()["error"]
    assert error["param"].startswith(name) and words in error["message"]


@pytest.mark.parametrize(
    ("route", "fields", "param"),
    [
        ("chat/completions", {"modalities": ["text", "audio"]}, "modalities"),
        ("chat/completions", {"verbosity": "shouting"}, "verbosity"),
        ("chat/completions", {"audio": {"voice": "alloy", "format": "wav"}}, "audio"),
        ("chat/completions", {"prediction": {"type": "content", "content": "x"}}, "prediction"),
        ("chat/completions", {"web_search_options": {}}, "web_search_options"),
        ("chat/completions", {"functions": [{"name": "f"}]}, "functions"),
        ("responses", {"background": True}, "background"),
        ("responses", {"top_logprobs": 5}, "top_logprobs"),
        ("responses", {"top_logprobs": 21}, "top_logprobs"),
        ("responses", {"max_tool_calls": 0}, "max_tool_calls"),
        ("responses", {"conversation": "conv_1"}, "conversation"),
        ("responses", {"prompt": {"id": "pmpt_1"}}, "prompt"),
        ("responses", {"include": ["message.output_text.logprobs"]}, "include"),
        ("responses", {"stream_options": {"include_obfuscation": False}}, "stream_options"),
        ("responses", {"stream": True, "stream_options": {"include_usage": True}}, "stream_options.include_usage"),
        ("responses", {"text": {"verbosity": "shouting"}}, "text"),
        ("responses", {"text": {"fromat": {"type": "json_object"}}}, "text"),
        ("messages", {"service_tier": "fast"}, None),
    ],
)
def test_what_asks_for_something_that_is_not_done_is_refused_by_name(
    server: Server, route: str, fields: dict[str, Any], param: str | None
) -> None:
    told = server.post(f"/v1/{route}", BODIES[route] | fields)
    assert told.status_code == 400, told.text
    assert told.json()["error"].get("param") == param and len(told.json()["error"]["message"]) > 10


def test_the_obfuscation_of_a_stream_may_be_named(client: openai.OpenAI) -> None:
    options: Any = {"include_obfuscation": False, "include_usage": True}
    *_, last = client.chat.completions.create(**CHAT, stream=True, stream_options=options)
    assert last.usage is not None and last.usage.completion_tokens == 2
    *_, ended = client.responses.create(**RESPONSE, stream=True, stream_options={"include_obfuscation": False})
    assert ended.type == "response.incomplete"


def test_responses_fields_that_ask_for_nothing_are_accepted(client: openai.OpenAI) -> None:
    """As Codex and the agents SDK send them."""
    fields: Any = {
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "background": False,
        "top_logprobs": 0,
        "max_tool_calls": 3,
        "conversation": None,
        "prompt": None,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
    }
    answer = client.responses.create(**RESPONSE, **fields)
    assert answer.status == "incomplete" and answer.store is False


# --- what is missing or out of range ---


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("/v1/chat/completions", "messages"),
        ("/v1/completions", "prompt"),
        ("/v1/responses", "input"),
        ("/tokenize", "prompt"),
    ],
)
def test_a_missing_field_is_the_param(server: Server, path: str, missing: str) -> None:
    body: dict[str, Any] = {"/tokenize": TEXT}.get(path) or BODIES[path.removeprefix("/v1/")]
    told = server.post(path, {name: value for name, value in body.items() if name not in (missing, "max_tokens")})
    assert (told.status_code, told.json()["error"]["param"]) == (400, missing)
    assert missing in told.json()["error"]["message"]


@pytest.mark.parametrize("route", ["chat/completions", "completions"])
@pytest.mark.parametrize("name", ["presence_penalty", "frequency_penalty"])
def test_penalties_beyond_two_are_refused(server: Server, route: str, name: str) -> None:
    for value, status in ((2, 200), (-2, 200), (2.01, 400), (-2.5, 400), (3, 400)):
        told = server.post(f"/v1/{route}", BODIES[route] | {name: value})
        assert told.status_code == status, told.text
        assert status == 200 or told.json()["error"]["param"] == name


@pytest.mark.parametrize("tokens", [[10**9], [5, 3072], [2**31 - 1, 5]])
def test_detokenize_refuses_ids_that_do_not_exist(server: Server, tokens: list[int]) -> None:
    told = server.post("/detokenize", {"model": "builtin", "tokens": tokens})
    assert (told.status_code, told.json()["error"]["param"]) == (400, "tokens")
    assert str(max(tokens)) in told.json()["error"]["message"] and "3072" in told.json()["error"]["message"]
    assert server.post("/detokenize", {"model": "builtin", "tokens": [0, 3071]}).status_code == 200


# --- instructions, by whatever name ---


def tokens_of(server: Server, chat: list[dict[str, Any]]) -> int:
    return len(server.post("/apply-template", {"model": "builtin", "messages": chat}).json()["tokens"])


def test_the_role_developer_is_read_as_system(server: Server, client: openai.OpenAI) -> None:
    """It was 400: the template does not know it."""
    asked: Any = [{"role": "developer", "content": "Be brief."}, *CHAT["messages"]]
    expected = tokens_of(server, [SYSTEM, *CHAT["messages"]])
    assert tokens_of(server, asked) == expected
    answer = client.chat.completions.create(model="builtin", messages=asked, max_tokens=2)
    assert answer.usage is not None and answer.usage.prompt_tokens == expected
    told = client.responses.create(model="builtin", input=asked, max_output_tokens=2)
    assert told.usage is not None and told.usage.input_tokens == expected


@pytest.mark.parametrize(("first", "second"), [*itertools.product(["system", "developer"], repeat=2)])
def test_instructions_and_system_messages_are_joined(
    server: Server, client: openai.OpenAI, first: str, second: str
) -> None:
    """The template reads one system message, and this was 400."""
    chat: Any = [{"role": first, "content": "A."}, {"role": second, "content": "B."}, *CHAT["messages"]]
    told = client.responses.create(model="builtin", instructions="Be brief.", input=chat, max_output_tokens=2)
    joined = {"role": "system", "content": "Be brief.\n\nA.\n\nB."}
    assert told.usage is not None and told.usage.input_tokens == tokens_of(server, [joined, *CHAT["messages"]])
    assert told.instructions == "Be brief."


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("content", ["From a message.", [{"type": "text", "text": "From a message."}]])
def test_a_system_prompt_as_a_message_is_put_in_front(server: Server, content: Any, place: int) -> None:
    """Claude Code sends it so; it was 400."""
    claude = server.anthropic_client()
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}, *CHAT["messages"]]
    chat: Any = [*turns[:place], {"role": "system", "content": content}, *turns[place:]]
    for system, text in ((anthropic.omit, "From a message."), ("First.", "First.\n\nFrom a message.")):
        counted = claude.messages.count_tokens(model="builtin", messages=chat, system=system)
        assert counted.input_tokens == tokens_of(server, [{"role": "system", "content": text}, *turns])
    assert claude.messages.create(model="builtin", messages=chat, max_tokens=2).usage.output_tokens == 2


# --- blocks of Anthropic's ---


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"type": "tool_use", "name": "f", "input": {}}, "tool_use block whose id is missing"),
        ({"type": "tool_use", "id": "t", "input": {}}, "tool_use block whose name is missing"),
        ({"type": "tool_use", "id": "t", "name": "f"}, "tool_use block whose input is missing"),
        ({"type": "tool_use", "id": "t", "name": "f", "input": "{}"}, "whose input is '{}'; expected an object"),
        ({"type": "tool_result"}, "tool_result block whose tool_use_id is missing"),
        ({"type": "thinking", "signature": "abc"}, "thinking block whose thinking is missing"),
        ({"type": "redacted_thinking", "data": "x"}, "redacted_thinking"),  # of the user
        ({"type": "image"}, "only text"),
        ({}, "only text"),
        ("text", "only text"),
    ],
)
def test_unfit_content_blocks_are_refused(server: Server, block: Any, words: str) -> None:
    own = isinstance(block, dict) and block.get("type") in ("tool_use", "thinking")
    chat = [*CHAT["messages"], {"role": "assistant" if own else "user", "content": [block]}, *CHAT["messages"]]
    told = server.post("/v1/messages", MESSAGE | {"messages": chat})
    assert told.status_code == 400 and words in told.json()["error"]["message"], told.text
    assert "messages[1]" in told.json()["error"]["message"]


def test_redacted_thinking_of_earlier_turns_is_left_out(server: Server) -> None:
    claude = server.anthropic_client()

    def counted(*blocks: Any) -> int:
        chat: Any = [*CHAT["messages"], {"role": "assistant", "content": [*blocks]}, *CHAT["messages"]]
        return claude.messages.count_tokens(model="builtin", messages=chat).input_tokens

    said = {"type": "text", "text": "Hello"}
    assert counted({"type": "redacted_thinking", "data": "opaque"}, said) == counted(said)


# --- the id of a request ---


def test_a_requests_id_is_echoed_or_made(server: Server, client: openai.OpenAI) -> None:
    assert server.get("/v1/models", headers={"X-Request-Id": "abc"}).headers["x-request-id"] == "abc"
    made = [server.get("/health").headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1] and all(one.startswith("req_") for one in made)
    for unfit in ("two words", "x" * 129, "é".encode()):
        assert server.get("/health", headers={"X-Request-Id": unfit}).headers["x-request-id"].startswith("req_")
    for path in ("/nothing", "/v1/models/none"):
        assert server.get(path, headers={"X-Request-Id": "abc"}).headers["x-request-id"] == "abc"
    refused = server.get("/health", headers={"Origin": "http://evil.example", "X-Request-Id": "abc"})
    assert (refused.status_code, refused.headers["x-request-id"]) == (403, "abc")


def test_the_official_clients_know_their_requests_id(server: Server, client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**CHAT, extra_headers={"X-Request-Id": "mine"})
    assert answer._request_id == "mine"
    claude = server.anthropic_client()
    told = claude.messages.create(**MESSAGE)
    assert told._request_id is not None and told._request_id.startswith("req_")
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("none")
    assert caught.value.request_id is not None
