"""One request while it is answered, in the engine's process: token events in, text, reasoning and calls out.

Knows no HTTP and no socket: what it has to say goes to `tell`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from causerie.api.generation.config import GenerationConfig
from causerie.api.generation.resolution import Flags
from causerie.chat.parts import ReasoningPart, TextPart, ToolCallPart
from causerie.engine.request import PromptProgress, RequestStats, TokenEvent
from causerie.engine.stream import Message
from causerie.errors import CauserieError, EngineError
from causerie.server.processes.engine.answer_form import PLAIN, AnswerForm
from causerie.server.processes.engine.time_account import ReasoningTime
from causerie.server.processes.engine.token_pieces import token_piece
from causerie.server.processes.jobs import (
    Call,
    Chat,
    Ended,
    Failed,
    Generate,
    JobEvent,
    Piece,
    Reading,
    Timings,
    TokenPiece,
)
from causerie.text.detokenize import Detokenizer
from causerie.text.stream import TextReader

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM
    from causerie.text.tokenizer import Tokenizer

Tell = Callable[[JobEvent], None]
Account = Callable[[RequestStats, float], Timings]  # of a choice that ended, and the seconds that it reasoned
MOST_WAIT = 300.0  # seconds in the engine's line, before a request's first step


class Answering:
    """The choices of one `Generate` order. `start` submits them; `read` takes each message of the engine."""

    def __init__(
        self,
        order: Generate,
        model: CausalLM,
        tokens: list[int],
        tail: str,
        tell: Tell,
        ended: Callable[[], object],
        account: Account | None = None,
    ) -> None:
        """Decides how to answer a prompt whose text ends in `tail`, by flags that hold the answer's form already.
        `ended` is called once all choices have ended; `account` says where their time went. Raises UsageError and its
        kinds for flags that cannot be; compiling a response format can take some tenths of a second."""
        self.order = order
        self._form = AnswerForm.of(model) if order.parsed else PLAIN
        self._model = model
        self._tell = tell
        self._ended = ended
        self._account = account
        self._tokens = tokens
        unlimited = GenerationConfig(max_new_tokens=model.context)
        flags = GenerationConfig(**order.flags, logprobs=order.logprobs)
        levels = Flags(flags, None, model.generation_config, unlimited, drawing_implies_sampling=True)
        # As num_return_sequences of generate(), except that here equal answers to a greedy request are no mistake.
        self._form.check(order, tail, model)
        with self._form.blame(order):
            plan = model.decide(levels, len(tokens))
        own = plan.params.eos
        self._stop_tokens = frozenset(order.stop_tokens) - set(own)
        params = replace(
            plan.params,
            max_wait=MOST_WAIT,
            prompt_progress=order.return_progress,
            client=order.client,
            eos=(*own, *sorted(self._stop_tokens)),
        )
        self._plan = replace(plan, params=params, sequences=order.choices)
        self._tokenizer: Tokenizer = model.tokenizer.text
        self._readers = [
            TextReader(
                self._detokenizer(),
                self._plan.stop_strings,
                self._plan.params.eos,
                self._plan.repetition_detection,
            )
            for _ in range(order.choices)
        ]
        schemas = None if order.tools is None else order.tools.schemas
        self._parsers = [self._form.reply.parser(tail, schemas) for _ in range(order.choices)]
        self._called = [False] * order.choices
        self._reasoning_tokens = [0] * order.choices
        self._reasoning_times = [ReasoningTime() for _ in range(order.choices)]
        self._requests: list[int] = []
        self._open = order.choices
        self._unpaid: set[int] = set()  # choices whose text is over, and what they cost is not told yet

    def _detokenizer(self) -> Detokenizer:
        """Of one choice; an answer that is gone on with is no beginning of a text."""
        detokenizer = Detokenizer(self._tokenizer, True, self._form.reply.spellings(self.order.tools is not None))
        if isinstance(self.order.prompt, Chat) and self.order.prompt.continue_final_message:
            detokenizer.follow(self._tokens[-1])
        return detokenizer

    def start(self, put: Callable[[tuple[Answering, int, Message]], None]) -> None:
        """Submits the choices; the engine's thread puts what it has to say with this object and the choice's number."""

        def inbox(choice: int) -> Callable[[Message], None]:
            return lambda message: put((self, choice, message))

        self._requests = self._model.submit_to([(self._tokens, params) for params in self._plan.each(1)], inbox)

    def begun(self, choice: int) -> bool:
        """Whether a choice has a token. May be asked in any thread."""
        return bool(self._readers[choice].tokens)

    def read(self, choice: int, message: Message) -> None:
        """Tells what a message of the engine means for one choice. Of one whose text is over the engine has still to
        say what it cost."""
        reader = self._readers[choice]
        if reader.over():
            if choice in self._unpaid and (isinstance(message, EngineError) or message.finish_reason is not None):
                self._unpaid.discard(choice)
                self._end(choice, None if isinstance(message, EngineError) else message.stats)
            return
        try:
            if isinstance(message, EngineError):
                raise message
            if message.progress is not None:
                self._say_progress(choice, message.progress)
                return
            piece = reader.read(message)
        except CauserieError as fault:
            self.fail(fault)
            return
        tokens: list[TokenPiece] = []
        if self.order.logprobs is not None and message.token is not None:
            tokens.append(self._token_piece(message.token, message))
        thinking = self._parsers[choice].thinking
        self._say(choice, piece, tokens, reader.over())
        reasons = thinking and self._parsers[choice].thinking and message.token is not None
        self._reasoning_tokens[choice] += reasons
        if self._account is not None:
            self._reasoning_times[choice].note(reasons)
        if reader.over():
            if message.finish_reason is None:  # a stop string, a call, a repetition: the engine knows nothing of them
                self._unpaid.add(choice)
                self._model.cancel(self._requests[choice])
            else:
                self._end(choice, message.stats)

    def _say_progress(self, choice: int, progress: PromptProgress) -> None:
        """Tells how much of the prompt is read. All choices have the same one, and the first reads it."""
        if choice == 0:
            counts = progress.prompt_tokens, progress.cached_tokens, progress.read_tokens
            self._tell(Reading(self.order.job, *counts, progress.seconds))

    def _say(self, choice: int, piece: str, tokens: list[TokenPiece], last: bool) -> None:
        """Tells what some more text makes certain."""
        parser = self._parsers[choice]
        parts = parser.feed(piece) + (parser.finish() if last else [])
        text = "".join(part.text for part in parts if isinstance(part, TextPart))
        reasoning = "".join(part.text for part in parts if isinstance(part, ReasoningPart))
        calls = [Call(part.name, part.arguments, part.id) for part in parts if isinstance(part, ToolCallPart)]
        if calls and self.order.tools is not None and not self.order.tools.parallel:
            calls = [] if self._called[choice] else calls[:1]
            self._readers[choice].finish_reason = self._readers[choice].finish_reason or "stop"
        self._called[choice] |= bool(calls)
        if text or tokens or reasoning or calls:
            new = len(self._readers[choice].tokens)
            self._tell(Piece(self.order.job, choice, text, tokens, reasoning, calls, new))

    def fail(self, fault: CauserieError) -> None:
        """Ends the whole request with a failure."""
        if self._open:
            self._open = 0
            self.cancel()
            self._tell(Failed.of(self.order.job, fault))
            self._ended()

    def cancel(self) -> None:
        """Nobody waits any more: ends what still runs, and tells nothing."""
        self._open = 0
        self._unpaid.clear()
        for choice, reader in enumerate(self._readers):
            if reader.finish_reason in (None, "error") and self._requests:
                reader.finish_reason = reader.finish_reason or "cancelled"
                self._model.cancel(self._requests[choice])

    def _end(self, choice: int, stats: RequestStats | None) -> None:
        reader = self._readers[choice]
        cached = stats.cached_tokens if stats else 0
        reason, new = reader.finish_reason or "stop", len(reader.tokens)
        thought = self._reasoning_tokens[choice]
        drafts = stats.drafts if stats else ()
        drafted, accepted = sum(each.drafted for each in drafts), sum(each.accepted for each in drafts)
        timings = None
        if stats is not None and self._account is not None:
            timings = self._account(stats, self._reasoning_times[choice].seconds)
        last = reader.tokens[-1] if new and reason == "stop" else None
        token = last if last in self._stop_tokens else None
        stop = reader.stop_string
        self._tell(Ended(self.order.job, choice, reason, cached, new, stop, thought, drafted, accepted, timings, token))
        self._open -= 1
        if not self._open:
            self._ended()

    def _token_piece(self, token: int, event: TokenEvent) -> TokenPiece:
        likeliest = event.top_logprobs[: self.order.logprobs]
        top = [token_piece(self._tokenizer, token, logprob) for token, logprob in likeliest]
        return token_piece(self._tokenizer, token, event.logprob, top)
