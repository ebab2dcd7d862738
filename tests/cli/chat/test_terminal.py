"""The terminal chat, by its whole output, without a model."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.chat.chat_files import ChatFolder
from causerie.cli.chat.answer_end import cost_line
from causerie.cli.chat.commands.table import COMMANDS, command_of
from causerie.cli.chat.keyboard import LineDropped
from causerie.cli.chat.terminal import Terminal
from causerie.cli.screen.screen import Screen
from causerie.errors import ContextLengthError, EngineError, UsageError
from tests.cli.scripted import Event, ScriptedConversation, ScriptedKeyboard, ScriptedReply

COST = AnswerCost(prompt_tokens=20, cached_tokens=8, new_tokens=11, first_token_seconds=0.25, total_seconds=0.75)


def hold(conversation: ScriptedConversation, *lines: Event, color: bool = False) -> str:
    out = io.StringIO()
    screen, chats = Screen(out, color=color), ChatFolder(Path("/nowhere"))
    keyboard, unasked = ScriptedKeyboard(list(lines)), ScriptedConversation([])
    Terminal(conversation, keyboard, screen, ("Causerie", "help helps"), chats, unasked).run()
    return out.getvalue()


def test_answers_stream_and_their_cost_follows() -> None:
    chat = ScriptedConversation([ScriptedReply(["Hel", "lo!"], spent=COST), ScriptedReply(["Two\n", "lines"])])
    assert hold(chat, "hi", "", "   ", "again") == (
        "Causerie\nhelp helps\n\n"
        "Hello!\n11 tokens · 20.0 tokens/s · first token after 0.25 s · context 31 of 100\n\n"
        "Two\nlines\n\n"
    )
    assert chat.history == [("hi", "Hello!"), ("again", "Two\nlines")]


def test_colours_only_where_asked() -> None:
    chat = ScriptedConversation([ScriptedReply(["Hi"], spent=COST)])
    shown = hold(chat, "hi", color=True)
    assert "\x1b[1mCauserie\x1b[0m" in shown and "\x1b[2m11 tokens" in shown
    assert "\x1b" not in hold(ScriptedConversation([ScriptedReply(["Hi"], spent=COST)]), "hi")


def test_ctrl_c_in_an_answer_stops_it_and_keeps_the_chat() -> None:
    stopped = ScriptedReply(["It was a", KeyboardInterrupt()], spent=COST)
    chat = ScriptedConversation([stopped, ScriptedReply(["Yes."])])
    shown = hold(chat, "tell", "more?")
    assert "It was a\n11 tokens" in shown
    assert "Stopped; the chat keeps what was said.\n\nYes.\n" in shown
    assert chat.history == [("tell", "It was a"), ("more?", "Yes.")]


def test_an_answer_without_words_says_so() -> None:
    nothing = "The model ended its answer without a word.\n"
    assert hold(ScriptedConversation([ScriptedReply([], spent=COST)]), "q").endswith(f"\n\n{nothing}\n")
    stopped = "Stopped before the answer began; the chat is as it was.\n"
    for reply in (ScriptedReply([KeyboardInterrupt()], spent=COST), KeyboardInterrupt()):
        assert hold(ScriptedConversation([reply]), "q").endswith(f"\n\n{stopped}\n")


def test_ctrl_c_at_the_prompt_leaves_at_the_second() -> None:
    chat = ScriptedConversation([ScriptedReply(["Yes."])])
    shown = hold(chat, KeyboardInterrupt(), "go on?", KeyboardInterrupt(), KeyboardInterrupt(), "never read")
    assert shown.count("Ctrl-C again, Ctrl-D or exit leaves.") == 2
    assert chat.history == [("go on?", "Yes.")]


@pytest.mark.parametrize("word", ["exit", "/exit", "!exit", " exit".strip() + " ", "EXIT", "quit", "/quit", "! exit"])
def test_ways_to_leave(word: str) -> None:
    chat = ScriptedConversation([])
    assert hold(chat, word, "never read") == "Causerie\nhelp helps\n\n"


@pytest.mark.parametrize("word", ["clear", "/clear", "!clear"])
def test_clear_begins_a_new_chat(word: str) -> None:
    chat = ScriptedConversation([ScriptedReply(["A."])])
    shown = hold(chat, "q", word)
    assert shown.endswith("A.\n\nA new chat.\n\n")
    assert chat.history == []


@pytest.mark.parametrize("word", ["help", "/help", "!help"])
def test_help_lists_every_command(word: str) -> None:
    shown = hold(ScriptedConversation([]), word)
    for name, command in COMMANDS.items():
        assert re.search(
            rf"^  {re.escape(f'{name} {command.takes}'.strip())} +{re.escape(command.sentence)}$", shown, re.M
        )
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_an_unknown_command_names_the_nearest_and_asks_nothing() -> None:
    shown = hold(ScriptedConversation([]), "/claer")
    assert "Unknown command '/claer'. Known, nearest first: clear, " in shown


@pytest.mark.parametrize(
    "line", ["help me", "/usr/bin/env is what?", "!", "/", "exit now?", "a / b", " /claer", "!= in C"]
)
def test_messages_that_look_like_commands(line: str) -> None:
    chat = ScriptedConversation([ScriptedReply(["Well."])])
    hold(chat, line)
    assert chat.history == [(line.strip(), "Well.")]


def test_a_command_takes_nothing_after_it() -> None:
    with pytest.raises(UsageError, match="clear takes nothing after it"):
        command_of("/clear all of it")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (EngineError("The model stopped."), "The model stopped.\nThe chat is as it was before this message.\n"),
        (RuntimeError("oops"), "A fault in Causerie: RuntimeError: oops\nThe chat is as it was before this message.\n"),
    ],
)
def test_an_error_in_a_turn_does_not_lose_the_chat(error: Exception, says: str) -> None:
    chat = ScriptedConversation(
        [ScriptedReply(["One."]), ScriptedReply(["Tw", error]), error, ScriptedReply(["Three."])]
    )
    shown = hold(chat, "1", "2", "2 again", "3")
    assert shown.count(says) == 2
    assert f"Tw\n{says}" in shown
    assert chat.history == [("1", "One."), ("3", "Three.")]


def test_a_full_context_says_so_and_offers_clear() -> None:
    full = AnswerCost(prompt_tokens=70, cached_tokens=0, new_tokens=30, first_token_seconds=0.1, total_seconds=1.0)
    shown = hold(ScriptedConversation([ScriptedReply(["cut"], reason="length", spent=full)]), "q")
    assert "The answer was cut: the context of 100 tokens is full. `clear` begins a new chat.\n" in shown


def test_a_cut_by_a_flag_names_the_flag() -> None:
    chat = ScriptedConversation([ScriptedReply(["cut"], reason="length", spent=COST)], limit="max_new_tokens=11")
    assert "The answer was cut at max_new_tokens=11.\n" in hold(chat, "q")


def test_the_model_cannot_command_the_terminal() -> None:
    shown = hold(ScriptedConversation([ScriptedReply(["a\x1b]0;title\x07b\rc\x9bd\x7f\té"])]), "q")
    assert "a␛]0;title␇b␍c\ufffdd␡\té\n" in shown


@pytest.mark.parametrize(
    ("cost", "line"),
    [
        (AnswerCost(5, 0, 1, 0.5, 0.5), "1 token · first token after 0.50 s · context 6 of 64"),
        (AnswerCost(5, 0, 401, 0.0, 2.0), "401 tokens · 200 tokens/s · first token after 0.00 s · context 406 of 64"),
    ],
)
def test_cost_lines(cost: AnswerCost, line: str) -> None:
    assert cost_line(cost, 64) == line


def test_typing_between_two_ctrl_c_stays() -> None:
    chat = ScriptedConversation([ScriptedReply(["Yes."])])
    shown = hold(chat, KeyboardInterrupt(), LineDropped(in_history=True), "still there?", LineDropped(in_history=False))
    leaves = "Ctrl-C again, Ctrl-D or exit leaves."
    assert shown.count(leaves) == 3 and shown.count(f"{leaves} The arrow key up brings your line back.\n") == 1
    assert chat.history == [("still there?", "Yes.")]
    hold(chat, LineDropped(in_history=True), KeyboardInterrupt(), "never read")
    assert len(chat.history) == 1


def test_an_answer_that_repeats_itself_is_told_with_the_way_to_let_it_go_on() -> None:
    shown = hold(ScriptedConversation([ScriptedReply(["ha ha"], reason="repetition", spent=COST)]), "q")
    assert "it repeated itself over and over; /set repetition_detection=false lets such answers go on.\n" in shown


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/bye", "/bye is a command of Ollama. Here: exit leaves, Ctrl-D too.\n"),
        ("/?", "/? is a command of Ollama. Here: help lists the commands.\n"),
    ],
)
def test_commands_of_ollama_get_the_sentence_that_its_users_need(line: str, says: str) -> None:
    chat = ScriptedConversation([])
    assert says in hold(chat, line) and not chat.history


def test_a_chat_that_is_too_long_says_what_clear_does() -> None:
    long = ContextLengthError("120 tokens, and 100 fit.")
    chat = ScriptedConversation([ScriptedReply(["A."]), long])
    assert hold(chat, "q", "r", "n").endswith(
        "120 tokens, and 100 fit.\nThe chat is as it was before this message.\n`clear` begins a new chat.\n\n"
    )
