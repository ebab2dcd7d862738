"""The edges of the terminal: what is drawn and taken back, and what is typed."""

from __future__ import annotations

import io
import threading
import time

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.cli.chat.keyboard import EditedKeyboard, LineDropped, PlainKeyboard, soft_wrapped
from causerie.cli.chat.single_answer import answer_text
from causerie.cli.screen.screen import Screen
from causerie.errors import EngineError
from tests.cli.scripted import ScriptedConversation, ScriptedReply


def test_what_is_waited_for_is_drawn_late_and_taken_back() -> None:
    out = io.StringIO()
    screen = Screen(out, live=True, columns=lambda: 20)
    with screen.waiting(lambda: "Loading a very long name", after=0.02):
        time.sleep(0.2)
    screen.line("done")
    assert out.getvalue() == "\r\x1b[KLoading a very long\r\x1b[Kdone\n"


def test_an_answer_whose_width_changed_is_shown_once_more() -> None:
    out = io.StringIO()
    widths = iter([9, 30, 30, 30, 30])
    screen = Screen(out, live=True, columns=lambda: next(widths))
    screen.piece("one two three ")
    screen.piece("four")
    screen.end_piece()
    ragged, again = out.getvalue().split("The window has another width now; the answer in it:\n")
    assert ragged.count("\n") == 2 and again == "one two three four\n"


def test_an_answer_in_one_width_is_shown_once() -> None:
    out = io.StringIO()
    screen = Screen(out, live=True, color=True, columns=lambda: 30)
    for piece in ("one ", "**two**\n", "| a |\n|--|\n| b |"):
        screen.piece(piece)
    screen.end_piece()
    assert out.getvalue().count("one ") == 1 and "╭───╮" in out.getvalue()


def test_nothing_is_drawn_for_what_is_quick_or_not_a_terminal() -> None:
    for live, after in [(True, 5.0), (False, 0.0)]:
        out = io.StringIO()
        with Screen(out, live=live).waiting(lambda: "Loading", after=after) as arrived:
            time.sleep(0.02)
            arrived()
        assert out.getvalue() == ""


def test_plain_lines_until_the_end_of_input() -> None:
    out = io.StringIO()
    keys = PlainKeyboard(io.StringIO("one\ntwo \udcff"), out, "> ")
    assert [keys.read(), keys.read()] == ["one", "two \ufffd"]
    with pytest.raises(EOFError):
        keys.read()
    assert out.getvalue() == "> > > \n"


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("hello\r", ["hello"]),
        ("one\x1b\rtwo\r", ["one\ntwo"]),  # Alt-Enter
        ("\x1b[200~a\nb\x1b[201~\r", ["a\nb"]),  # pasted
        ("né 🙂\r", ["né 🙂"]),
    ],
)
def test_edited_lines(typed: str, lines: list[str]) -> None:
    with create_pipe_input() as keys:
        keyboard = EditedKeyboard("> ", color=False, input=keys, output=DummyOutput())
        keys.send_text(typed)
        assert [keyboard.read() for _ in lines] == lines


def test_lines_pasted_without_brackets_are_one_message() -> None:
    """A terminal that does not say where a paste begins and ends sends all of it at once; lines typed one by one, and
    lines that were typed ahead, are messages of their own."""
    with create_pipe_input() as keys:
        keyboard = EditedKeyboard("> ", color=False, input=keys, output=DummyOutput())
        keys.send_text("ahead\rtoo\r")
        assert [keyboard.read(), keyboard.read()] == ["ahead", "too"]
        for moment, text in ((0.3, "def f():\r    return 1\r"), (0.6, "next\r")):
            threading.Timer(moment, keys.send_text, [text]).start()
        assert [keyboard.read(), keyboard.read()] == ["def f():\n    return 1", "next"]


def test_an_edited_text_breaks_between_words_and_comes_back_as_it_was() -> None:
    text = "  A line of words that is longer than forty columns are, and then some more.\n\nAnother one"
    lines = soft_wrapped(text, 40).split("\n")
    assert lines[0] == "  A line of words that is longer than\u200b" and max(map(len, lines)) <= 41
    with create_pipe_input() as keys:
        keyboard = EditedKeyboard("> ", color=False, input=keys, output=DummyOutput())
        keys.send_text("!\r")
        assert keyboard.edit(text) == text + "!"


def test_the_arrow_keys_bring_back_earlier_lines() -> None:
    with create_pipe_input() as keys:
        keyboard = EditedKeyboard("> ", color=False, input=keys, output=DummyOutput())
        keys.send_text("one\rtwo\r")
        lines = [keyboard.read(), keyboard.read()]
        later = threading.Timer(0.3, keys.send_text, ["\x1b[A\x1b[A\r"])  # once the history is read
        later.start()
        assert [*lines, keyboard.read()] == ["one", "two", "one"]
        later.join()


@pytest.mark.parametrize(("typed", "error"), [("\x03", KeyboardInterrupt), ("\x04", EOFError)])
def test_control_keys(typed: str, error: type[BaseException]) -> None:
    with create_pipe_input() as keys:
        keyboard = EditedKeyboard("> ", color=False, input=keys, output=DummyOutput())
        keys.send_text(typed)
        with pytest.raises(error):
            keyboard.read()


def once(reply: ScriptedReply) -> tuple[str, str]:
    out, notes = io.StringIO(), io.StringIO()
    try:
        answer_text(ScriptedConversation([reply], limit="max_new_tokens=4"), "q", out, Screen(notes))
    except EngineError as error:
        notes.write(f"raised {error}")
    return out.getvalue(), notes.getvalue()


def test_one_answer_is_alone_and_exact() -> None:
    assert once(ScriptedReply(["a\x1b[0m<b>", " c"])) == ("a\x1b[0m<b> c\n", "")


def test_one_answer_that_is_cut_says_so_beside() -> None:
    cut = ScriptedReply(["a"], reason="length", spent=AnswerCost(5, 0, 4, 0.1, 0.2))
    assert once(cut) == ("a\n", "causerie: The answer was cut at max_new_tokens=4.\n")


def test_one_answer_that_fails_raises_after_what_came() -> None:
    assert once(ScriptedReply(["a", EngineError("broken")])) == ("a", "raised broken")


def test_a_draft_outlives_ctrl_c() -> None:
    """Typing is not the second Ctrl-C of two, and what was typed comes back."""
    with create_pipe_input() as keys:
        keyboard = EditedKeyboard("> ", color=False, input=keys, output=DummyOutput())
        keys.send_text("a long draft\x03")
        with pytest.raises(LineDropped) as dropped:
            keyboard.read()
        assert dropped.value.in_history
        later = threading.Timer(0.3, keys.send_text, ["\x1b[A\r"])
        later.start()
        assert keyboard.read() == "a long draft"
        later.join()
        keys.send_text("x\x7f\x03")  # typed and taken back: nothing to keep, and still no second Ctrl-C
        with pytest.raises(LineDropped) as dropped:
            keyboard.read()
        assert not dropped.value.in_history
        keys.send_text("\x03")
        with pytest.raises(KeyboardInterrupt) as alone:
            keyboard.read()
        assert not isinstance(alone.value, LineDropped)


def test_one_answer_that_repeats_itself_says_so_beside() -> None:
    ended = "causerie: The answer was ended because it repeated itself over and over"
    way = "repetition_detection=false lets such answers go on."
    assert once(ScriptedReply(["a"], reason="repetition")) == ("a\n", f"{ended}; {way}\n")
