"""A weight of a decoder, before anybody holds it: its name, its shape, and what it is there for. Knows no number."""

from __future__ import annotations

from math import prod
from typing import Literal, NamedTuple

Role = Literal[
    "embedding",
    "layer inputs",
    "head",
    "attention",
    "convolution",
    "recurrence",
    "feed-forward",
    "router",
    "rate",
    "positions",
    "vector",
    "choice",
    "exact",
]
"""What a weight is to those who hold or count it: a table that is read by rows, one of what layers are given besides, a
matrix that gives logits, one of a part, a router (which chooses among experts, or says how
streams are mixed), the few rows that say how fast a
recurrence forgets and learns, a table of positions, a vector (a norm, a bias, the taps of a convolution), what besides
scores decides a choice, or a vector whose faults add up from position to position. The last six are never quantized,
and the last two not even rounded."""

PLAIN_ROLES: tuple[Role, ...] = ("router", "rate", "positions", "vector", "choice", "exact")
"""Roles of what is never quantized."""
UNROUNDED: tuple[Role, ...] = ("choice", "exact")
"""Roles of what is held in float32 whatever else is."""


class WeightSpec(NamedTuple):
    """`name` is canonical: of a part as the part calls it, of a decoder with the number of the layer before it.
    Matrices are (outputs, inputs), vectors (length,)."""

    name: str
    shape: tuple[int, ...]
    role: Role

    @property
    def parameters(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    def within(self, prefix: str) -> WeightSpec:
        """The same weight by its name in a larger part."""
        return self._replace(name=prefix + self.name)


def vector(name: str, length: int) -> WeightSpec:
    """A norm or a bias."""
    return WeightSpec(name, (length,), "vector")
