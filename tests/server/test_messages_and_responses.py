"""`/v1/messages` with Anthropic's client and `/v1/responses` with OpenAI's, against real servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.server.server_process import Server, folder_with, serving
from tests.server.test_tools_and_formats import CITY, TEMPLATE

QUESTION = "What is a token?"
ASKED: Any = [{"role": "user", "content": QUESTION}]
GREEDY = {"temperature": 0}  # the newest client has no argument for it


@pytest.fixture(scope="module")
def claude(server: Server) -> anthropic.Anthropic:
    return server.anthropic_client()


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    return server.openai_client()


@pytest.fixture(scope="module")
def expected(server: Server) -> str:
    return server.said(QUESTION)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server whose template knows tools and reasoning, and its model's name."""
    at = tmp_path_factory.mktemp("protocols")
    folder = folder_with(TEMPLATE, at / "model")
    with serving(at, folder) as started:
        yield started, folder


# --- Anthropic's ---


def test_a_message(claude: anthropic.Anthropic, expected: str) -> None:
    answer = claude.messages.create(model="builtin", max_tokens=100, messages=ASKED, extra_body=GREEDY)
    assert [block.type for block in answer.content] == ["text"]
    assert answer.content[0].text == expected  # type: ignore[union-attr]
    assert (answer.role, answer.stop_reason, answer.stop_sequence) == ("assistant", "end_turn", None)
    counted = claude.messages.count_tokens(model="builtin", messages=ASKED)
    assert counted.input_tokens == answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0)
    assert answer.usage.output_tokens > 10


def test_a_streamed_message(claude: anthropic.Anthropic, expected: str) -> None:
    with claude.messages.stream(model="builtin", max_tokens=100, messages=ASKED, extra_body=GREEDY) as stream:
        assert "".join(stream.text_stream) == expected
        final = stream.get_final_message()
    assert final.content[0].text == expected  # type: ignore[union-attr]
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 10


def test_ends_of_a_message(claude: anthropic.Anthropic, expected: str) -> None:
    cut = claude.messages.create(model="builtin", max_tokens=3, messages=ASKED, extra_body=GREEDY)
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 3)
    word = expected.split()[3]
    stopped = claude.messages.create(
        model="builtin", max_tokens=100, messages=ASKED, extra_body=GREEDY, stop_sequences=["zzz", word]
    )
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", word)
    assert stopped.content[0].text == expected[: expected.index(word)]  # type: ignore[union-attr]


def test_system_and_blocks(claude: anthropic.Anthropic, server: Server) -> None:
    chat: Any = [{"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}]
    counted = claude.messages.count_tokens(model="builtin", system="Be brief.", messages=chat)
    plain = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "one\ntwo"}]
    rendered = server.post("/apply-template", {"model": "builtin", "messages": plain}).json()
    assert counted.input_tokens == len(rendered["tokens"])


TOOL: Any = {"name": "weather", "description": "It rains.", "input_schema": CITY}


def test_a_tool_is_used_and_its_result_read(tools: tuple[Server, str]) -> None:
    server, model = tools
    claude = server.anthropic_client()
    options: Any = {"model": model, "max_tokens": 200, "extra_body": GREEDY, "tools": [TOOL]}
    forced = {**options, "tool_choice": {"type": "tool", "name": "weather"}}
    answer = claude.messages.create(messages=ASKED, **forced)
    (used,) = answer.content
    assert used.type == "tool_use" and used.name == "weather" and used.input["city"] in ("Den Haag", "Gent")  # type: ignore[index]
    assert answer.stop_reason == "tool_use"
    with claude.messages.stream(messages=ASKED, **forced) as stream:
        (streamed,) = stream.get_final_message().content
    assert streamed.type == "tool_use" and streamed.input == used.input
    result = {"type": "tool_result", "tool_use_id": used.id, "content": [{"type": "text", "text": "rain"}]}
    chat: Any = [*ASKED, {"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    assert claude.messages.create(messages=chat, **{**options, "max_tokens": 2}).usage.output_tokens == 2


def test_thinking_is_a_block_of_its_own(tools: tuple[Server, str]) -> None:
    server, model = tools
    claude = server.anthropic_client()
    answer = claude.messages.create(
        model=model,
        max_tokens=5,
        extra_body=GREEDY,
        messages=ASKED,
        thinking={"type": "enabled", "budget_tokens": 1024},
    )
    assert [block.type for block in answer.content] == ["thinking"]


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": 0},
        {"max_tokens": None},
        {"temperature": 2},
        {"messages": []},
        {"messages": [{"role": "system", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"tools": [{"type": "bash_20250124", "name": "bash"}]},
        {"tool_choice": {"type": "tool", "name": "x"}},
        {"tool_choice": {"type": "sometimes"}},
        {"thinking": {"type": "hard"}},
        {"stop_sequences": [""]},
        {"mcp_servers": []},
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_bad_messages_are_refused_in_their_envelope(server: Server, fields: dict[str, Any], stream: bool) -> None:
    body = {"model": "builtin", "max_tokens": 5, "messages": ASKED, "stream": stream, **fields}
    response = server.post("/v1/messages", body)
    assert response.status_code == 400, response.text
    error = response.json()
    assert error["type"] == "error" and error["error"]["type"] == "invalid_request_error"
    assert len(error["error"]["message"]) > 10


def test_unknown_models_in_each_envelope(server: Server) -> None:
    body = {"model": "other", "max_tokens": 5, "messages": ASKED}
    assert server.post("/v1/messages", body).json()["error"]["type"] == "not_found_error"
    assert server.post("/v1/responses", {"model": "other", "input": "x"}).json()["error"]["code"] == "model_not_found"


# --- OpenAI's newer one ---


def test_a_response(client: openai.OpenAI, expected: str) -> None:
    answer = client.responses.create(model="builtin", input=QUESTION, temperature=0)
    assert (answer.status, answer.output_text) == ("completed", expected)
    usage = answer.usage
    assert usage is not None and usage.total_tokens == usage.input_tokens + usage.output_tokens
    chat: Any = [{"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}]
    assert client.responses.create(model="builtin", input=chat, temperature=0).output_text == expected
    cut = client.responses.create(model="builtin", input=QUESTION, temperature=0, max_output_tokens=3)
    assert cut.status == "incomplete" and cut.incomplete_details is not None
    assert cut.incomplete_details.reason == "max_output_tokens"


def test_a_streamed_response(client: openai.OpenAI, expected: str) -> None:
    with client.responses.stream(model="builtin", input=QUESTION, temperature=0) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert final.output_text == expected
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    assert kinds[-1] == "response.completed" and "response.output_text.done" in kinds


def test_a_conversation_by_items(client: openai.OpenAI) -> None:
    first = client.responses.create(model="builtin", input=QUESTION, instructions="Be brief.", temperature=0)
    chat: Any = [{"role": "user", "content": QUESTION}, *[item.to_dict() for item in first.output]]
    chat.append({"role": "user", "content": "And a chat?"})
    again = client.responses.create(model="builtin", input=chat, instructions="Be brief.", temperature=0)
    assert again.usage and first.usage and again.usage.input_tokens > first.usage.total_tokens
    assert again.usage.input_tokens_details.cached_tokens > 0


def test_functions_and_formats(tools: tuple[Server, str]) -> None:
    server, model = tools
    client = server.openai_client()
    function: Any = {"type": "function", "name": "weather", "parameters": CITY, "strict": True}
    answer = client.responses.create(
        model=model,
        input=QUESTION,
        temperature=0,
        tools=[function],
        tool_choice={"type": "function", "name": "weather"},
    )
    (call,) = answer.output
    assert call.type == "function_call" and json.loads(call.arguments)["city"] in ("Den Haag", "Gent")
    chat: Any = [
        {"role": "user", "content": QUESTION},
        {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
        {"type": "function_call_output", "call_id": call.call_id, "output": "rain"},
    ]
    client.responses.create(model=model, input=chat, tools=[function], max_output_tokens=2)
    schema = {**CITY, "properties": {"city": {"type": "string", "maxLength": 9}}}
    format: Any = {"format": {"type": "json_schema", "name": "place", "schema": schema}}
    told = client.responses.create(model=model, input=QUESTION, text=format, temperature=0)
    assert set(json.loads(told.output_text)) == {"city"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"truncation": "some"}, "truncation"),
        ({"include": ["x"]}, "include"),
        ({"input": []}, "input"),
        ({"input": [{"type": "image_generation_call"}]}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"text": {"format": "json"}}, "text.format"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temprature": 1}, "temprature"),
    ],
)
def test_bad_responses_are_refused_by_name(server: Server, fields: dict[str, Any], param: str) -> None:
    response = server.post("/v1/responses", {"model": "builtin", "input": "x", **fields})
    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == param
