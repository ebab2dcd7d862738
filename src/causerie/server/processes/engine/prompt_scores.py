"""How likely a prompt's own tokens are, in the engine's process: one request that reads the prompt and answers nothing.

Knows no HTTP and no text but that of single tokens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causerie.decoding.logits import largest, log_probabilities
from causerie.decoding.params import SamplingParams
from causerie.engine.stream import Message
from causerie.errors import EngineError, UsageError
from causerie.server.processes.engine.answering import MOST_WAIT
from causerie.server.processes.engine.token_pieces import token_piece
from causerie.server.processes.jobs import TokenPiece

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM

MOST_BYTES = 2 << 30
"""Of a prompt's logits, which are all there at once."""


async def prompt_scores(model: CausalLM, tokens: list[int], count: int, client: str) -> list[TokenPiece]:
    """The prompt's tokens with their log-probabilities, which the first has none of, and the `count` likeliest in the
    place of each. Leaving early ends it. Raises UsageError for a prompt whose logits are too large, EngineError."""
    nbytes = 4 * len(tokens) * model.step_model.vocab
    if nbytes > MOST_BYTES:
        most = MOST_BYTES // (4 * model.step_model.vocab)
        sentence = f"Log-probabilities of {len(tokens)} prompt tokens are asked for; at most {most} with this model."
        raise UsageError(sentence, field="prompt_logprobs")
    loop = asyncio.get_running_loop()
    end: asyncio.Future[Message] = loop.create_future()

    def inbox(_: int) -> Callable[[Message], None]:
        def put(message: Message) -> None:
            loop.call_soon_threadsafe(_settle, end, message)

        return put

    params = SamplingParams(max_tokens=0, prompt_logits=True, max_wait=MOST_WAIT, client=client)
    (request,) = model.submit_to([(tokens, params)], inbox)
    try:
        message = await end
    finally:
        if not end.done():
            model.cancel(request)
    if isinstance(message, EngineError):
        raise message
    if message.prompt_logits is None:
        raise EngineError(message.error or f"The engine ended a prompt with {message.finish_reason!r}.")
    return await asyncio.to_thread(_pieces, model, tokens, message.prompt_logits, count)


def _settle(end: asyncio.Future[Message], message: Message) -> None:
    if not end.done():  # nobody waits any more
        end.set_result(message)


def _pieces(model: CausalLM, tokens: list[int], logits: NDArray[np.float32], count: int) -> list[TokenPiece]:
    """The row of each token's predecessor says how likely it was."""
    tokenizer = model.tokenizer.text
    pieces = [token_piece(tokenizer, tokens[0], None)]
    for token, row in zip(tokens[1:], logits, strict=False):
        likeliest = largest(row, count)
        values = log_probabilities(row, np.append(likeliest, token)).tolist()
        ranked = zip(likeliest.tolist(), values[:-1], strict=True)
        top = [token_piece(tokenizer, one, value, rank=place) for place, (one, value) in enumerate(ranked, 1)]
        rank = 1 + int(np.count_nonzero(row > row[token]))
        pieces.append(token_piece(tokenizer, token, values[-1], top, rank))
    return pieces
