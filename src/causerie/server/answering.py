"""One request while it is answered, in the engine's process: token events in, pieces of text out.

Knows no HTTP and no socket: what it has to say goes to `tell`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from causerie.api.generation import GenerationConfig
from causerie.api.resolution import Flags
from causerie.engine.request import RequestStats, TokenEvent
from causerie.engine.stream import Message
from causerie.errors import CauserieError, EngineError
from causerie.server.orders import Ended, Event, Failed, Generate, Piece, TokenPiece
from causerie.text.detokenize import Detokenizer, token_bytes
from causerie.text.stream import TextReader

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM
    from causerie.text.tokenizer import Tokenizer

Tell = Callable[[Event], None]


class Answering:
    """The choices of one `Generate` order. `start` submits them; `read` takes each message of the engine."""

    def __init__(
        self, order: Generate, model: CausalLM, tokens: list[int], tell: Tell, ended: Callable[[], object]
    ) -> None:
        """Decides how to answer. `ended` is called once all choices have ended. Raises UsageError and its kinds for
        flags that cannot be."""
        self.order = order
        self._model = model
        self._tell = tell
        self._ended = ended
        self._tokens = tokens
        unlimited = GenerationConfig(max_new_tokens=model.context)
        flags = GenerationConfig(**order.flags, logprobs=order.logprobs)
        levels = Flags(call=flags, checkpoint=model.generation_config, fallback=unlimited)
        # As num_return_sequences of generate(), except that here equal answers to a greedy request are no mistake.
        self._plan = replace(model.decide(levels, len(tokens)), sequences=order.choices)
        self._tokenizer: Tokenizer = model.tokenizer.text
        self._readers = [
            TextReader(
                Detokenizer(self._tokenizer, skip_special_tokens=True), self._plan.stop_strings, self._plan.params.eos
            )
            for _ in range(order.choices)
        ]
        self._requests: list[int] = []
        self._open = order.choices

    def start(self, put: Callable[[tuple[Answering, int, Message]], None]) -> None:
        """Submits the choices; the engine's thread puts what it has to say with this object and the choice's number."""

        def inbox(choice: int) -> Callable[[Message], None]:
            return lambda message: put((self, choice, message))

        self._requests = self._model.submit_to([(self._tokens, params) for params in self._plan.each(1)], inbox)

    def read(self, choice: int, message: Message) -> None:
        """Tells what a message of the engine means for one choice; late ones of an ended choice mean nothing."""
        reader = self._readers[choice]
        if reader.over():
            return
        try:
            if isinstance(message, EngineError):
                raise message
            piece = reader.read(message)
        except CauserieError as fault:
            self.fail(fault)
            return
        tokens = [self._told(message)] if self.order.logprobs is not None and message.token is not None else []
        if piece or tokens:
            self._tell(Piece(self.order.job, choice, piece, tokens))
        if reader.over():
            if message.finish_reason is None:  # a stop string: the engine does not know that it is enough
                self._model.cancel(self._requests[choice])
            self._end(choice, message.stats)

    def fail(self, fault: CauserieError) -> None:
        """Ends the whole request with a failure."""
        if self._open:
            self._open = 0
            self.cancel()
            self._tell(Failed(self.order.job, type(fault).__name__, str(fault)))
            self._ended()

    def cancel(self) -> None:
        """Nobody waits any more: ends what still runs, and tells nothing."""
        self._open = 0
        for choice, reader in enumerate(self._readers):
            if reader.finish_reason in (None, "error") and self._requests:
                reader.finish_reason = reader.finish_reason or "cancelled"
                self._model.cancel(self._requests[choice])

    def _end(self, choice: int, stats: RequestStats | None) -> None:
        reader = self._readers[choice]
        cached = stats.cached_tokens if stats else 0
        self._tell(Ended(self.order.job, choice, reader.finish_reason or "stop", cached, len(reader.tokens)))
        self._open -= 1
        if not self._open:
            self._ended()

    def _told(self, event: TokenEvent) -> TokenPiece:
        likeliest = [self._piece(token, logprob) for token, logprob in event.top_logprobs[: self.order.logprobs]]
        told = self._piece(event.token, event.logprob)
        return TokenPiece(told.token, told.text, told.bytes, told.logprob, likeliest)

    def _piece(self, token: Any, logprob: float | None) -> TokenPiece:
        raw = token_bytes(self._tokenizer, token)
        return TokenPiece(token, raw.decode("utf-8", errors="replace"), list(raw), logprob)
