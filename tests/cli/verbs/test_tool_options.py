"""`chat --mcp` with a real tool server: one question whose answer calls a tool, and what is said of wrong options."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from causerie.cli.conversation import model_conversation
from causerie.cli.main import main
from tests.chat.test_chat import Event
from tests.server.server_process import folder_with
from tests.server.test_tools_and_formats import TEMPLATE
from tests.tools.conftest import KITCHEN

CALL = '<tool_call>{"name": "kitchen.temperature", "arguments": {"room": "cellar"}}</tool_call>'


@pytest.fixture(autouse=True)
def nothing_piped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)


@pytest.fixture
def servers(tmp_path: Path) -> str:
    file = tmp_path / "servers.json"
    file.write_text(json.dumps({"mcpServers": {"kitchen": {"command": sys.executable, "args": [KITCHEN]}}}))
    return str(file)


def test_an_answer_calls_a_tool_and_tells_it(
    servers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [f"I look. {CALL}", "19 degrees."]

    def stream(asker: Any, _: list[int], __: Any) -> Iterator[Event]:
        yield from (Event(token) for token in asker._model.tokenizer.text.encode(answers.pop(0)))
        yield Event(None, "stop")

    monkeypatch.setattr(model_conversation._Asker, "stream", stream)
    model = folder_with(TEMPLATE, tmp_path / "model")
    words = ["chat", model, "-p", "How cold?", "--json", "--mcp", servers, "--allow-tool", "kitchen.t*"]
    assert main(words) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "".join(event["text"] for event in events if event["type"] == "text") == "I look.19 degrees."
    (call,) = [event for event in events if event["type"] == "tool_call"]
    assert (call["name"], json.loads(call["arguments"])) == ("kitchen.temperature", {"room": "cellar"})
    (result,) = [event for event in events if event["type"] == "tool_result"]
    assert (result["id"], json.loads(result["text"])["celsius"], result["failed"]) == (call["id"], 19.2, False)
    assert [event["type"] for event in events][-1] == "end"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--allow-tool", "x"], "name their servers with --mcp FILE"),
        (["--mcp", "FILE"], "say which may be with --allow-tool NAME"),
        (["--mcp", "missing.json", "--allow-tool", "x"], "--mcp missing.json cannot be read"),
        (["--mcp", "FILE", "--allow-tool", "oven.*"], "Unknown tool 'oven.*'. Known, nearest first: kitchen."),
        (["--mcp", "FILE", "--allow-tool", "*"], "This model's chat template knows no tools"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: list[str], sentence: str, servers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [servers if word == "FILE" else word for word in words]
    assert main(["chat", "builtin", "-p", "Hello!", *asked]) == 2
    assert sentence in capsys.readouterr().err
