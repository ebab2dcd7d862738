"""A user's request to the engine and what comes back, in token ids. Knows no text and no tensors of a backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from causerie.decoding.params import SamplingParams

FinishReason = Literal["stop", "length", "time", "cancelled", "error"]
"""stop: an end-of-sequence token; length: max_tokens or the context's end; time: max_time passed."""


@dataclass(frozen=True)
class Request:
    """Tokens to continue and how. `id` is unique within one engine."""

    id: int
    tokens: tuple[int, ...]
    params: SamplingParams


@dataclass(frozen=True)
class DraftCount:
    """Tokens that one drafter proposed and the model checked, and of those the ones that came."""

    drafter: str
    drafted: int
    accepted: int


@dataclass(frozen=True)
class RequestStats:
    """What a finished request cost; times in seconds of the engine's clock."""

    prompt_tokens: int
    cached_tokens: int  # of the prompt, found in the cache
    new_tokens: int
    first_token_seconds: float  # from arrival to the first new token; 0 where there was none
    total_seconds: float
    preemptions: int
    drafts: tuple[DraftCount, ...] = ()  # of each drafter that the engine has
    speedup: float | None = None  # times as fast as without these, as is estimated; None where nothing was checked
    waiting_seconds: float = 0.0  # from arrival until it first ran, or to its end where it never did


@dataclass(frozen=True)
class PromptProgress:
    """How much of a prompt is read; all but `seconds` in tokens."""

    prompt_tokens: int
    cached_tokens: int  # found in the cache when the request first ran
    read_tokens: int  # with the cached ones
    seconds: float  # since the request first ran, by the engine's clock


@dataclass(frozen=True)
class TokenEvent:
    """One new token, or (token None) an end without one or the progress of reading the prompt. The last event of a
    request has a finish_reason and stats."""

    request: int
    token: int | None
    finish_reason: FinishReason | None = None
    logprob: float | None = None  # of the drawn token, natural logarithm, before any filter
    top_logprobs: tuple[tuple[int, float], ...] = ()
    logits: NDArray[np.float32] | None = None  # [vocab], when keep_logits
    scores: NDArray[np.float32] | None = None  # [vocab], when keep_scores
    prompt_logits: NDArray[np.float32] | None = None  # [prompt, vocab] on the last event, when prompt_logits
    mean_state: NDArray[np.float64] | None = None  # [width] on the last event, when pool_states
    progress: PromptProgress | None = None  # before the first token, when prompt_progress
    error: str | None = None  # the sentence, when finish_reason is "error"
    error_field: str | None = None  # the flag of the request that is to blame for it; None: the engine is
    stats: RequestStats | None = None
