"""Tools in the terminal: what is asked, shown, called and told to the model, without a model and without a server."""

from __future__ import annotations

import io
import json
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from causerie.chat.chat_files import ChatFolder
from causerie.chat.parts import ToolCallPart
from causerie.cli.chat.chat_tools import ChatTools, call_text
from causerie.cli.chat.single_answer import answer_events, answer_text
from causerie.cli.chat.terminal import Terminal
from causerie.cli.screen.screen import Screen
from causerie.errors import EngineError, UnknownName
from causerie.tools.tool import MOST_ROUNDS, Tool, ToolResult
from tests.cli.scripted import ScriptedConversation, ScriptedKeyboard, ScriptedReply

ASKED = (
    'The model wants to call kitchen.temperature(room="cellar")\n'
    "Reads a thermometer. As its server says, it changes nothing.\n"
    "o: allow once   a: always in this chat   n: never in this chat   anything else: not this time\n"
)


class Kitchen:
    """Two tools; `calls` has what was asked. A call of `wait` is never answered."""

    def __init__(self) -> None:
        read = Tool("kitchen.temperature", "kitchen", "temperature", "Reads a thermometer.", {"type": "object"}, True)
        self.tools = {
            read.name: read,
            "kitchen.wait": Tool("kitchen.wait", "kitchen", "wait", "Waits.", {"type": "object"}),
        }
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.text = '{"celsius": 19.2}'

    def call(self, name: str, arguments: dict[str, Any]) -> Future[ToolResult]:
        self.calls.append((name, arguments))
        if name == "kitchen.wait":
            return Interrupted()
        future: Future[ToolResult] = Future()
        future.set_result(ToolResult(self.text, seconds=0.42))
        return future


class Interrupted(Future[ToolResult]):
    """Ctrl-C while it is waited for."""

    def result(self, timeout: float | None = None) -> ToolResult:
        assert not self.cancelled()
        raise KeyboardInterrupt

    def cancel(self) -> bool:
        Interrupted.cancels += 1
        return super().cancel()

    cancels = 0


def call(arguments: str = '{"room": "cellar"}', name: str = "kitchen.temperature", id: str = "call00001") -> Any:
    return ToolCallPart(name, arguments, id)


def asking(*calls: ToolCallPart, text: str = "") -> ScriptedReply:
    return ScriptedReply([text] if text else [], asked=list(calls) or [call()])


def hold(chat: ScriptedConversation, kitchen: Kitchen, *lines: Any, allowed: tuple[str, ...] = ()) -> str:
    """All that a session shows after its header."""
    out = io.StringIO()
    keyboard, tools = ScriptedKeyboard(list(lines)), ChatTools(kitchen, allowed)
    Terminal(chat, keyboard, Screen(out), (), ChatFolder(Path("/nowhere")), ScriptedConversation([]), tools=tools).run()
    return out.getvalue().removeprefix("\n")


def told(chat: ScriptedConversation) -> list[str]:
    """The results that the model was told."""
    return [str(result["content"]) for result in chat.results]


def test_a_call_is_asked_about_made_shown_and_gone_on_from() -> None:
    chat, kitchen = ScriptedConversation([asking(text="I look."), ScriptedReply(["19 degrees."])]), Kitchen()
    shown = hold(chat, kitchen, "how cold?", "o")
    assert shown == (
        f'I look.\n{ASKED}kitchen.temperature answered after 0.4 s: {{"celsius": 19.2}}\n\n19 degrees.\n\n'
    )
    assert kitchen.calls == [("kitchen.temperature", {"room": "cellar"})]
    assert chat.offered == ["kitchen.temperature", "kitchen.wait"]
    assert chat.results == [
        {"role": "tool", "content": '{"celsius": 19.2}', "tool_call_id": "call00001", "name": "kitchen.temperature"}
    ]


@pytest.mark.parametrize("answer", ["", "x", "n", KeyboardInterrupt(), EOFError()])
def test_what_is_not_allowed_is_not_called(answer: Any) -> None:
    chat, kitchen = ScriptedConversation([asking(), ScriptedReply(["Then not."])]), Kitchen()
    assert hold(chat, kitchen, "how cold?", answer) == f"{ASKED}Then not.\n\n"
    assert kitchen.calls == [] and told(chat) == ["The user did not allow this call."]


def test_always_and_never_hold_for_the_chat_and_can_be_taken_back() -> None:
    def rounds(count: int) -> ScriptedConversation:
        return ScriptedConversation([each for _ in range(count) for each in (asking(), ScriptedReply(["Yes."]))])

    kitchen = Kitchen()
    shown = hold(rounds(3), kitchen, "one", "a", "two", "clear", "three", "o")
    assert shown.count("The model wants") == 2 and len(kitchen.calls) == 3
    assert 'kitchen.temperature(room="cellar")\nkitchen.temperature answered' in shown

    kitchen = Kitchen()
    shown = hold(rounds(3), kitchen, "one", "n", "two", "/tools kitchen.temperature ask", "three", "o")
    assert shown.count("The model wants") == 2 and len(kitchen.calls) == 1
    assert 'kitchen.temperature(room="cellar"): never in this chat\nYes.' in shown

    kitchen = Kitchen()
    assert "The model wants" not in hold(rounds(2), kitchen, "one", "clear", "two", allowed=("kitchen.t*",))
    assert len(kitchen.calls) == 2


def test_ctrl_c_ends_a_call_and_the_rest_of_the_turn() -> None:
    chat = ScriptedConversation([asking(call("{}", "kitchen.wait"), call()), ScriptedReply(["Yes."])])
    kitchen, before = Kitchen(), Interrupted.cancels
    shown = hold(chat, kitchen, "wait", "o", "go on")
    assert "kitchen.wait was stopped.\n\nYes.\n" in shown and Interrupted.cancels == before + 1
    assert told(chat) == ["The user stopped this."] * 2 and len(kitchen.calls) == 1


def test_a_call_that_is_wrong_is_told_to_the_model() -> None:
    wrong = [call("{", id="1"), call("[]", id="2"), call("{}", "kitchen.temprature", "3")]
    chat, kitchen = ScriptedConversation([asking(*wrong), ScriptedReply(["Oh."])]), Kitchen()
    hold(chat, kitchen, "how cold?", allowed=("*",))
    assert told(chat)[:2] == ["The arguments are no JSON object."] * 2
    assert told(chat)[2].startswith("Unknown tool 'kitchen.temprature'. Known, nearest first: kitchen.temperature,")
    assert kitchen.calls == []


def test_calls_in_a_row_end() -> None:
    chat, kitchen = ScriptedConversation([asking() for _ in range(MOST_ROUNDS + 1)]), Kitchen()
    shown = hold(chat, kitchen, "go", allowed=("*",))
    assert f"{MOST_ROUNDS} answers in a row called tools, and this one wants to; /continue lets it go on." in shown
    assert len(kitchen.calls) == MOST_ROUNDS and told(chat)[-1].startswith("Not called: there were too many")


def test_a_fault_after_a_call_leaves_the_chat_as_it_was() -> None:
    chat = ScriptedConversation([ScriptedReply(["Hello."]), asking(), EngineError("It broke.")])
    shown = hold(chat, Kitchen(), "hi", "how cold?", "o")
    assert shown.endswith("It broke.\nThe chat is as it was before this message.\n\n")
    assert chat.history == [("hi", "Hello.")]


def test_tools_are_listed_and_switched() -> None:
    chat = ScriptedConversation([])
    listed = "  kitchen.temperature  asks    Reads a thermometer.\n  kitchen.wait         asks    Waits.\n\n"
    assert hold(chat, Kitchen(), "/tools") == listed
    shown = hold(chat, Kitchen(), "/tools kitchen.wait off", "/tools kitchen.temperature always")
    assert "  kitchen.temperature  always  Reads a thermometer.\n  kitchen.wait         off     Waits.\n" in shown
    assert chat.offered == ["kitchen.temperature"]
    assert "tools takes a tool's name and one of on, off, ask" in hold(chat, Kitchen(), "/tools kitchen.wait")
    assert "Unknown tool 'oven.wait'" in hold(chat, Kitchen(), "/tools oven.wait off")
    hold(chat, Kitchen(), "/tools off")
    assert chat.offered == []


def test_a_model_that_knows_no_tools_goes_on_without() -> None:
    chat = ScriptedConversation([ScriptedReply(["Hello."])], toolless=True)
    shown = hold(chat, Kitchen(), "hi")
    assert shown.startswith("This model's chat template knows no tools. The chat goes on without tools.\n")
    assert "Hello." in shown
    assert (
        "knows no tools. The chat goes on without tools." in hold(chat, Kitchen(), "/model other").partition("other")[2]
    )


def test_a_model_that_a_comparison_chose_is_told_of_the_tools() -> None:
    other = ScriptedConversation([ScriptedReply(["Hi."])], model_name="small")
    chat = ScriptedConversation([ScriptedReply(["Hello."])], others={"small": other}, toolless=True)
    shown = hold(chat, Kitchen(), "hi", "/compare small", "m")
    assert "knows no tools. The chat goes on without tools." in shown.partition("go on with that model")[2]


def test_one_answer_calls_what_is_allowed_and_tells_it_as_events() -> None:
    chat, kitchen = ScriptedConversation([asking(text="I look."), ScriptedReply(["19 degrees."])]), Kitchen()
    out, notes = io.StringIO(), io.StringIO()
    answer_events(chat, "how cold?", out, Screen(notes), ChatTools(kitchen, ["kitchen.temperature"]))
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    result = {"text": '{"celsius": 19.2}', "failed": False, "cut": False, "seconds": 0.42}
    named = {"id": "call00001", "name": "kitchen.temperature"}
    assert events == [
        {"type": "text", "text": "I look."},
        {"type": "tool_call", **named, "arguments": '{"room": "cellar"}'},
        {"type": "tool_result", **named, **result},
        {"type": "text", "text": "19 degrees."},
        {"type": "end", "model": "scripted", "finish_reason": "stop"},
    ]
    assert chat.offered == ["kitchen.temperature"]

    chat = ScriptedConversation([asking(text="I look."), ScriptedReply(["19 degrees."])])
    out, notes = io.StringIO(), io.StringIO()
    answer_text(chat, "how cold?", out, Screen(notes), ChatTools(kitchen, ["*"]))
    assert out.getvalue() == "I look.\n19 degrees.\n"
    assert notes.getvalue() == 'causerie: kitchen.temperature answered after 0.4 s: {"celsius": 19.2}\n'

    chat = ScriptedConversation([asking() for _ in range(MOST_ROUNDS + 1)])
    answer_text(chat, "go", io.StringIO(), Screen(notes), ChatTools(kitchen, ["*"]))
    assert told(chat)[-1].startswith("Not called") and not told(chat)[-2].startswith("Not called")


def test_patterns_of_allowed_tools_are_checked() -> None:
    with pytest.raises(UnknownName, match=r"Unknown tool 'oven\.\*'.*kitchen\.wait"):
        ChatTools(Kitchen(), ["oven.*"])


def test_no_text_of_a_tool_is_obeyed_by_the_terminal() -> None:
    kitchen = Kitchen()
    kitchen.tools["kitchen.temperature"] = replace(kitchen.tools["kitchen.temperature"], description="Reads\x1b[2J.")
    chat = ScriptedConversation([asking(call('{"room": "\\u001b]0;x\\u0007"}')), ScriptedReply(["Yes."])])
    kitchen.text = "\x1b[2J19"
    shown = hold(chat, kitchen, "how cold?", "o", "/tools")
    assert "\x1b" not in shown and "\x07" not in shown
    assert shown.count("␛") >= 3 and told(chat) == ["\x1b[2J19"]


def test_a_call_is_shown_as_programmers_write_it() -> None:
    assert call_text(call('{"room": "cellar", "deep": 2}')) == 'kitchen.temperature(room="cellar", deep=2)'
    assert call_text(call("{oops")) == "kitchen.temperature({oops)"
