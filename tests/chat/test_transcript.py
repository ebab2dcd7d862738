"""The rules by which a chat goes on, wherever its model is: both kinds of conversation hold one value."""

from __future__ import annotations

import ast
import inspect

import pytest

from causerie.chat import session
from causerie.chat.parts import ToolCallPart
from causerie.chat.transcript import Transcript, result_message
from causerie.cli.conversation import remote_conversation as remote
from causerie.errors import ContextLengthError, UsageError


def chat(*said: str, system: str | None = None) -> Transcript:
    roles = ("user", "assistant")
    return Transcript(system, tuple({"role": roles[i % 2], "content": text} for i, text in enumerate(said)))


def words(transcript: Transcript) -> list[str]:
    return [str(message["content"]) for message in transcript.chat]


def test_a_question_and_its_answer() -> None:
    before = chat("a", "b", system="S")
    turn = before.ask("c")
    assert words(turn.prompt) == words(turn.unanswered) == ["S", "a", "b", "c"]
    assert words(turn.answered("d")) == ["S", "a", "b", "c", "d"]
    assert words(before) == ["S", "a", "b"]
    before.chat[1]["content"] = "other"
    assert words(before) == ["S", "a", "b"]


def test_another_answer_to_the_last_question() -> None:
    for last in (chat("a", "b", "c", "d"), chat("a", "b", "c")):
        turn = last.retry()
        assert words(turn.prompt) == ["a", "b", "c"] and words(turn.answered("e")) == ["a", "b", "c", "e"]
    with pytest.raises(UsageError, match="no message to answer again"):
        chat(system="S").retry()


def test_more_of_the_last_answer() -> None:
    turn = chat("a", "b").proceed()
    assert turn.beginning == "b" and words(turn.prompt) == ["a", "b"] and words(turn.unanswered) == ["a"]
    assert words(turn.answered("c")) == ["a", "bc"]
    for nothing in (chat(), chat("a")):
        with pytest.raises(UsageError, match="no answer to go on with"):
            nothing.proceed()


def test_calls_keep_what_the_answer_began_with_and_are_numbered() -> None:
    called, calls = chat("a", "b").proceed().called("c", "hm", [ToolCallPart("f", "{}"), ToolCallPart("g", "{}", "x")])
    assert words(called) == ["a", "bc"] and called.messages[-1]["reasoning_content"] == "hm"
    assert [each["id"] for each in called.messages[-1]["tool_calls"]] == ["call00001", "x"]
    resulted = called.resulted([result_message(call, "1") for call in calls])
    turn = resulted.proceed()
    assert turn.beginning is None and words(turn.answered("d")) == ["a", "bc", "1", "1", "d"]
    assert turn.called("", "", calls[:1])[1] == calls[:1]
    assert turn.called("", "", [ToolCallPart("f", "{}")])[1][0].id == "call00003"


def test_changes() -> None:
    whole = chat("a", "b", "c", system="S")
    shorter = whole.undone()
    assert shorter is not None and words(shorter) == ["S", "a", "b"]
    assert chat(system="S").undone() is None
    assert words(whole.amended("x")) == ["S", "a", "x", "c"]
    with pytest.raises(UsageError, match="no answer to change"):
        chat("a").amended("x")
    assert words(whole.cleared()) == ["S"]
    assert words(whole.replaced(chat("y").chat)) == ["S", "y"]
    assert words(whole.replaced(chat("y", system="T").chat)) == ["T", "y"]


def test_shortening_keeps_the_system_prompt_and_tells_how_much_went() -> None:
    whole = chat("a", "b", "c", "d", system="S")
    shorter, rounds = whole.shortened("e", "drop_oldest", 3, lambda messages: len(messages) - 1, lambda _: "")
    assert (words(shorter), rounds) == (["S", "c", "d"], 1)
    with pytest.raises(ContextLengthError):
        chat().shortened("e", "drop_oldest", 0, len, lambda _: "")


@pytest.mark.parametrize("module", [session, remote])
def test_no_conversation_keeps_books_of_its_own(module: object) -> None:
    roles = [
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(module)))  # type: ignore[arg-type]
        if isinstance(node, ast.Constant) and node.value in ("assistant", "system")
    ]
    assert not roles
