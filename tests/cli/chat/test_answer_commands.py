"""Commands about answers: several to choose from, what the last one cost and why, its tokens and its reasoning."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from causerie.api.generation.config import GenerationConfig
from causerie.api.machine.surroundings import Surroundings
from causerie.api.measurement.evidence import Evidence
from causerie.api.options.load_options import LoadOptions
from causerie.chat.parts import ReasoningPart
from causerie.chat.prompt_change import PromptChange
from causerie.cli.conversation.conversation import ScoredText
from causerie.cli.conversation.model_conversation import ModelChoice, open_conversation
from causerie.cli.screen.screen import Screen
from causerie.errors import ModelNotFound, UsageError
from tests.cli.chat.typed_session import COST, replies, session
from tests.cli.scripted import ScriptedConversation, ScriptedReply


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


def test_unlikely_tokens_are_marked(tmp_path: Path) -> None:
    pieces = [ScoredText("Hel", 0.95), ScoredText("lo", 0.42), ScoredText(" you", 0.05)]
    chat = ScriptedConversation([ScriptedReply(list(pieces), spent=COST)])
    shown, _ = session(tmp_path, chat, "/probs on", "hi", "/probs off", "/probs")
    assert "less than 80 % likely" in shown and "Hello[42%] you[5%]\n" in shown
    assert "probs takes on or off; it is off now" in shown and not chat.shows_probabilities
    colored = io.StringIO()
    screen = Screen(colored, color=True)
    screen.legend()
    for each in pieces:
        screen.scored_piece(each.text, each.probability)
    assert colored.getvalue().endswith("Hel\x1b[4;33mlo\x1b[0m\x1b[4;31m you\x1b[0m")


def comparison(tmp_path: Path, *lines: str, reply: ScriptedReply | None = None) -> tuple[str, ScriptedConversation]:
    other = ScriptedConversation([reply or ScriptedReply(["four"], spent=COST)], model_name="small")
    chat = ScriptedConversation([ScriptedReply(["five"])], others={"small": other})
    shown, terminal = session(tmp_path, chat, "2 + 2?", "/compare small", *lines)
    assert terminal.conversation is chat and other.closed
    return shown, chat


@pytest.mark.parametrize(
    ("letter", "answer", "description"),
    [("a", "four", "scripted · in a test"), ("m", "four", "small · in a test"), ("", "five", "scripted · in a test")],
)
def test_another_model_answers_too(tmp_path: Path, letter: str, answer: str, description: str) -> None:
    shown, chat = comparison(tmp_path, letter)
    assert "scripted\nfive\n" in shown and "small\nfour\n" in shown
    assert (chat.history, chat.description) == ([("2 + 2?", answer)], description)
    assert not chat.learnt  # the other's speed is not this model's


def test_a_comparison_that_fails_leaves_the_chat(tmp_path: Path) -> None:
    shown, chat = comparison(tmp_path, reply=ScriptedReply([KeyboardInterrupt()]))
    assert "No other answer came; the chat is as it was." in shown and chat.history == [("2 + 2?", "five")]
    shown, _ = session(tmp_path, chat, "/compare", "/compare missing")
    assert "wants the name of another model" in shown and "There is no model 'missing'." in shown


def test_a_comparison_that_comes_to_nothing_leaves_the_file_as_well(tmp_path: Path) -> None:
    for last in (ScriptedReply(["four"]), ScriptedReply(["fo", KeyboardInterrupt()])):
        other = ScriptedConversation([last], model_name="small")
        chat = ScriptedConversation([ScriptedReply(["five"])], others={"small": other})
        _, terminal = session(tmp_path, chat, "2 + 2?", "/compare small", "", autosave=True)
        saved = terminal.chats.load(terminal.name or "")
        assert (saved.model, saved.messages) == ("scripted", chat.messages)


def test_bans(tmp_path: Path) -> None:
    chat = ScriptedConversation([])
    shown, _ = session(
        tmp_path, chat, "/unban", "/ban as an AI", "/ban Certainly", "/ban CERTAINLY", "/ban", "/unban certanly",
        "/unban certainly",
    )  # fmt: skip
    assert chat.settings["bad_words"] == ["as an AI"]
    assert "Nothing is banned." in shown and "  'as an AI'\n  'Certainly'\n" in shown
    assert "Unknown banned text 'certanly'. Known, nearest first: Certainly, as an AI." in shown
    session(tmp_path, chat, "/unban")
    assert "bad_words" not in chat.settings


def test_what_the_model_is_told_is_shown(tmp_path: Path) -> None:
    chat = ScriptedConversation([], memory=[("parameters", "5.5 M")], promise="About 5 tokens/s.")
    subjects = ("", " prompt", " template", " system", " parameters", " prmpt")
    shown, _ = session(tmp_path, chat, *(f"/show{subject}" for subject in subjects))
    for text in ("scripted · in a test", "parameters          5.5 M", "About 5 tokens/s.", "<user>Hello\n<model>"):
        assert text in shown
    for text in (
        "{{ messages }}\n{{ more }}",
        "no system prompt",
        "temperature                 0.7",
        "nearest first: prompt",
    ):
        assert text in shown
