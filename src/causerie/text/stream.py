"""Text as it is generated: pieces from token events, with stop strings held back and never shown, until an answer ends,
by itself or because it repeats itself.

It knows the shape of a token event (`token`, `finish_reason`) and no engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol

from causerie.errors import UsageError, failure_of
from causerie.text.borders import borders
from causerie.text.detokenize import Detokenizer
from causerie.text.repetition import repeats_itself


class StopText:
    """Lets text through until one of the stop strings is complete; no part of it, and nothing after it, comes out.

    Of several, the one that ends first counts, and of those that end together the longest: the result does
    not depend on how the text was cut into pieces. UsageError for an empty stop string."""

    def __init__(self, stops: str | Sequence[str] = ()) -> None:
        self._stops = (stops,) if isinstance(stops, str) else tuple(stops)
        for stop in self._stops:
            if not isinstance(stop, str) or not stop:
                raise UsageError(f"A stop string is {stop!r}; each must be a text of at least one character.")
        self._tables = [borders(stop) for stop in self._stops]
        self._matched = [0] * len(self._stops)  # characters of each stop that the text now ends with
        self._tail = ""
        self.stopped = False
        self.matched: str | None = None

    def feed(self, text: str) -> str:
        """The text that may be shown now; "" once stopped."""
        if self.stopped:
            return ""
        if not self._stops:
            return text
        for index, character in enumerate(text):
            stop = self._advance(character)
            if stop is not None:
                self.stopped, self.matched = True, stop
                pending = self._tail + text[: index + 1]
                self._tail = ""
                return pending[: len(pending) - len(stop)]
        pending = self._tail + text
        shown = len(pending) - max(self._matched)
        self._tail = pending[shown:]
        return pending[:shown]

    def finish(self) -> str:
        """What was held back and turned out not to be a stop string."""
        tail, self._tail = self._tail, ""
        return tail

    def _advance(self, character: str) -> str | None:
        """Reads one character (Knuth, Morris, Pratt); the longest stop string it completes, or None."""
        longest: str | None = None
        for index, stop in enumerate(self._stops):
            state, table = self._matched[index], self._tables[index]
            while state and stop[state] != character:
                state = table[state - 1]
            if stop[state] == character:
                state += 1
            if state == len(stop):
                if longest is None or len(stop) > len(longest):
                    longest = stop
                state = table[state - 1]
            self._matched[index] = state
        return longest


class Event(Protocol):
    """What a text stream reads of a token event."""

    @property
    def token(self) -> int | None: ...
    @property
    def finish_reason(self) -> str | None: ...


class TextReader:
    """Text from token events that are handed in one by one, for callers to whom events come by themselves.

    `hidden` are tokens that are counted and not shown (end-of-sequence tokens). With `repetition_detection` a text that
    repeats itself for ever is ended (text/repetition.py). `finish_reason` is None while more may come; afterwards it
    says why the text ended ("stop", "repetition", "length", …), and `text` and `tokens` hold the answer."""

    def __init__(
        self,
        detokenizer: Detokenizer,
        stop_strings: str | Sequence[str] = (),
        hidden: Iterable[int] = (),
        repetition_detection: bool = False,
    ) -> None:
        self._stop = StopText(stop_strings)
        # A stop string may be the spelling of a token that is not shown, and so never be found in the text.
        stops = (stop_strings,) if isinstance(stop_strings, str) else stop_strings
        self._stop_tokens = {detokenizer.left_out(stop): stop for stop in stops}
        self._stopped_by: str | None = None
        self._detokenizer = detokenizer
        self._hidden = frozenset(hidden)
        self._repetition_detection = repetition_detection
        self._parts: list[str] = []
        self.tokens: list[int] = []
        self.finish_reason: str | None = None
        self.last_event: Event | None = None  # the latest

    @property
    def text(self) -> str:
        """The text that came out so far."""
        return "".join(self._parts)

    @property
    def stop_string(self) -> str | None:
        """The stop string that ended the text, if one did."""
        return self._stop.matched or self._stopped_by

    def over(self) -> bool:
        """Whether the text has ended."""
        return self.finish_reason is not None

    def read(self, event: Event | None) -> str:
        """The text that this event makes certain, "" where it is none; None says that no event will follow. Raises
        what the event says where it is a failure: UsageError for the request's own, else EngineError."""
        piece = self._read(event)
        if piece:
            self._parts.append(piece)
        return piece

    def _read(self, event: Event | None) -> str:
        if event is None:  # the source ended without saying why
            self.finish_reason = "stop"
            return self._rest()
        self.last_event = event
        if event.finish_reason == "error":
            self.finish_reason = "error"
            sentence = str(getattr(event, "error", None) or "The engine ended this request without an answer.")
            raise failure_of(sentence, getattr(event, "error_field", None))
        piece = ""
        if event.token is not None:
            self.tokens.append(event.token)
            if event.token in self._stop_tokens:
                self.finish_reason, self._stopped_by = "stop", self._stop_tokens[event.token]
                return self._rest()
            if event.token not in self._hidden:
                piece = self._stop.feed(self._detokenizer.push(event.token))
        if self._stop.stopped:
            self.finish_reason = "stop"
        elif event.finish_reason is not None:
            self.finish_reason = event.finish_reason
            piece += self._rest()
        elif self._repetition_detection and repeats_itself(self.tokens):
            self.finish_reason = "repetition"
            piece += self._rest()
        return piece

    def _rest(self) -> str:
        text = self._stop.feed(self._detokenizer.finish())
        if self._stop.stopped:
            self.finish_reason = "stop"
            return text
        return text + self._stop.finish()


class TextStream(TextReader, Iterator[str]):
    """Pieces of text from an iterator of token events. Ends with the last event or a stop string; `close` (also by
    leaving a `with` block) closes the events, by which the engine learns that nobody listens. Closed early, its
    `finish_reason` is "cancelled"."""

    def __init__(
        self,
        events: Iterable[Event],
        detokenizer: Detokenizer,
        stop_strings: str | Sequence[str] = (),
        hidden: Iterable[int] = (),
        repetition_detection: bool = False,
    ) -> None:
        super().__init__(detokenizer, stop_strings, hidden, repetition_detection)
        self._events = iter(events)

    def __iter__(self) -> TextStream:
        return self

    def __next__(self) -> str:
        while not self.over():
            try:
                piece = self.read(next(self._events, None))
            finally:
                if self.over():  # closing what has ended by itself does nothing
                    self._close_events()
            if piece:
                return piece
        raise StopIteration

    @property
    def stats(self) -> Any:
        """What the events say that the answer has cost; None until they do, which is after a while where they were
        closed early."""
        return getattr(self.last_event, "stats", None) or getattr(self._events, "stats", None)

    def close(self) -> None:
        """Ends the stream and closes the events. Text held back is dropped. Harmless when already ended."""
        if self.finish_reason is None:
            self.finish_reason = "cancelled"
        self._close_events()

    def _close_events(self) -> None:
        close: Any = getattr(self._events, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> TextStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
