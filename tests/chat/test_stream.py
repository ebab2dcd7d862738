"""Stop strings against a plain search; streams of text over scripted events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.errors import EngineError, UsageError
from causerie.text.detokenize import Detokenizer
from causerie.text.special_tokens import SpecialTokens
from causerie.text.stream import StopText, TextReader, TextStream
from causerie.text.tokenizer import Tokenizer

from .conftest import byte_level

LETTERS = st.text(alphabet="ab🦙", max_size=12)
STOPS = st.lists(st.text(alphabet="ab🦙", min_size=1, max_size=4), max_size=3)


def searched(text: str, stops: list[str]) -> tuple[str, str | None]:
    """What may be shown of a text: up to the stop string that ends first, the longest of those that end together."""
    ends = [(text.find(stop) + len(stop), -len(stop), stop) for stop in stops if stop in text]
    if not ends:
        return text, None
    end, _, stop = min(ends)
    return text[: end - len(stop)], stop


@given(pieces=st.lists(LETTERS), stops=STOPS)
def test_stop_strings_as_a_plain_search_finds_them(pieces: list[str], stops: list[str]) -> None:
    stop = StopText(stops)
    shown = ""
    expected, matched = searched("".join(pieces), stops)
    for piece in pieces:
        shown += stop.feed(piece)
        assert expected.startswith(shown)  # never more than may be shown
    shown += stop.finish()
    assert (shown, stop.matched, stop.stopped) == (expected, matched, matched is not None)


def test_no_more_is_held_back_than_needed() -> None:
    stop = StopText(["User:", "\n\n"])
    assert [stop.feed(piece) for piece in ("Hello U", "se", " me\n", "a", "\n", "\n", "rest")] == [
        "Hello ", "", "Use me", "\na", "", "", "",
    ]  # fmt: skip
    assert stop.matched == "\n\n"


@pytest.mark.parametrize("stops", [["w tw", "tw", " tw", "X"], [" tw", "w tw", "X", "tw"], ["tw", "X", " tw", "w tw"]])
@pytest.mark.parametrize("pieces", [["now two"], list("now two"), ["now t", "wo"]])
def test_of_stop_strings_that_end_together_the_longest_is_cut_off(stops: list[str], pieces: list[str]) -> None:
    stop = StopText(stops)
    assert "".join(stop.feed(piece) for piece in pieces) + stop.finish() == "no"
    assert stop.matched == "w tw"


@pytest.mark.parametrize("stops", ["", [""], ["a", ""], [3]])
def test_an_empty_stop_string_is_refused(stops: list[str]) -> None:
    with pytest.raises(UsageError, match="at least one character"):
        StopText(stops)


@dataclass(frozen=True)
class Event:
    token: int | None
    finish_reason: str | None = None
    error: str | None = None


class Script:
    """Events of a text, one for each token, that note whether they were closed."""

    def __init__(self, tokens: list[int], reason: str = "length", error: str | None = None) -> None:
        self.tokens, self.reason, self.error = tokens, reason, error
        self.read, self.closed = 0, False

    def events(self) -> Iterator[Event]:
        try:
            for index, token in enumerate(self.tokens):
                self.read += 1
                last = index + 1 == len(self.tokens) and self.error is None
                yield Event(token, self.reason if last else None)
            if self.error is not None:
                yield Event(None, "error", self.error)
        finally:
            self.closed = True


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer(byte_level(), SpecialTokens({}, {}, (), {}), {}, "here")


def stream(script: Script, *stops: str, hidden: tuple[int, ...] = ()) -> TextStream:
    return TextStream(script.events(), Detokenizer(tokenizer(), skip_special_tokens=True), stops, hidden)


def test_a_stream_ends_with_its_events() -> None:
    text = "Hello 🦙, world"
    tokens = tokenizer().encode(text)
    answer = stream(Script(tokens))
    assert "".join(answer) == text == answer.text
    assert (answer.finish_reason, answer.tokens, answer.stop_string) == ("length", tokens, None)


def test_a_stop_string_ends_the_request() -> None:
    script = Script(tokenizer().encode("one two three four"))
    answer = stream(script, "thr")
    assert "".join(answer) == "one two "
    assert (answer.finish_reason, answer.stop_string) == ("stop", "thr")
    assert script.closed and script.read < len(script.tokens)
    assert list(answer) == []


def test_half_a_stop_string_at_the_end_is_shown() -> None:
    answer = stream(Script(tokenizer().encode("one thr")), "three")
    assert "".join(answer) == "one thr"
    assert answer.finish_reason == "length"


def test_a_character_cut_by_the_end_is_shown_as_decoding_shows_it() -> None:
    tokens = tokenizer().encode("a🦙")[:-1]
    assert "".join(stream(Script(tokens))) == tokenizer().decode(tokens) == "a\ufffd"


def test_closing_early_closes_the_events() -> None:
    script = Script(tokenizer().encode("one two three"))
    with stream(script) as answer:
        next(answer)
    assert script.closed
    assert answer.finish_reason == "cancelled"
    assert answer.text and list(answer) == []


def test_hidden_and_special_tokens_are_counted_and_not_shown() -> None:
    end = tokenizer().token_to_id("<|im_end|>")
    comma = tokenizer().token_to_id(",")
    assert end is not None and comma is not None
    tokens = [*tokenizer().encode("hi"), end, comma]
    answer = stream(Script(tokens, "stop"), hidden=(comma,))
    assert "".join(answer) == "hi"
    assert answer.tokens == tokens


@pytest.mark.parametrize("skip", [True, False])
def test_a_stop_string_may_spell_a_special_token(skip: bool) -> None:
    script = Script([*tokenizer().encode("hi "), *tokenizer().encode("<|im_end|> and more")])
    answer = TextStream(script.events(), Detokenizer(tokenizer(), skip), ["more", "<|im_end|>"])
    assert "".join(answer) == "hi "
    assert (answer.finish_reason, answer.stop_string, script.closed) == ("stop", "<|im_end|>", True)


def test_a_fault_of_the_engine_is_raised() -> None:
    script = Script(tokenizer().encode("hi"), error="the backend failed")
    answer = stream(script)
    with pytest.raises(EngineError, match="the backend failed"):
        list(answer)
    assert answer.finish_reason == "error" and script.closed


def test_a_text_that_repeats_itself_ends_and_its_events_are_closed() -> None:
    script = Script([40, 41] * 1000)
    ended = TextStream(script.events(), Detokenizer(tokenizer()), repetition_detection=True)
    whole = "".join(ended)
    assert (ended.finish_reason, len(ended.tokens), script.closed) == ("repetition", 576, True)
    assert whole == ended.text == Detokenizer(tokenizer()).push_all(script.tokens[:576])


def test_a_text_repeats_itself_for_ever_where_nobody_asks_for_detection() -> None:
    going = stream(Script([40, 41] * 1000))
    assert "".join(going) and (going.finish_reason, len(going.tokens)) == ("length", 2000)
    reader = TextReader(Detokenizer(tokenizer()))
    assert all(reader.read(Event(token)) is not None for token in [40, 41] * 1000) and not reader.over()


def test_a_stop_string_goes_before_a_repetition() -> None:
    script = Script([40, 41] * 287 + [40, 42] + [40, 41] * 300)
    text = Detokenizer(tokenizer()).push_all([40, 42])
    assert (stopped := TextStream(script.events(), Detokenizer(tokenizer()), text, (), True)) and "".join(stopped)
    assert (stopped.finish_reason, stopped.stop_string) == ("stop", text)
