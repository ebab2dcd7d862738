"""The commands of the terminal chat, by their whole output without a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.chat.chat_files import ChatFolder, SavedChat, as_markdown
from causerie.cli.chat.commands.table import command_of
from causerie.cli.chat.completion import completions
from causerie.cli.chat.text_files import MOST_CHARACTERS, MOST_FILES
from causerie.errors import ContextLengthError, ModelNotFound, UnknownName, UsageError
from tests.cli.chat.typed_session import COST, replies, session
from tests.cli.scripted import ScriptedConversation, ScriptedReply


def test_ask_is_answered_beside_the_chat(tmp_path: Path) -> None:
    chat = ScriptedConversation([ScriptedReply(["one"], spent=COST), ScriptedReply(["two"])])
    stopped, failed = ScriptedReply(["Type", KeyboardInterrupt()]), ModelNotFound("There is none.")
    beside = ScriptedConversation([ScriptedReply(["Type /save."], spent=AnswerCost(9, 9, 9, 9, 9, 9)), stopped, failed])
    lines = ("q", "/ask How do I save?", "/stats", "/ask and then", "/ask x", "/ask", "r")
    shown, terminal = session(tmp_path, chat, *lines, program_help=beside, autosave=True)
    first, rest = shown.split("Type /save.\n\n")
    assert first.startswith("one\n11 tokens") and "9 tokens" not in rest and "11" in rest.partition("Type")[0]
    assert rest.partition("Type")[2] == (
        "\n\nThere is none.\n"
        "/ask wants a question about this program, such as /ask How do I set the temperature?\ntwo\n\n"
    )
    assert chat.history == [("q", "one"), ("r", "two")] and terminal.conversation is chat
    assert [question for question, _ in beside.history] == ["How do I save?", "and then"]
    assert stopped.finish_reason == "cancelled"


def test_lines_between_triple_quotes_are_one_message(tmp_path: Path) -> None:
    chat = replies("one", "two", "three")
    session(tmp_path, chat, '"""first', "", "  second", 'third"""', '"""in one"""', '"""', "text", '"""')
    assert [asked for asked, _ in chat.history] == ["first\n\n  second\nthird", "in one", "text"]
    shown, _ = session(tmp_path, replies("one"), '"""never ended', "more")
    assert shown == 'Nothing was asked: the message did not end in """.\n'


@pytest.mark.parametrize("answers", [["", ""], ["q"]])
def test_help_comes_by_pages_on_a_small_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: list[str]
) -> None:
    monkeypatch.setattr("causerie.cli.screen.screen.Screen.rows", 20)
    shown, _ = session(tmp_path, replies(), "help", *answers)
    assert shown.startswith("The chat\n  clear") and "Enter: more (18 of" in shown
    assert ("The program" in shown) == (answers != ["q"])


def test_retry_undo_edit_continue(tmp_path: Path) -> None:
    chat = replies("one", "two", "three", " and more", "four")
    shown, _ = session(
        tmp_path, chat, "q", "/retry temperature=0.5 seed=1", "/undo", "/undo", "r", "/continue", "/edit",
        edits=("!",),
    )  # fmt: skip
    assert shown == (
        "one\n\ntwo\n\nYour last message and its answer are forgotten.\n\nThere is nothing to undo.\n"
        "three\n\n and more\n\nfour\n\n"
    )
    assert chat.history == [("r!", "four")]
    assert chat.settings["retried with"] == ["temperature=0.5", "seed=1"]


def test_edit_of_an_answer_and_with_text(tmp_path: Path) -> None:
    chat = replies("one", "two")
    session(tmp_path, chat, "q", "/edit answer", "/edit another question", edits=(" changed",))
    assert chat.history == [("another question", "two")]
    chat = replies("one")
    shown, _ = session(tmp_path, chat, "/edit", "q", "/edit answer", edits=(" changed",))
    assert chat.history == [("q", "one changed")] and shown.startswith("There is nothing to edit yet.\n")


def test_settings(tmp_path: Path) -> None:
    chat = replies()
    shown, _ = session(
        tmp_path, chat, "/set temperature=0.5", "/system Be brief.", "/status", "/unset temperature", "/unset top_p",
        "/set", "/think on", "/think maybe", "/think 40", "/model other", "/model missing", "/model",
    )  # fmt: skip
    assert shown == (
        "From now on: temperature=0.5\n\nThe system prompt is set.\n\n"
        "scripted · in a test\n0 messages of yours; saved as: not yet\nsystem prompt: Be brief.\ntemperature=0.5\n\n"
        "temperature is the model's own again.\n\n'top_p' is not set. Set are: nothing.\n"
        "set wants key=value, such as /set temperature=0.7. /status shows what is set.\n"
        "The model is asked to reason first.\n\n"
        "think takes on, off, or the most tokens to reason with. Not every model can reason before it answers.\n"
        "The model is asked to reason first, with 40 tokens at most.\n\n"
        "The chat goes on with other · in a test\n\nThere is no model 'missing'.\nother · in a test\n\n"
    )
    assert chat.thinks and chat.budget == 40


def test_system_alone_shows_the_prompt_and_clear_removes_it(tmp_path: Path) -> None:
    chat = replies()
    shown, _ = session(tmp_path, chat, "/system", "/system Be brief.", "/system")
    assert chat.system_prompt == "Be brief."
    assert shown == (
        "There is no system prompt; /system TEXT sets one.\n\nThe system prompt is set.\n\n"
        "Be brief.\n/system TEXT sets another, /system clear removes it.\n\n"
    )
    shown, _ = session(tmp_path, chat, "/system clear")
    assert chat.system_prompt is None and shown == "There is no system prompt now.\n\n"


@pytest.mark.parametrize(
    ("answer", "branch", "says"),
    [
        ("y", "side", "Back on branch side, with 2 messages."),
        ("n", "sied", "On a new branch, sied; /branch first goes back."),
        ("", "first", "No branch was begun or left."),
    ],
)
def test_a_typo_in_a_branch_asks(tmp_path: Path, answer: str, branch: str, says: str) -> None:
    shown, terminal = session(tmp_path, replies("one"), "q", "/branch side", "/branch first", "/branch sied", answer)
    assert "There is no branch sied. Did you mean side?\n" in shown and says in shown
    assert terminal.branch == branch


def test_the_branch_one_is_on_is_not_begun_again(tmp_path: Path) -> None:
    shown, _ = session(tmp_path, replies("one"), "q", "/branch first", "/branch")
    assert "This is branch first.\n" in shown and "On a new branch, branch 2; /branch first goes back." in shown


def test_branches(tmp_path: Path) -> None:
    chat = replies("one", "two", "three")
    shown, _ = session(tmp_path, chat, "q", "/branch side", "r", "/branch first", "s", "/branches")
    assert chat.history == [("q", "one"), ("s", "three")]
    assert "On a new branch, side; /branch first goes back." in shown
    assert "Back on branch first, with 2 messages." in shown
    assert shown.endswith("* first: 4 messages\n  side: 4 messages\n\n")


def test_chats_are_saved_listed_and_loaded(tmp_path: Path) -> None:
    shown, _ = session(tmp_path, replies("one"), "q", "/save on tokens", "/save", "/list", "/save ../evil")
    assert f"Saved in {tmp_path}/on tokens.json\n\nSaved in {tmp_path}/on tokens.json\n\n  on tokens\n\n" in shown
    assert "'../evil' is no name for a chat" in shown
    other = replies("two")
    shown, _ = session(tmp_path, other, "/load on tokns", "/load on tokens", "r", "/save")
    assert "Unknown saved chat 'on tokns'. Known, nearest first: on tokens. They are in" in shown
    assert "on tokens: 1 message of yours. The last:\n> q\none\n\ntwo\n" in shown
    assert other.history == [("q", "one"), ("r", "two")]
    value = json.loads((tmp_path / "on tokens.json").read_text())
    assert value["model"] == "scripted" and len(value["messages"]) == 4
    shown, _ = session(tmp_path, replies("x"), "q", "/save on tokens")
    assert "There is a chat named 'on tokens' already; take another name." in shown


def test_a_loaded_chat_has_its_flags_again(tmp_path: Path) -> None:
    ChatFolder(tmp_path).save("hot", SavedChat("another/model", [], {"temperature": 0.9, "stop_strings": ["a b"]}))
    chat = replies()
    shown, _ = session(tmp_path, chat, "/load hot")
    assert chat.settings == {"temperature": "0.9", "stop_strings": '["a b"]'}
    assert "It was held with another/model; /model another/model takes that again." in shown


def test_a_chat_of_a_server_says_how_to_go_back_there(tmp_path: Path) -> None:
    ChatFolder(tmp_path).save("far away", SavedChat("org/m", [], server="http://there/v1"))
    ChatFolder(tmp_path).save("near", SavedChat("org/m", []))
    shown, _ = session(tmp_path, replies(), "/load far away")
    again = '`causerie chat --url http://there/v1 org/m --resume "far away"`'
    assert f"It was held with org/m at http://there/v1; {again} takes that again.\n" in shown
    far = replies()
    far.server = "http://there/v1"
    shown, terminal = session(tmp_path, far, "/load near")
    assert 'It was held with org/m here; `causerie chat org/m --resume "near"` takes that again.\n' in shown
    assert terminal.saved().server == "http://there/v1"


def test_autosave_keeps_one_file_and_clear_begins_another(tmp_path: Path) -> None:
    session(tmp_path, replies("one", "two"), "q", "r", autosave=True)
    (file,) = tmp_path.glob("*.json")
    assert file.name == "2026-03-04 05.06.07.json" and len(json.loads(file.read_text())["messages"]) == 4
    assert file.stat().st_mode & 0o077 == 0
    _, terminal = session(tmp_path, replies("one"), "q", "clear", autosave=True)
    assert terminal.name is None


def test_files_go_with_the_next_message(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("alpha")
    (tmp_path / "b.txt").write_text("beta")
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    chat = replies("one", "two")
    shown, _ = session(
        tmp_path,
        chat,
        f"/file {tmp_path}/*.txt",
        "what?",
        "and?",
        f"/file {tmp_path}/none*",
        f"/file {tmp_path}/binary",
    )
    assert chat.history[0][0] == "a.txt:\n```\nalpha\n```\n\nb.txt:\n```\nbeta\n```\n\nwhat?"
    assert chat.history[1][0] == "and?"
    assert "a.txt, b.txt: go with your next message." in shown
    assert f"{tmp_path}/none* names no text file.\n" in shown
    assert f"{tmp_path}/binary names no text file: binary (not UTF-8 text).\n" in shown


def test_a_pattern_takes_the_texts_and_names_what_it_left_out(tmp_path: Path) -> None:
    files = tmp_path / "files"
    (files / "sub").mkdir(parents=True)
    (files / "a.txt").write_text("alpha")
    (files / "p.png").write_bytes(b"\x89PNG\xff")
    (files / "nul").write_bytes(b"a\0b")
    (files / "big").write_text("x" * (MOST_CHARACTERS + 1))
    (files / "[b].txt").write_text("beta")
    chat = replies("one", "two", "three")
    shown, _ = session(tmp_path, chat, f"/file {files}/*", "what?", f"/file {files}/[b].txt", "and?")
    assert "[b].txt, a.txt: go with your next message.\n" in shown
    assert (
        f"Left out: big (more than {MOST_CHARACTERS} characters), nul (not text), p.png (not UTF-8 text), "
        "sub (a folder).\n"
    ) in shown
    assert chat.history[0][0] == "[b].txt:\n```\nbeta\n```\n\na.txt:\n```\nalpha\n```\n\nwhat?"
    assert "[b].txt: goes with your next message.\n" in shown and chat.history[1][0].endswith("\nand?")
    for number in range(MOST_FILES + 3):
        (files / f"n{number:03}").write_text(str(number))
    shown, _ = session(tmp_path, chat, f"/file {files}/n0*", "all?")
    assert f"Left out: n{MOST_FILES:03} ({MOST_FILES} files are the most), " in shown
    assert chat.history[-1][0].count("```") == 2 * MOST_FILES


def test_a_fault_in_a_command_does_not_end_the_chat(tmp_path: Path) -> None:
    class Broken(ScriptedConversation):
        def undo(self) -> bool:
            raise RuntimeError("oops")

    shown, _ = session(tmp_path, Broken([ScriptedReply(["one"])]), "/undo", "q")
    assert shown == "A fault in Causerie: RuntimeError: oops\none\n\n"


@pytest.mark.parametrize(
    ("line", "begun", "words"),
    [
        ("/re", "re", ["retry", "reasoning"]),
        ("!e", "e", ["edit", "export", "examples", "exit"]),
        ("/set temp", "temp", ["temperature="]),
        ("/set seed=1 top_", "top_", ["top_k=", "top_p="]),
        ("/think ", "", ["on", "off"]),
        ("/reasoning f", "f", ["fold"]),
        ("/model built", "built", ["builtin"]),
        ("/load on", "on", ["on tokens"]),
        ("what is /re", "", []),
    ],
)
def test_completions(tmp_path: Path, line: str, begun: str, words: list[str]) -> None:
    ChatFolder(tmp_path).save("on tokens", SavedChat("m", []))
    word_and_endings = completions(line, ChatFolder(tmp_path))
    assert (word_and_endings[0], list(word_and_endings[1])) == (begun, words)


def test_models_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that huggingface_hub has fetched before, and folders."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "hub" / "models--org--some--name").mkdir(parents=True)
    (tmp_path / "hub" / "datasets--org--texts").mkdir()
    assert completions("/model o", ChatFolder(tmp_path))[1] == ["org/some--name"]
    assert completions(f"/model {tmp_path}/h", ChatFolder(tmp_path))[1] == [f"{tmp_path}/hub/"]


def test_files_complete(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "node").mkdir()
    assert completions(f"/file {tmp_path}/no", ChatFolder(tmp_path))[1] == [
        f"{tmp_path}/node/",
        f"{tmp_path}/notes.txt",
    ]


def test_a_damaged_chat_is_a_sentence(tmp_path: Path) -> None:
    for text in ("{", "[]", '{"messages": 1}', "null"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(UsageError, match="holds no chat of this program"):
            ChatFolder(tmp_path).load("bad")
    with pytest.raises(UnknownName):
        ChatFolder(tmp_path / "none").load("x")
    assert as_markdown(SavedChat("m", [])) == "# A chat with m\n"


@pytest.mark.parametrize(
    ("lines", "policy"),
    [
        (("d",), "drop_oldest"),
        (("s",), "summarize"),
        (("/context drop_oldest",), "drop_oldest"),
        (("n",), None),
    ],
)
def test_a_chat_that_no_longer_fits(tmp_path: Path, lines: tuple[str, ...], policy: str | None) -> None:
    """The terminal asks; what is done is announced, and the message asked again."""
    long = ContextLengthError("120 tokens, and 100 fit.")
    chat = ScriptedConversation([ScriptedReply(["one"]), long, ScriptedReply(["two"])])
    before = lines if lines[0].startswith("/") else ()
    shown, _ = session(tmp_path, chat, "q", *before, "r", *(() if before else lines))
    assert chat.settings.get("shortened by") == policy
    if policy is None:
        assert "120 tokens, and 100 fit.\nThe chat is as it was before this message." in shown
        assert chat.history == [("q", "one")]
    else:
        what = "forgotten" if policy == "drop_oldest" else "summarized"
        assert f"Your oldest message was {what}, so that the chat fits.\ntwo\n" in shown
        assert chat.history == [("r", "two")]


def test_command_of() -> None:
    assert command_of("/set a=1  b=2") == ("set", "a=1  b=2")
    assert command_of("set a=1") is None and command_of("retry") is None
    assert command_of("! quit") == ("exit", "")
