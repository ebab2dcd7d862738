"""What one step will do, as plain values: who takes part, with which tokens and blocks, and which rows want logits or
hidden states. It knows no arrays of a backend and no text; the scheduler makes it, batch.py turns it into a `Step`.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from causerie.engine.request import Request, TokenEvent

Copies: TypeAlias = tuple[tuple[int, int], ...]  # (from, to) of blocks of one page group


@dataclass(frozen=True, slots=True)
class Work:
    """One sequence's part of a step: rows for its positions `start` to `start + len(tokens)`.

    `wants` trailing rows want logits. From the last `draws` of these a token is drawn: 0 where the sequence is not read
    to its end; 1 where it is, and 1 more for each drafted token, which `tokens` then end with. Where hidden states are
    wanted in the place of logits, `pools` trailing rows want them.
    """

    request: Request
    tokens: array[int]
    start: int
    tables: tuple[array[int], ...]  # its cache blocks in each page group; read-only, until the plan is committed
    wants: int
    draws: int
    history: array[int]  # all its tokens so far, prompt and answer; read-only, and only until the plan is committed
    turned: int  # the length for which its positions turn, at least: of its prompt, or of what was read anew
    pools: int = 0
    slots: tuple[int, int] = (-1, -1)  # the one that is read and the one that is written, where there are any

    @property
    def draft(self) -> array[int]:
        """The drafted ones of `tokens`, which are no part of the sequence yet."""
        return self.tokens[len(self.tokens) + 1 - self.draws :]


@dataclass(frozen=True, slots=True)
class Plan:
    """A step: the work, the block copies before it, the requests that ended without needing it, and how much of their
    prompts those have in the cache that begin with it, where they ask."""

    works: tuple[Work, ...]
    copies: tuple[Copies, ...] = ()  # in each page group; empty where there are none
    ended: tuple[TokenEvent, ...] = ()
    beginnings: tuple[TokenEvent, ...] = ()
    faults: Mapping[int, str] = field(default_factory=dict)  # by request: why it ends with this step
