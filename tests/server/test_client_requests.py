"""What other programs send: requests in the shapes that their sources and documents show, each of which is answered.

One file of client_requests/ for each program, with its own names of models and its own headers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.server_process import Server, folder_with, serving
from tests.server.test_tools_and_formats import CLOSED, TEMPLATE

FOLDER = Path(__file__).parent / "client_requests"
CLIENTS = sorted(path.stem for path in FOLDER.glob("*.json"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server whose model knows tools and reasoning and answers to any name, and that model's own."""
    at = tmp_path_factory.mktemp("clients")
    folder = folder_with(TEMPLATE, at / "model")
    with serving(at, folder, "--alias", f"gpt-4o={folder}", "--any-model") as started:
        yield started, folder


def test_nine_programs_are_known() -> None:
    known = {"aider", "claude_code", "cline", "continue", "langchain", "litellm", "llm", "open_webui", "openai_agents"}
    assert set(CLIENTS) == known


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_program_sends_is_answered(place: tuple[Server, str], client: str) -> None:
    server, model = place
    for request in json.loads((FOLDER / f"{client}.json").read_text()):
        body: dict[str, Any] = request["body"]
        told = server.post(request["path"], body, headers=request["headers"])
        assert told.status_code == 200, (request, told.text)
        if body.get("stream"):
            assert '"error":{' not in told.text and told.text.count("\n\n") > 2, (request, told.text)
        elif "count_tokens" not in request["path"]:
            assert told.json()["model"] == model


def test_an_alias_and_any_name(place: tuple[Server, str]) -> None:
    server, model = place
    (one,) = server.get("/v1/models").json()["data"]
    assert (one["id"], one["aliases"]) == (model, ["gpt-4o"])
    assert server.get("/v1/models/gpt-4o").json() == one | {"id": "gpt-4o"}


TOOLS = [{"type": "function", "function": {"name": name, "parameters": CLOSED}} for name in ("f", "g")]


def chat(server: Server, **fields: Any) -> Any:
    messages = [{"role": "user", "content": "What is a token?"}]
    told = server.post("/v1/chat/completions", {"messages": messages, "max_tokens": 40, "temperature": 0} | fields)
    return told.json()


def allowing(mode: str, *names: str) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


def test_allowed_tools_are_the_only_ones(place: tuple[Server, str]) -> None:
    server, _ = place
    answer = chat(server, tools=TOOLS, tool_choice=allowing("required", "g"))
    assert {call["function"]["name"] for call in answer["choices"][0]["message"]["tool_calls"]} == {"g"}
    one, other = (
        chat(server, tools=tools, tool_choice=choice, max_tokens=1)["usage"]["prompt_tokens"]
        for tools, choice in ((TOOLS, allowing("auto", "g")), (TOOLS[1:], "auto"))
    )
    assert one == other  # the model does not read of the rest
    for wrong, words in ((allowing("auto", "h"), "allows 'h'; there are f, g"), (allowing("any", "f"), "wants a mode")):
        assert words in chat(server, tools=TOOLS, tool_choice=wrong)["error"]["message"]


def test_a_schema_of_anthropics_holds_the_answer(place: tuple[Server, str]) -> None:
    server, _ = place
    schema = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"], "additionalProperties": False}
    config = {"format": {"type": "json_schema", "schema": schema}, "effort": "max"}
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 40, "output_config": config}
    edits = {"edits": [{"type": "clear_tool_uses_20250919"}]}
    answer = server.post("/v1/messages", body | {"context_management": edits}).json()
    assert json.loads(answer["content"][-1]["text"])["a"] in (1, 2)
    assert answer["context_management"] == {"applied_edits": []}
    refused = server.post("/v1/messages", body | {"output_config": {"effort": "huge"}})
    assert refused.status_code == 400 and "nearest first: high" in refused.text


def test_a_template_is_applied_with_its_tools(place: tuple[Server, str]) -> None:
    server, _ = place
    body = {"messages": [{"role": "user", "content": "Hi"}], "tools": TOOLS}
    written = server.post("/apply-template", body | {"chat_template_kwargs": {"enable_thinking": True}}).json()
    assert '"name": "g"' in written["prompt"] and written["prompt"].endswith("<think>")
    assert (
        server.post("/tokenize", body).json()["count"]
        == chat(server, tools=TOOLS, messages=body["messages"])["usage"]["prompt_tokens"]
    )
