"""A conversation that goes on: its messages, the next prompt, the answer appended, and undone when it fails.

It is handed something that generates (an engine, or a script in tests) and knows neither engine nor terminal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol

from causerie.chat.call_arguments import written_either_way
from causerie.chat.chat_format import ChatFormat
from causerie.chat.encode import EncodedChat
from causerie.chat.parts import ToolCallPart
from causerie.chat.transcript import Transcript, Turn
from causerie.errors import ContextLengthError, UsageError
from causerie.text.detokenize import Detokenizer
from causerie.text.stream import Event, TextStream


class Generator(Protocol):
    """What continues tokens. Closing the iterator cancels the request."""

    def stream(self, tokens: list[int], params: Any) -> Iterator[Event]:
        """Events of one request, each with a token or the reason of the end."""
        ...


def check_context(prompt_tokens: int, context_length: int | None) -> None:
    """ContextLengthError if a prompt leaves no room for an answer in the model's context."""
    if context_length is not None and prompt_tokens >= context_length:
        raise ContextLengthError(
            f"The chat is {prompt_tokens} tokens long and this model's context holds {context_length}, so there is "
            "no room for an answer. Shorten what is asked, or take a model with a longer context."
        )


class ChatSession:
    """The messages of one conversation, and the next answer.

    `context_length` is the model's, in tokens (None: unchecked); `hidden` are tokens that are never shown, such as the
    end-of-sequence tokens of generation_config.json; `shown_specials` are special tokens that stay in the
    text. Not for several threads at once: one answer at a time."""

    def __init__(
        self,
        chat_format: ChatFormat,
        generator: Generator,
        *,
        context_length: int | None = None,
        system_prompt: str | None = None,
        messages: Sequence[Mapping[str, Any]] = (),
        hidden: Iterable[int] = (),
        shown_specials: Collection[str] = frozenset(),
        variables: Mapping[str, Any] | None = None,
    ) -> None:
        self._format = chat_format
        self._generator = generator
        self._context_length = context_length
        self._hidden = frozenset(hidden)
        self._shown_specials = frozenset(shown_specials)
        self._tools: list[Mapping[str, Any]] | None = None
        self.variables = dict(variables or {})  # what the template is told beside the messages
        self._transcript = Transcript(system_prompt).replaced(chat_format.checked(messages) if messages else [])
        self._answering: AnswerStream | None = None

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation so far, the system message first if there is one; a copy."""
        return self._transcript.chat

    @property
    def system_prompt(self) -> str | None:
        """How the model shall behave, as its system message."""
        return self._transcript.system_prompt

    @system_prompt.setter
    def system_prompt(self, text: str | None) -> None:
        self._transcript = replace(self._transcript, system_prompt=text)

    def offer(self, tools: Sequence[Mapping[str, Any]], shown_specials: Collection[str]) -> None:
        """The tools that the next answers may call, as templates are told of them, and the special tokens that then
        stay in the text."""
        self._tools = list(tools) or None
        self._shown_specials = frozenset(shown_specials)

    def take_results(self, results: Sequence[Mapping[str, Any]]) -> None:
        """What came of the calls; `proceed` goes on with it."""
        self._transcript = self._transcript.resulted(results)

    def ask(
        self, text: str, params: Any, stop_strings: str | Sequence[str] = (), repetition_detection: bool = False
    ) -> AnswerStream:
        """Adds a user message and begins the answer, an iterator of pieces of text; with `repetition_detection` one
        that repeats itself for ever is ended. When it ends the answer is appended; when it fails the message is taken
        back; closed early, what was said so far stays. MessageError, TemplateError and ContextLengthError leave the
        conversation unchanged."""
        return self._begin(self._transcript.ask(text), params, stop_strings, repetition_detection)

    def retry(
        self, params: Any, stop_strings: str | Sequence[str] = (), repetition_detection: bool = False
    ) -> AnswerStream:
        """Answers the last user message anew; the answer it had is forgotten once the new one has come. Raises as
        `ask`, and UsageError where there is no message."""
        return self._begin(self._transcript.retry(), params, stop_strings, repetition_detection)

    def proceed(
        self, params: Any, stop_strings: str | Sequence[str] = (), repetition_detection: bool = False
    ) -> AnswerStream:
        """Goes on with the last answer, which must be the last message. Raises as `ask`."""
        return self._begin(self._transcript.proceed(), params, stop_strings, repetition_detection)

    def _begin(
        self, turn: Turn, params: Any, stop_strings: str | Sequence[str], repetition_detection: bool
    ) -> AnswerStream:
        if self._answering is not None:
            raise UsageError("The previous answer is still being given. Read it to its end or close it first.")
        prompt = self._prompt(turn.prompt.chat, continued=turn.beginning is not None)
        check_context(len(prompt.tokens), self._context_length)
        events = self._generator.stream(prompt.tokens, params)
        detokenizer = Detokenizer(self._format.tokenizer, True, self._shown_specials)
        if turn.beginning is not None:
            detokenizer.follow(prompt.tokens[-1])
        before, self._transcript = self._transcript, turn.unanswered
        stream = TextStream(events, detokenizer, stop_strings, self._hidden, repetition_detection)
        self._answering = AnswerStream(self, stream, before, prompt, turn)
        return self._answering

    def _prompt(self, chat: list[dict[str, Any]], *, continued: bool = False, tools: bool = True) -> EncodedChat:
        def write(messages: list[dict[str, Any]]) -> EncodedChat:
            offered = self._tools if tools else None
            return self._format.prompt(
                messages, tools=offered, variables=self.variables, continue_final_message=continued
            )

        return written_either_way(chat, write)

    def ended(self, answer: AnswerStream) -> None:
        """Called once by an answer when it ends: keeps what was said, or forgets the question that got nothing."""
        self._answering = None
        failed = answer.finish_reason == "error" or (answer.finish_reason == "cancelled" and not answer.text)
        self._transcript = answer.before if failed else answer.transcript

    def called(self, answer: AnswerStream) -> None:
        """Called by an answer that has ended and was then read as calls."""
        self._transcript = answer.transcript

    def undo(self) -> bool:
        """Forgets the last user message and what followed it. False if there is none."""
        if self._answering is not None:
            self._answering.close()
        shorter = self._transcript.undone()
        self._transcript = shorter or self._transcript
        return shorter is not None

    def amend(self, text: str) -> None:
        """Puts other words into the last answer. Raises UsageError where there is none."""
        self._transcript = self._transcript.amended(text)

    def replace(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Goes on with another chat; a system message at its head becomes the system prompt. Raises MessageError."""
        if self._answering is not None:
            self._answering.close()
        self._transcript = self._transcript.replaced(self._format.checked(messages) if messages else [])

    def shorten(self, text: str, policy: str, params: Any) -> int:
        """Makes room for one more user message and an answer: forgets the oldest rounds, or ("summarize") puts a
        summary in their place. Returns how many of the user's messages went. Raises ContextLengthError where it cannot
        be."""
        room = (self._context_length or 0) * 3 // 4

        def count(messages: list[dict[str, Any]]) -> int:
            return len(self._prompt(messages).tokens) if self._context_length else 0

        def write(messages: list[dict[str, Any]]) -> str:
            prompt = self._prompt(messages, tools=False)
            detokenizer = Detokenizer(self._format.tokenizer, True, self._shown_specials)
            with TextStream(self._generator.stream(prompt.tokens, params), detokenizer, (), self._hidden) as stream:
                return "".join(stream)

        self._transcript, rounds = self._transcript.shortened(text, policy, room, count, write)
        return rounds

    def clear(self) -> None:
        """Forgets the conversation and keeps the system prompt."""
        if self._answering is not None:
            self._answering.close()
        self._transcript = self._transcript.cleared()


class AnswerStream(Iterator[str]):
    """One answer as it comes. Iterate over its pieces; `close` ends it early. `text`, `tokens`, `finish_reason` and,
    once it has ended, `stats` (the engine's statistics) tell about it."""

    def __init__(
        self,
        session: ChatSession,
        stream: TextStream,
        before: Transcript,
        prompt: EncodedChat,
        turn: Turn,
    ) -> None:
        self._session = session
        self._stream = stream
        self._open = True
        self._called: Transcript | None = None  # the chat with the calls that it was read as
        self.before = before
        self.prompt = prompt
        self.prompt_tokens = len(prompt.tokens)
        self.turn = turn

    @property
    def text(self) -> str:
        """What was said so far."""
        return self._stream.text

    @property
    def transcript(self) -> Transcript:
        """The chat with it, as far as it has come."""
        return self._called or self.turn.answered(self.text)

    @property
    def tokens(self) -> list[int]:
        """The tokens received so far."""
        return self._stream.tokens

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended; None while it goes on."""
        return self._stream.finish_reason

    @property
    def last_event(self) -> Event | None:
        """The latest event of the generator."""
        return self._stream.last_event

    @property
    def stats(self) -> Any:
        """What the generator says that the answer has cost; None until it does, a while after an early end."""
        return self._stream.stats

    def __iter__(self) -> AnswerStream:
        return self

    def __next__(self) -> str:
        try:
            return next(self._stream)
        except StopIteration:
            self._end()
            raise
        except KeyboardInterrupt:
            self.close()
            raise
        except BaseException:
            self._stream.finish_reason = "error"
            self._end()
            raise

    def take_calls(self, text: str, reasoning: str, calls: Sequence[ToolCallPart]) -> list[ToolCallPart]:
        """It has just ended, and was read as these calls and what was said before them; they are returned with ids."""
        self._called, whole = self.turn.called(text, reasoning, calls)
        self._session.called(self)
        return whole

    def close(self) -> None:
        """Ends the answer now; what was said so far stays in the conversation."""
        self._stream.close()
        self._end()

    def _end(self) -> None:
        if self._open:
            self._open = False
            self._session.ended(self)

    def __enter__(self) -> AnswerStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
