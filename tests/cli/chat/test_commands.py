"""The commands of the terminal chat, by their whole output without a model."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from causerie.api.generation.config import GenerationConfig
from causerie.api.machine.surroundings import Surroundings
from causerie.api.options.load_options import LoadOptions
from causerie.chat.parts import ReasoningPart
from causerie.chat.prompt_change import PromptChange
from causerie.cli.chat.chat_files import ChatFolder, SavedChat, as_markdown
from causerie.cli.chat.commands.table import command_of
from causerie.cli.chat.completion import completions
from causerie.cli.chat.terminal import Terminal
from causerie.cli.chat.text_files import MOST_CHARACTERS, MOST_FILES
from causerie.cli.conversation.conversation import AnswerCost
from causerie.cli.conversation.evidence import Evidence
from causerie.cli.conversation.model_conversation import ModelChoice, open_conversation
from causerie.cli.screen.screen import Screen
from causerie.errors import ContextLengthError, ModelNotFound, UnknownName, UsageError
from tests.cli.scripted import ScriptedConversation, ScriptedKeyboard, ScriptedReply

COST = AnswerCost(20, 8, 11, 0.25, 0.75, 0.05)


def session(
    folder: Path,
    chat: ScriptedConversation,
    *lines: str,
    edits: tuple[str, ...] = (),
    autosave: bool = False,
    program_help: ScriptedConversation | None = None,
) -> tuple[str, Terminal]:
    """What a session shows after its header, and the terminal."""
    out = io.StringIO()
    keyboard = ScriptedKeyboard(list(lines), edits=list(edits))
    now = datetime(2026, 3, 4, 5, 6, 7)
    beside = program_help or ScriptedConversation([])
    terminal = Terminal(
        chat, keyboard, Screen(out), (), ChatFolder(folder), beside, autosave=autosave, clock=lambda: now
    )  # fmt: skip
    terminal.run()
    return out.getvalue().removeprefix("\n"), terminal


def replies(*texts: str) -> ScriptedConversation:
    return ScriptedConversation([ScriptedReply([text]) for text in texts])


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


def test_one_of_several_answers_is_kept(tmp_path: Path) -> None:
    chat = replies("one", "two", "three", "four", "five")
    shown, _ = session(tmp_path, chat, "q", "/n 2", "2", "/n 2", "no", "/n 1", "/n x", "/n")
    assert "Answer 1 of 2\ntwo\n\nAnswer 2 of 2\nthree\n\n1 to 2: keep that one" in shown
    assert "The chat goes on with answer 2.\n" in shown and "The chat is as it was.\n" in shown
    assert chat.history == [("q", "three")] and chat.settings["retried with"] == ["do_sample=True"]
    assert shown.count("/n wants how many answers, 2 to 9, such as /n 3; it got") == 3


def test_a_seed_counts_on_for_each_answer(tmp_path: Path) -> None:
    chat = replies("one", "two", "three")
    session(tmp_path, chat, "q", "/set seed=7 temperature=0.5", "/n 2", "1")
    assert chat.settings["retried with"] == ["seed=8"]


def test_answers_that_are_stopped_leave_the_chat_as_it_was(tmp_path: Path) -> None:
    chat = ScriptedConversation([ScriptedReply(["one"]), ModelNotFound("There is none.")])
    shown, _ = session(tmp_path, chat, "/n 2", "q", "/n 2")
    assert shown.startswith("There is no message yet that could be answered.\n")
    assert "No answer came; the chat is as it was." in shown and chat.history == [("q", "one")]


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


def test_stats_export_copy_examples(tmp_path: Path) -> None:
    chat = ScriptedConversation([ScriptedReply(["one"], spent=COST)], memory=[("weights", "8.3 MB")])
    shown, _ = session(
        tmp_path, chat, "/stats", "/copy", "q", "/stats", f"/export {tmp_path}/c.md", f"/export {tmp_path}/c.md",
        "/export c.txt", "/copy", "/examples",
    )  # fmt: skip
    assert shown.startswith("There is no answer yet whose cost could be told.\nThere is no answer yet.\n")
    assert (
        "  prompt              20 tokens, 8 of them read before\n"
        "  template and tokens 0.050 s\n"
        "  reading the prompt  0.200 s to the first token\n"
        "  answer              11 tokens in 0.500 s\n"
        "  speed               20.0 tokens/s\n"
        "  weights             8.3 MB\n"
    ) in shown
    assert (tmp_path / "c.md").read_text() == "# A chat with scripted\n\n## User\n\nq\n\n## Assistant\n\none\n"
    assert "c.md is there already" in shown and "ends in .md or .json" in shown
    assert "There is no terminal here that has a clipboard." in shown


def test_stats_tell_what_was_guessed(tmp_path: Path) -> None:
    guessed = replace(COST, drafted_tokens=9, accepted_tokens=7)
    shown, _ = session(tmp_path, ScriptedConversation([ScriptedReply(["one"], spent=guessed)]), "q", "/stats")
    assert "  speed               20.0 tokens/s\n  guessed             9 tokens, 7 of them right\n" in shown
    named = replace(guessed, drafters=(("lookup", 5), ("draft", 4)), speedup=1.625)
    shown, _ = session(tmp_path, ScriptedConversation([ScriptedReply(["one"], spent=named)]), "q", "/stats")
    told = "9 tokens (lookup 5, draft 4), 7 of them right, 1.62 × as fast as without"
    assert f"  guessed             {told}\n" in shown


def test_stats_tell_what_was_expected(tmp_path: Path) -> None:
    chat = ScriptedConversation([ScriptedReply(["one"], spent=COST)], expected=25.0, memory=[("weights", "8.3 MB")])
    shown, _ = session(tmp_path, chat, "q", "/stats")
    assert "20.0 tokens/s\n  expected            25.0 tokens/s\n  weights " in shown
    assert chat.learnt == [COST]


def test_why_tells_where_the_time_went(tmp_path: Path) -> None:
    proof = Evidence(surroundings=Surroundings(2, 1.5, 0), change=PromptChange(4, 3, "system prompt"))
    told = replace(COST, waiting_seconds=0.0)
    chat = ScriptedConversation([ScriptedReply(["one"], spent=told)], proof=proof)
    shown, _ = session(tmp_path, chat, "/why", "q", "/why")
    assert shown.startswith("There is no answer yet that could have been slow.\n")
    assert shown.endswith(
        "  writing                0.500 s  67%   11 tokens, 20.0 a second\n"
        "  reading the prompt     0.200 s  27%   12 tokens anew, 8 from the cache\n"
        "  template and tokens    0.050 s   7%   the chat written as 20 tokens\n"
        "  waiting                0.000 s   0%   until the engine began with it\n"
        "Other programs kept 1.5 of 2 processors busy meanwhile; without them the answer has these for itself.\n\n"
    )


def test_why_of_a_model_here(tmp_path: Path, model_name: str) -> None:
    choice = ModelChoice(model_name, LoadOptions(speculation="off"), progress=False)
    with open_conversation(choice, GenerationConfig(max_new_tokens=4), "Be kind.") as chat:
        with pytest.raises(UsageError, match="no more is known"):
            chat.evidence()
        list(chat.reply("What is a token? " * 20))
        first = chat.evidence()
        assert first.change is None and first.surroundings is not None and first.reading is not None
        after = chat.reply("And a tensor?")
        list(after)
        change, cost = chat.evidence().change, after.cost
        assert change is not None and cost is not None and change.cause is None
        assert 0 <= change.same - cost.cached_tokens < 32 and cost.waiting_seconds is not None
        chat.system_prompt = "Be brief."
        again = chat.retry()
        list(again)
        change, cost = chat.evidence().change, again.cost
        assert change is not None and cost is not None and change.cause == "system prompt"
        assert change.same <= 32 and 100 < change.again < cost.prompt_tokens - change.same


def test_tokens_are_shown_with_their_probabilities(tmp_path: Path) -> None:
    assert session(tmp_path, replies(), "/tokens")[0] == (
        "  token               probability   likeliest instead\n"
        "  'Hel'                     0.500\n  'lo'                      0.250   'p' 0.750\n\n"
    )


def test_reasoning_is_shown_dim_and_apart(tmp_path: Path) -> None:
    chat = ScriptedConversation([ScriptedReply([ReasoningPart("let me "), ReasoningPart("see"), "Yes."])])
    assert session(tmp_path, chat, "q")[0] == "let me see\n\nYes.\n\n"
    out = io.StringIO()
    screen = Screen(out, color=True)
    screen.aside("hm")
    screen.piece("Yes.")
    screen.end_piece()
    assert out.getvalue() == "\x1b[2mhm\n\x1b[0m\nYes.\n"


def test_reasoning_folds_to_a_line(tmp_path: Path) -> None:
    def reply() -> ScriptedReply:
        return ScriptedReply([ReasoningPart("let me see " * 25), ReasoningPart("well " * 50), "Yes."])

    chat = ScriptedConversation([reply(), ScriptedReply(["No."]), reply()])
    shown, _ = session(
        tmp_path, chat, "/reasoning fold", "q", "/reasoning", "r", "/reasoning", "/reasoning show", "s", "/reasoning x"
    )
    assert shown == (
        "Reasoning is folded to a line from now on.\n\nReasoning .. 125 words; /reasoning shows them\n\nYes.\n\n"
        + "let me see " * 25 + "well " * 50 + "\n\nNo.\n\nThe last answer came without reasoning.\n\n"
        "Reasoning is shown from now on.\n\n" + "let me see " * 25 + "well " * 50 + "\n\nYes.\n\n"
        "reasoning takes fold or show; alone, it shows that of the last answer.\n"
    )  # fmt: skip


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
