"""Embeddings in the engine's process: prompts in, vectors out, beside whatever else the engine runs. Knows no HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from causerie.api.embedding_vectors import POOLING, Embedded, normalized
from causerie.engine.stream import Message
from causerie.errors import EngineError, UsageError
from causerie.server.processes.engine.answering import MOST_WAIT

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM


async def embedded(model: CausalLM, rows: list[list[int]], width: int | None, client: str) -> list[Embedded]:
    """The embedding of each row of tokens, in the turns of a client. Leaving early ends what still runs. Raises
    UsageError, ContextLengthError, EngineError."""
    has = model.step_model.spec.width
    if width not in (None, has):
        sentence = f"dimensions is {width}, and this model's embeddings have {has}; leave it out."
        raise UsageError(sentence, field="dimensions")
    for place, tokens in enumerate(rows):
        if not tokens:
            raise UsageError(f"input {place} has no tokens, so it has no embedding; leave it out.", field="prompt")
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Future[Message]] = [loop.create_future() for _ in rows]

    def inbox(place: int) -> Callable[[Message], None]:
        def put(message: Message) -> None:
            loop.call_soon_threadsafe(_settle, ends[place], message)

        return put

    params = replace(POOLING, max_wait=MOST_WAIT, client=client)
    requests = model.submit_to([(tokens, params) for tokens in rows], inbox)
    try:
        return [_vector(await end) for end in ends]
    finally:
        for request, end in zip(requests, ends, strict=True):
            if not end.done():
                model.cancel(request)


def _settle(end: asyncio.Future[Message], message: Message) -> None:
    if not end.done():  # nobody waits any more
        end.set_result(message)


def _vector(message: Message) -> Embedded:
    if isinstance(message, EngineError):
        raise message
    if message.finish_reason != "length":
        raise EngineError(message.error or f"The engine ended a text with {message.finish_reason!r}.")
    return normalized(message.mean_state)
