"""An answer of a loaded model as the terminal wants it: pieces as they come, what it cost, and what the model read and
wrote for it. Knows no terminal.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from causerie.api.machine.surroundings import Moment, Surroundings
from causerie.api.measurement.answer_cost import AnswerCost
from causerie.chat.parse import ReplyFormat, ReplyParser
from causerie.chat.parts import Part, ReasoningPart, TextPart, ToolCallPart
from causerie.chat.prompt_change import PromptText
from causerie.chat.session import AnswerStream
from causerie.cli.conversation.conversation import ScoredText


class ModelReply:
    """See `conversation.Reply`. Times are from the question on, by the engine's clock: pieces may reach a busy screen
    in a heap. Of an answer that was ended early the engine tells what it cost some steps later, and until then the
    screen's clock stands in."""

    def __init__(
        self,
        answer: AnswerStream,
        begun: float,
        parser: ReplyParser | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        moment: Moment | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> None:
        self._answer = answer
        self._parser = parser or ReplyFormat().parser()
        self._clock = clock
        self._begun = begun
        self._preparation = clock() - begun  # the template and its tokens, before the engine was asked
        self._first: float | None = None
        self._total: float | None = None  # None until it has ended
        self._moment = moment or Moment.now()  # when it was asked
        self._variables = dict(variables or {})  # what the template was told
        self.surroundings: Surroundings | None = None  # None until it has ended
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self.calls: list[ToolCallPart] = []

    def __iter__(self) -> Iterator[str | ScoredText | ReasoningPart]:
        for piece in self._answer:
            if self._first is None:
                self._first = self._clock() - self._begun
            yield from self._shown(self._parser.feed(piece))
        yield from self._shown(self._parser.finish())
        self._end()
        if self.calls:
            self.calls = self._answer.take_calls("".join(self._text), "".join(self._reasoning), self.calls)

    def _shown(self, parts: list[Part]) -> Iterator[str | ScoredText | ReasoningPart]:
        logprob: float | None = getattr(self._answer.last_event, "logprob", None)  # where the request asked for it
        for part in parts:
            if isinstance(part, TextPart):
                self._text.append(part.text)
                yield part.text if logprob is None else ScoredText(part.text, math.exp(logprob))
            elif isinstance(part, ReasoningPart):
                self._reasoning.append(part.text)
                yield part
            else:
                self.calls.append(part)

    def stop(self) -> None:
        """See Reply."""
        self.calls = []
        self._answer.close()
        self._end()

    @property
    def finish_reason(self) -> str | None:
        """See Reply."""
        return self._answer.finish_reason

    @property
    def cost(self) -> AnswerCost | None:
        """See Reply."""
        if self._total is None:
            return None
        first = self._total if self._first is None else self._first
        read, new, prepared = self._answer.prompt_tokens, len(self._answer.tokens), self._preparation
        stats = self._answer.stats
        if stats is None:
            return AnswerCost(read, 0, new, first, self._total, prepared)
        first = prepared + stats.first_token_seconds if stats.first_token_seconds else first
        total = prepared + stats.total_seconds if stats.new_tokens == new else self._total
        return AnswerCost(
            read,
            stats.cached_tokens,
            new,
            first,
            total,
            prepared,
            sum(each.drafted for each in stats.drafts),
            sum(each.accepted for each in stats.drafts),
            tuple((each.drafter, each.drafted) for each in stats.drafts if each.drafted),
            stats.speedup,
            stats.waiting_seconds,
        )

    @property
    def prompt(self) -> PromptText:
        """What the model was asked."""
        answer = self._answer
        return PromptText(answer.prompt.tokens, answer.turn.prompt.chat, self._variables)

    @property
    def chat(self) -> PromptText:
        """The same with the answer, as far as it has come."""
        answer = self._answer
        tokens = [*answer.prompt.tokens, *answer.tokens]
        return PromptText(tokens, answer.transcript.chat, self._variables)

    def _end(self) -> None:
        self._total = self._clock() - self._begun
        self.surroundings = self._moment.until(Moment.now())
