"""Calls of tools in the terminal's conversations: read from what a model writes, kept as messages, told to it again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from causerie.api.generation.config import GenerationConfig
from causerie.chat.parts import ToolCallPart
from causerie.chat.transcript import result_message
from causerie.cli.conversation import model_conversation
from causerie.cli.conversation.call_pieces import CallPieces
from causerie.cli.conversation.model_conversation import ModelChoice, ModelConversation, open_conversation
from causerie.cli.conversation.remote_conversation import OpenAIServer, RemoteConversation
from causerie.errors import UsageError
from tests.chat.test_chat import Event
from tests.server.server_process import folder_with
from tests.server.test_tools_and_formats import TEMPLATE, TOOLS

CALL = '<tool_call>{"name": "weather", "arguments": {"city": "Gent"}}</tool_call>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return folder_with(TEMPLATE, tmp_path_factory.mktemp("tools") / "model")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """What the model says from now on, and the prompts that it read."""
    answers: list[str] = []
    prompts: list[str] = []

    def stream(asker: Any, tokens: list[int], _: Any) -> Iterator[Event]:
        tokenizer = asker._model.tokenizer.text
        prompts.append(tokenizer.decode(tokens))
        yield from (Event(token) for token in tokenizer.encode(answers.pop(0)))
        yield Event(None, "stop")

    monkeypatch.setattr(model_conversation._Asker, "stream", stream)
    return answers, prompts


def texts(pieces: Any) -> str:
    return "".join(str(piece) for piece in pieces)


def test_a_model_calls_reads_the_result_and_goes_on(folder: str, said: tuple[list[str], list[str]]) -> None:
    answers, prompts = said
    answers += [f"I look.\n{CALL}", "Rain.", "Yes."]
    with open_conversation(ModelChoice(folder, progress=False), GenerationConfig(), None) as chat:
        chat.offer(TOOLS)
        reply = chat.reply("Is it dry?")
        assert texts(reply) == "I look."
        call = ToolCallPart("weather", '{"city": "Gent"}', "call00001")
        assert list(reply.calls) == [call]
        function = {"name": "weather", "arguments": '{"city": "Gent"}'}
        made = {"tool_calls": [{"id": "call00001", "type": "function", "function": function}]}
        assert chat.messages[1:] == [{"role": "assistant", "content": "I look.", **made}]
        chat.take_results([result_message(call, "rain")])
        reply = chat.proceed()
        assert texts(reply) == "Rain." and not reply.calls
        change = chat.evidence().change
        assert change is not None and change.cause == "template"  # nobody has edited the chat
        assert '"name": "weather"' in prompts[0]
        # The template writes the city out of the arguments, which it takes as an object alone.
        assert prompts[1].endswith("I look.<tool_call>Gent</tool_call><|end|><|user|>rain<|end|><|assistant|>")
        assert [each["role"] for each in chat.messages] == ["user", "assistant", "tool", "assistant"]
        chat.offer([])
        assert texts(chat.reply("Sure?")) == "Yes." and "Den Haag" in prompts[1] and "Den Haag" not in prompts[2]
        assert chat.undo() and len(chat.messages) == 4
        assert chat.undo() and not chat.messages


def test_without_tools_a_call_is_text_and_a_stopped_one_is_none(folder: str, said: tuple[list[str], list[str]]) -> None:
    answers, _ = said
    answers += [CALL, f"Well. {CALL}"]
    with open_conversation(ModelChoice(folder, progress=False), GenerationConfig(), None) as chat:
        reply = chat.reply("Is it dry?")
        assert texts(reply) == CALL and not reply.calls
        chat.offer(TOOLS)
        reply = chat.reply("And now?")
        pieces = iter(reply)
        next(pieces)
        reply.stop()
        assert not reply.calls and chat.messages[-1]["role"] == "assistant"


def test_a_template_that_knows_no_tools_refuses_them() -> None:
    with open_conversation(ModelChoice("builtin", progress=False), GenerationConfig(), None) as chat:
        assert isinstance(chat, ModelConversation)
        with pytest.raises(UsageError, match="knows no tools"):
            chat.offer(TOOLS)
        assert texts(chat.reply("Hello!"))


class ScriptedAnswers(BaseHTTPRequestHandler):
    """A server of another kind, which streams calls in pieces; `asked` has the bodies that came."""

    answers: ClassVar[Sequence[list[dict[str, Any]]]] = ()
    asked: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        self._send(json.dumps({"data": [{"id": "other"}]}).encode())

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        deltas = self.answers[len(self.asked) - 1]
        chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
        self._send("".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode() + b"data: [DONE]\n\n")

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def other() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), ScriptedAnswers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_another_servers_calls_are_joined_and_answered(other: str) -> None:
    pieces = [{"arguments": '{"city": '}, {"arguments": '"Gent"}'}]
    first = {"index": 0, "id": "abc", "function": {"name": "weather", "arguments": ""}}
    calls = [{"tool_calls": [first]}, *({"tool_calls": [{"index": 0, "function": piece}]} for piece in pieces)]
    ScriptedAnswers.answers = [[{"reasoning_content": "Hm."}, {"content": "I look."}, *calls], [{"content": "Rain."}]]
    ScriptedAnswers.asked = []
    chat = RemoteConversation(OpenAIServer(other), None, GenerationConfig(), None)
    chat.offer(TOOLS)
    reply = chat.reply("Is it dry?")
    for _ in reply:
        pass
    call = ToolCallPart("weather", '{"city": "Gent"}', "abc")
    assert reply.calls == [call]
    chat.take_results([result_message(call, "rain")])
    assert texts(chat.proceed()) == "Rain."
    first_body, second = ScriptedAnswers.asked
    assert first_body["tools"] == second["tools"] == TOOLS
    assert "continue_final_message" not in second
    assert second["messages"][1]["reasoning_content"] == "Hm."
    assert second["messages"][1]["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Gent"}'}
    assert second["messages"][2] == {"role": "tool", "content": "rain", "tool_call_id": "abc", "name": "weather"}


def test_pieces_of_several_calls_are_told_apart() -> None:
    pieces = CallPieces()
    pieces.take([{"index": 1, "function": {"name": "b", "arguments": "{}"}}, {"index": 0, "function": {"name": "a"}}])
    pieces.take([{"index": 0, "id": "x", "function": {"arguments": '{"n": 1}'}}])
    assert pieces.calls() == [ToolCallPart("a", '{"n": 1}', "x"), ToolCallPart("b", "{}", None)]
