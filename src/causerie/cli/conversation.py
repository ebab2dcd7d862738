"""A loaded model and a chat session as the terminal wants them: text in, pieces of text out, and what they cost.

It speaks to the library as any user of `api` could. Knows no terminal and no tensors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from causerie.api.auto import AutoModelForCausalLM, AutoTokenizer
from causerie.api.generation import GenerationConfig
from causerie.api.quantization import chosen as quantized
from causerie.api.resolution import Flags
from causerie.api.torch_names import cache_dtype_name
from causerie.chat.prompt import ChatFormat
from causerie.chat.session import Answer, ChatSession
from causerie.cli.terminal import Cost

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM
    from causerie.engine.request import RequestStats, TokenEvent

_LENGTHS = ("max_new_tokens", "max_length")


@dataclass(frozen=True)
class ModelChoice:
    """Which model and how it is held: what loading needs. `None` leaves the choice to the library."""

    name: str
    dtype: str = "auto"
    device: str = "auto"
    backend: str | None = None
    threads: int | None = None
    progress: bool = True  # whether lines may be drawn over while it loads
    quantization: str | None = None
    cache_dtype: str | None = None


def open_conversation(choice: ModelChoice, flags: GenerationConfig, system_prompt: str | None) -> ModelConversation:
    """Loads tokenizer and model. What the template cannot do (it is missing, or has no system role) is said before the
    weights are read. Raises CauserieError."""
    quantized(choice.quantization, None)  # an unknown name, said at once
    cache_dtype_name(choice.cache_dtype)
    tokenizer = AutoTokenizer.from_pretrained(choice.name)
    tokenizer.chat.prompt(_messages(system_prompt, "Hello!"))
    model = AutoModelForCausalLM.from_pretrained(
        choice.name,
        dtype=choice.dtype,
        device_map=choice.device,
        backend=choice.backend,
        threads=choice.threads,
        quantization=choice.quantization,
        cache_dtype=choice.cache_dtype,
        progress=choice.progress,
    )
    return ModelConversation(model, tokenizer.chat, flags, system_prompt)


def _messages(system_prompt: str | None, text: str) -> list[dict[str, str]]:
    system = [] if system_prompt is None else [{"role": "system", "content": system_prompt}]
    return [*system, {"role": "user", "content": text}]


class _Asker:
    """The session's `Generator`: decides the flags for each prompt, whose length it is the first to know."""

    def __init__(self, model: CausalLM) -> None:
        self._model = model

    def stream(self, tokens: list[int], params: Flags) -> Iterator[TokenEvent]:
        return self._model.stream(tokens, self._model.decide(params, len(tokens)).params)


class ModelConversation:
    """See `terminal.Conversation`. Owns the model; leaving its `with` block frees it."""

    def __init__(
        self, model: CausalLM, chat_format: ChatFormat, flags: GenerationConfig, system_prompt: str | None = None
    ) -> None:
        self._model = model
        # In a chat an answer may go on until the context is full; generate() would cut it at its own default.
        unlimited = GenerationConfig(max_new_tokens=model.context)
        self._flags = Flags(call=flags, checkpoint=model.generation_config, fallback=unlimited)
        hidden = model.decide(self._flags, 1).params.eos
        self._session = ChatSession(
            chat_format, _Asker(model), context_length=model.context, system_prompt=system_prompt, hidden=hidden
        )

    @property
    def context(self) -> int:
        """See Conversation."""
        return self._model.context

    @property
    def limit(self) -> str | None:
        """See Conversation."""
        for level in self._flags.levels[:-1]:
            for name in _LENGTHS:
                if getattr(level, name) is not None:
                    return f"{name}={getattr(level, name)}"
        return None

    @property
    def built_in(self) -> bool:
        """Whether this is the model that ships with the program."""
        return self._model.name_or_path == "builtin"

    @property
    def description(self) -> str:
        """The model, how it is held and where it runs, in a line."""
        model = self._model
        place = f"{model.backend} on {model.device}" if model.backend else str(model.device)
        return f"{model.name_or_path} · {model.quantization or model.dtype}, {place} · context {model.context}"

    def reply(self, text: str) -> ModelReply:
        """See Conversation."""
        begun = time.monotonic()
        answer = self._session.ask(text, self._flags, self._flags.get("stop_strings", ()))
        return ModelReply(answer, begun)

    def clear(self) -> None:
        """See Conversation."""
        self._session.clear()

    @property
    def messages(self) -> list[dict[str, str]]:
        """The chat so far, the system message first if there is one."""
        return self._session.messages

    def close(self) -> None:
        """Frees the model."""
        self._model.close()

    def __enter__(self) -> ModelConversation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ModelReply:
    """See `terminal.Reply`. Times are from the question on, by the engine's clock: pieces may reach a busy screen in a
    heap. Of an answer that was stopped the engine tells nothing more, and the screen's clock stands in."""

    def __init__(self, answer: Answer, begun: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._answer = answer
        self._clock = clock
        self._begun = begun
        self._preparation = clock() - begun  # the template and its tokens, before the engine was asked
        self._first: float | None = None
        self._cost: Cost | None = None

    def __iter__(self) -> Iterator[str]:
        for piece in self._answer:
            if self._first is None:
                self._first = self._clock() - self._begun
            yield piece
        self._end()

    def stop(self) -> None:
        """See Reply."""
        self._answer.close()
        self._end()

    @property
    def finish_reason(self) -> str | None:
        """See Reply."""
        return self._answer.finish_reason

    @property
    def cost(self) -> Cost | None:
        """See Reply."""
        return self._cost

    def _end(self) -> None:
        stats: RequestStats | None = getattr(self._answer.last_event, "stats", None)
        total = self._clock() - self._begun
        first = total if self._first is None else self._first
        cached = 0
        if stats is not None:
            first = self._preparation + stats.first_token_seconds
            total = self._preparation + stats.total_seconds
            cached = stats.cached_tokens
        self._cost = Cost(self._answer.prompt_tokens, cached, len(self._answer.tokens), first, total)
