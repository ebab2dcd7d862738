"""The commands of the terminal chat, and what they do to a real model's chat."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from causerie.api.generation.config import GenerationConfig
from causerie.cli.conversation.conversation import ScoredText
from causerie.cli.conversation.model_conversation import ModelChoice, ModelConversation, open_conversation
from causerie.errors import ContextLengthError, UnknownName, UsageError
from causerie.text.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def real() -> Iterator[ModelConversation]:
    with open_conversation(ModelChoice("builtin", progress=False), GenerationConfig(do_sample=False), None) as opened:
        yield opened


def test_a_real_chat_takes_every_command(real: ModelConversation) -> None:
    """Retrying gives the same greedy answer; going on with half of it gives the rest; a switch keeps the chat."""
    whole = "".join(str(piece) for piece in real.reply("What is a token?"))
    assert "".join(str(piece) for piece in real.retry()) == whole
    assert [message["content"] for message in real.messages] == ["What is a token?", whole]
    begun = whole[: whole.index(" ", len(whole) // 2)]
    real.amend(begun)
    rest = "".join(str(piece) for piece in real.proceed())
    assert real.messages[-1]["content"] == begun + rest == whole
    real.set(["max_new_tokens=3"])
    assert real.limit == "max_new_tokens=3" and len("".join(str(piece) for piece in real.retry())) < len(whole)
    with pytest.raises(UnknownName):
        real.set(["tempratur=1"])
    real.unset("max_new_tokens")
    real.switch("builtin")
    assert real.messages[0]["content"] == "What is a token?"
    assert "".join(str(piece) for piece in real.retry()) == whole
    with pytest.raises(UsageError, match="enable_thinking"):
        real.think(True)
    rows = real.tokens()
    assert "".join(row.text for row in rows).startswith(whole) and all(row.text == row.likeliest for row in rows)
    assert all(0 < row.probability == row.likeliest_probability <= 1 for row in rows)
    assert real.undo() and not real.messages


def test_what_a_model_is_told_and_kept_from(real: ModelConversation) -> None:
    real.clear()
    plain = "".join(str(piece) for piece in real.reply("What is a token?"))
    assert real.prompt_text().endswith("<|assistant|>") and "What is a token?" in real.prompt_text()
    assert "messages" in real.template()
    word = max(plain.split(), key=len).strip(".,")
    real.set([f"bad_words=['{word.upper()}']"])
    assert ("bad_words", [word.upper()], "set here") in real.parameters()
    assert word.casefold() not in "".join(str(piece) for piece in real.retry()).casefold()
    real.unset("bad_words")
    real.shows_probabilities = True
    pieces = list(real.retry())
    assert all(isinstance(piece, ScoredText) and 0 < piece.probability <= 1 for piece in pieces)
    assert "".join(piece.text for piece in pieces if isinstance(piece, ScoredText)) == plain
    real.shows_probabilities = False
    other = real.beside("builtin")
    assert "".join(str(piece) for piece in other.retry()) == plain and other.messages == real.messages
    other.close()


def test_stats_tell_who_guesses(real: ModelConversation) -> None:
    assert dict(real.memory)["speculation"] == "lookup, chats"
    real.set(["speculation=off"])
    assert dict(real.memory)["speculation"] == "off"
    real.unset("speculation")


@pytest.mark.parametrize("end", ["stop string", "repetition", "stopped"])
def test_an_answer_that_is_ended_early_says_what_it_has_cost(real: ModelConversation, end: str) -> None:
    """The engine tells it some steps later, and nobody waits for that."""
    real.clear()
    list(real.reply("What is a token?"))
    words = {
        "stop string": ["stop_strings=a"],
        "repetition": ["logit_bias={70: 100}", "max_new_tokens=700"],
        "stopped": [],
    }
    reply = real.retry(words[end])
    for _ in reply:
        assert reply.cost is None
        if end == "stopped":
            break
    if end == "stopped":
        reply.stop()
    assert reply.finish_reason == {"stop string": "stop", "repetition": "repetition", "stopped": "cancelled"}[end]
    begun = time.monotonic()
    while reply.cost is None or not reply.cost.cached_tokens:
        assert time.monotonic() - begun < 30, "the engine did not tell"
        time.sleep(0.01)
    assert reply.cost.cached_tokens >= 8 and reply.cost.new_tokens == len(reply._answer.tokens)
    assert reply.cost.total_seconds >= reply.cost.first_token_seconds > 0
    if end == "repetition":
        drafted = reply.cost.drafted_tokens  # none, where a busy machine makes them not worth it
        assert reply.cost.accepted_tokens <= sum(dict(reply.cost.drafters).values()) == drafted
        assert (reply.cost.speedup is None) == (drafted == 0)
    real.clear()


def test_a_chat_loads_its_tokenizer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a large vocabulary takes a third of a second, which everyone waits for."""
    loaded: list[object] = []
    load = Tokenizer.from_folder

    def counted(folder: Path | str) -> Tokenizer:
        loaded.append(folder)
        return load(folder)

    monkeypatch.setattr(Tokenizer, "from_folder", counted)
    with open_conversation(ModelChoice("builtin"), GenerationConfig(max_new_tokens=2), None) as chat:
        list(chat.reply("Hello!"))
    assert len(loaded) == 1


def test_a_real_chat_is_shortened(real: ModelConversation) -> None:
    """A chat near the end of the context goes on after its oldest rounds were forgotten, or summarized."""
    for policy in ("drop_oldest", "summarize"):
        real.clear()
        chat = [{"role": role, "content": f"{word} " * 60} for word in "abcdefghijkl" for role in ("user", "assistant")]
        real.replace(chat)
        with pytest.raises(ContextLengthError):
            real.reply("more " * 700)
        gone = real.shorten("more " * 700, policy)
        assert 1 <= gone < 12 and real.messages[-1]["content"] == chat[-1]["content"]
        assert real.messages[0]["content"].startswith(
            "Summary of our chat" if policy == "summarize" else "abcdefghijkl"[gone]
        )
        assert "".join(str(piece) for piece in real.reply("more " * 700)) is not None
    with pytest.raises(ContextLengthError, match="last message alone"):
        real.shorten("more " * 3000, "drop_oldest")
    real.clear()
