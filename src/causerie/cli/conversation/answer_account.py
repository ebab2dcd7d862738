"""A model's last answer set beside what was to be expected of it: what its prompt had changed, what the machine did
meanwhile, and what is learnt from it for the next one. Knows no terminal and no chat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.api.measurement.evidence import Evidence
from causerie.api.measurement.promise import Expected, Promise, load_sentence
from causerie.api.measurement.token_reading import TokenReading
from causerie.chat.prompt_change import PromptChange, prompt_change
from causerie.cli.conversation.expectation import expectation_rows
from causerie.cli.conversation.model_reply import ModelReply
from causerie.errors import UsageError
from causerie.settings import Settings

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM


class AnswerAccount:
    """That of one model, which was loaded with so many threads; another model has another one."""

    def __init__(self, model: CausalLM, threads: int | None) -> None:
        self._model = model
        self._threads = threads
        self._replied: ModelReply | None = None
        self._change: PromptChange | None = None  # that led to the last answer
        self._expected: tuple[AnswerCost, Expected] | None = None

    @property
    def _promise(self) -> Promise | None:
        return Promise.of(self._model, Settings.from_environment(), self._threads)

    @property
    def promise_sentence(self) -> str | None:
        """See Conversation.promise."""
        return load_sentence(self._model, self._promise)

    @property
    def expectation(self) -> list[tuple[str, str]]:
        """See Conversation."""
        return expectation_rows(*self._expected) if self._expected else []

    def begin(self, reply: ModelReply) -> None:
        """From now on it is about this answer, which is the next in the chat."""
        self._change = None if self._replied is None else prompt_change(self._replied.chat, reply.prompt)
        self._replied, self._expected = reply, None

    def evidence(self) -> Evidence:
        """See Conversation."""
        promise = self._promise
        cost = None if self._replied is None else self._replied.cost
        if self._replied is None or cost is None:
            raise UsageError(
                "Of that answer no more is known: another model was taken since, or the next one failed. Ask again."
            )
        expected = None
        if promise is not None:
            asked = cost.prompt_tokens, cost.cached_tokens, cost.new_tokens
            expected = self._expected[1] if self._expected else promise.expected(*asked)
        return Evidence(
            expected=expected,
            bandwidth=None if promise is None else promise.bandwidth(),
            reading=TokenReading.of(self._model, cost.prompt_tokens + cost.new_tokens // 2),
            surroundings=self._replied.surroundings,
            change=self._change,
            remembers_ends=self._model.engine_stats().slots.total > 0,
        )

    def learn_from(self, cost: AnswerCost) -> None:
        """See Conversation."""
        promise = self._promise
        if promise is None:
            return
        self._expected = (cost, promise.expected(cost.prompt_tokens, cost.cached_tokens, cost.new_tokens))
        if not cost.drafted_tokens:
            promise.learn(
                self._expected[1],
                speed=cost.tokens_per_second,
                new_tokens=cost.new_tokens,
                first_seconds=cost.first_token_seconds - cost.preparation_seconds,
            )
