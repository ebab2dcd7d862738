"""Rotary positions, as values; their arithmetic is in models/rope.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Growth:
    """What turns at position p is multiplied by 1 + beta · ln(1 + floor((p + offset) / every)) too, so that scores stay
    sharp over many positions."""

    beta: float
    every: int  # positions
    offset: int = 0


@dataclass(frozen=True)
class Rope:
    """Rotary positions (Su et al., 2021), half layout: element i turns with element i + dims/2.

    scaling is one of "default", "linear", "dynamic", "llama3", "yarn", "longrope", "proportional"; `options` holds that
    rule's own numbers under the names config.json uses, sorted, so that the value stays hashable. The arithmetic is in
    rope.py.
    """

    theta: float
    dims: int  # how many leading elements of a head turn; even
    context: int  # max_position_embeddings of the checkpoint
    scaling: str = "default"
    options: tuple[tuple[str, Any], ...] = ()
    growth: Growth | None = None
    backwards: bool = False  # turns the other way
