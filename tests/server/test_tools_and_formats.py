"""Calls of tools and response formats over HTTP, with the official client: the built-in model's weights under a
template that knows tools and reasoning. What such a model says freely means little, so answers are held to a form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from causerie import AutoModelForCausalLM, AutoTokenizer
from tests.server.server_process import Server, folder_with, serving

TEMPLATE = (
    "{{ bos_token }}{% if tools %}<tool_call>{{ tools | tojson }}{% endif %}{% for message in messages %}"
    "<|{{ 'user' if message.role == 'tool' else message.role }}|>{{ message.content or '' }}"
    "{% for call in message.tool_calls %}<tool_call>{{ call.function.arguments.city }}</tool_call>{% endfor %}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}{% if enable_thinking %}<think>{% endif %}"
)
CLOSED: dict[str, Any] = {"type": "object", "additionalProperties": False}
CITY = {**CLOSED, "properties": {"city": {"enum": ["Den Haag", "Gent"]}}, "required": ["city"]}
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": CITY}},
    {"type": "function", "function": {"name": "clock", "parameters": {**CLOSED, "properties": {}}}},
]
ASKED: Any = [{"role": "user", "content": "What is the weather in Gent?"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(folder_with(TEMPLATE, tmp_path_factory.mktemp("tools") / "model"))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder.parent, str(folder)) as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    return server.openai_client()


def test_a_call_that_is_required_is_made(client: openai.OpenAI, folder: Path) -> None:
    answer = client.chat.completions.create(
        model=str(folder), messages=ASKED, tools=TOOLS, tool_choice="required", temperature=0, parallel_tool_calls=False
    )
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    assert choice.message.tool_calls
    for call in choice.message.tool_calls:
        assert call.type == "function" and call.id.startswith("call_")
        assert json.loads(call.function.arguments) in ({"city": "Den Haag"}, {"city": "Gent"}, {})
        assert call.function.name in ("weather", "clock")


def test_a_named_call_is_the_only_one_streamed_or_not(client: openai.OpenAI, folder: Path) -> None:
    options: Any = {
        "model": str(folder), "messages": ASKED, "tools": TOOLS, "temperature": 0, "max_tokens": 200,
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
    }  # fmt: skip
    whole = client.chat.completions.create(**options).choices[0]
    (call,) = whole.message.tool_calls or []
    assert call.type == "function" and call.function.name == "weather"
    with client.chat.completions.stream(**options) as stream:
        final = stream.get_final_completion().choices[0]
    (streamed,) = final.message.tool_calls or []
    assert (streamed.function.name, streamed.function.arguments) == ("weather", call.function.arguments)
    assert final.finish_reason == whole.finish_reason == "tool_calls"


class Kind(Enum):
    DRY = "dry"
    WET = "wet"


class Forecast(BaseModel):
    """What the weather will be."""

    kind: Kind
    later: Kind | None


def test_tools_with_definitions_are_called(client: openai.OpenAI, folder: Path) -> None:
    """Tools of classes have their enums in `$defs`; a call that was forced was refused, and response_format blamed."""
    answer = client.chat.completions.parse(
        model=str(folder), messages=ASKED, tools=[openai.pydantic_function_tool(Forecast)], tool_choice="required",
        temperature=0, max_tokens=300, parallel_tool_calls=False,
    )  # fmt: skip
    (call,) = answer.choices[0].message.tool_calls or []
    assert isinstance(call.function.parsed_arguments, Forecast)


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/none"}}},
        {"type": "object", "properties": {"a": {"type": "strin"}}},
        {"$ref": "#"},
    ],
)
def test_what_is_wrong_with_a_tool_is_not_the_response_formats_fault(
    client: openai.OpenAI, folder: Path, parameters: dict[str, Any]
) -> None:
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=str(folder), messages=ASKED, tools=[tool], tool_choice="required")
    assert caught.value.param == "tools" and "response_format" not in caught.value.message


def test_an_answer_after_a_call(client: openai.OpenAI, folder: Path) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Gent"}'}}
    chat: Any = [*ASKED, {"role": "assistant", "content": None, "tool_calls": [call]}]
    chat.append({"role": "tool", "tool_call_id": "call_1", "content": "rain"})
    answer = client.chat.completions.create(model=str(folder), messages=chat, tools=TOOLS, max_tokens=5, temperature=0)
    assert answer.choices[0].finish_reason in ("length", "stop")
    rendered = httpx.post(f"{client.base_url}../apply-template", json={"model": str(folder), "messages": chat}).json()
    assert "<tool_call>Gent</tool_call>" in rendered["prompt"]  # arguments as an object, though they were sent as text


def test_none_means_no_tools(client: openai.OpenAI, folder: Path) -> None:
    one = client.chat.completions.create(
        model=str(folder), messages=ASKED, max_tokens=1, tools=TOOLS, tool_choice="none"
    )
    other = client.chat.completions.create(model=str(folder), messages=ASKED, max_tokens=1)
    assert one.usage and other.usage and one.usage.prompt_tokens == other.usage.prompt_tokens


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "kind": {"enum": ["a", "b"]},
        "n": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["name", "kind", "n"],
    "additionalProperties": False,
}  # fmt: skip
FORMATS: list[tuple[dict[str, Any], str]] = [
    ({"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}, r"\{.*\}"),
    ({"type": "regex", "regex": "[0-9]{3}-[a-z]{4}"}, "[0-9]{3}-[a-z]{4}"),
    ({"type": "choice", "choices": ["yes", "no", "perhaps (later)"]}, r"yes|no|perhaps \(later\)"),
    ({"type": "grammar", "grammar": 'start: "<" /[abc]{3}/ ">"'}, "<[abc]{3}>"),
]


def test_formats_hold_beside_each_other_and_sampled(server: Server, folder: Path) -> None:
    def ask(index: int) -> tuple[str, str]:
        format, pattern = FORMATS[index % len(FORMATS)]
        response = server.post(
            "/v1/chat/completions",
            {"model": str(folder), "messages": ASKED, "response_format": format, "temperature": 1, "seed": index},
        )
        assert response.status_code == 200, response.text
        return response.json()["choices"][0]["message"]["content"], pattern

    with ThreadPoolExecutor(8) as pool:
        for text, pattern in pool.map(ask, range(16)):
            assert re.fullmatch(pattern, text, re.DOTALL), text
            if pattern.startswith(r"\{"):
                value = json.loads(text)
                assert set(value) == {"name", "kind", "n"} and value["kind"] in "ab" and 0 <= value["n"] <= 99


def test_reasoning_comes_first_and_apart(server: Server, folder: Path) -> None:
    """A reasoning that the prompt opens is not held to the format; one that never ends is no text."""
    body = {"model": str(folder), "messages": ASKED, "chat_template_kwargs": {"enable_thinking": True}, "max_tokens": 8}
    message = server.post("/v1/chat/completions", {**body, "temperature": 0}).json()["choices"][0]["message"]
    assert message["reasoning_content"] and message["content"] == ""
    refused = server.post("/v1/chat/completions", {**body, "response_format": {"type": "json_object"}})
    assert refused.status_code == 400  # this vocabulary has no token that ends a reasoning
    assert "no token that ends it" in refused.json()["error"]["message"]


def test_the_same_in_python(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(ASKED, add_generation_prompt=True)["input_ids"]
    with AutoModelForCausalLM.from_pretrained(folder) as model:
        (row,) = model.generate([prompt], response_format=FORMATS[0][0], max_new_tokens=150)
    assert set(json.loads(tokenizer.decode(row[len(prompt) :], skip_special_tokens=True))) == {"name", "kind", "n"}
