"""What proposes the next tokens of answers, for the model to check several of them in one step.

A proposed token is kept only where the model's own draw is the same, so a drafter decides how soon an answer comes and
never what it says. It knows token ids, no text, no cache and no step. How many of its tokens are worth checking is not
for it to say: it tells what speaks for each, and who asks learns what that is worth.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from causerie.decoding.params import SamplingParams

_NEUTRAL = SamplingParams()


class Ask(NamedTuple):
    """What is wanted for one request."""

    request: int
    tokens: Sequence[int]  # its prompt and answer so far; read-only, and a later ask's begin with these
    most: int  # tokens of a draft; one or more
    longest_match: int | None = None  # of how many last tokens at most an earlier occurrence is looked for
    params: SamplingParams = _NEUTRAL
    prompt: int = 0  # of its tokens, those that are the prompt
    tables: tuple[array[int], ...] = ()
    """Of a `GuessingDrafter`: the blocks of the cache where the model has its tokens but for the last, in each page
    group, with room for that one and all but the last of the draft; read-only."""
    turned: int = 0  # the length for which its positions turn, at least
    rates: Sequence[float] = ()  # for each kind of evidence, how likely such a token is right; () for the `chances`
    least: float = 0.0  # how likely all of a draft must be right, at least, for a further token to be worth its cost


class Draft(NamedTuple):
    """Tokens that may follow, perhaps none, and for each of them what speaks for it: a place in the drafter's
    `chances`. A drafter that has a probability of its own for each token gives places by it."""

    tokens: Sequence[int] = ()
    evidence: Sequence[int] = ()


class ReadText(NamedTuple):
    """What a step read of one request, as far as it is its text: the wrong ones of drafted tokens are left out."""

    request: int
    tokens: Sequence[int]  # those of the rows, and the one that follows the last of them, where that is known
    start: int  # the position of the first row
    states: NDArray[np.float32]  # [rows, taps, width]: what the drafter's taps tell of each row; read-only
    before: array[int]  # the request's whole text, with these tokens or yet without; read-only, and it grows
    tables: tuple[array[int], ...]  # the blocks of the cache where they lie, in each page group; read-only
    turned: int  # the length for which its positions turn, at least


class Drafter(Protocol):
    """One for all requests of an engine. What it costs is measured where it is asked."""

    @property
    def name(self) -> str:
        """What it is called where its success is told."""
        ...

    @property
    def chances(self) -> Sequence[float]:
        """For each kind of evidence how often such a token is the one that comes, as far as is known before any was
        checked: above 0, below 1."""
        ...

    def propose(self, asks: Sequence[Ask]) -> Sequence[Draft]:
        """A draft for each ask, of tokens of the model's vocabulary; several at once, for models that draft in
        lockstep. What it raises ends the requests that it was asked for with an error, and no others."""
        ...

    def forget(self, request: int) -> None:
        """The request has ended, perhaps without an ask. May not raise."""
        ...


@runtime_checkable
class GuessingDrafter(Drafter, Protocol):
    """One that computes each token with a model, and ends a draft where the next token is not worth that. It is asked
    only where the cache has room for the draft."""

    def catch_up(self, asks: Sequence[Ask]) -> None:
        """Reads what it must have read of these before it can propose. Its faults are as those of `propose`."""
        ...


@runtime_checkable
class StateReader(GuessingDrafter, Protocol):
    """One that goes by what the model itself makes of the tokens that it reads."""

    @property
    def taps(self) -> Sequence[int]:
        """The places where it looks at that, as in models/decoder.py: ascending."""
        ...

    def witness(self, texts: Sequence[ReadText], copies: Sequence[Sequence[tuple[int, int]]]) -> None:
        """A step has read these, each of another request that may ask for drafts, after it had copied blocks of each
        page group, (from, to). What is not kept of them is not told again; and of what a request has found in the cache
        nothing is told. Its faults are as those of `propose`."""
        ...


@runtime_checkable
class RecallingDrafter(Drafter, Protocol):
    """One that looks into texts of requests that have ended."""

    def remember(self, tokens: Sequence[int], fresh: int, client: str) -> None:
        """A request of a client ends with this text, of which the tokens before `fresh` stood in the cache, and so in
        an earlier text. May not raise."""
        ...
