"""Where a model would run, as numbers: memory, bandwidth and arithmetic of this machine, or of one that somebody asks
about. Measures nothing and knows no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Span:
    """A quantity that moves, as on a machine shared with others: what it is at least, usually, and at most."""

    low: float
    usual: float
    high: float

    @staticmethod
    def of(value: float) -> Span:
        """One that does not move, or of which nothing is known but this."""
        return Span(value, value, value)

    @property
    def moves(self) -> bool:
        """Whether it moves so much that it is told as a range."""
        return self.high > 1.1 * self.low

    def times(self, factor: float) -> Span:
        """All of it, multiplied."""
        return Span(self.low * factor, self.usual * factor, self.high * factor)


@dataclass(frozen=True)
class Computer:
    """A processor and the memory that it reads. Bytes, bytes and operations per second."""

    name: str
    kind: Kind
    memory: int
    """What weights, cache and working memory may take together."""
    bandwidth: Span
    operations: Mapping[str, Span]
    """By kind of arithmetic (`Format.arithmetic`); a kind that is not there has no known peak."""
    instruction_set: str | None = None
    """The native backend's, by which its coefficients are told; None where it is not known."""
    packs: bool = False
    """Whether bfloat16 matrices are held in 12 bits."""
    measured: bool = False
    """Whether it is this machine, and its numbers were measured."""
    learnt: Mapping[str, float] = field(default_factory=dict)
    """By "int4 decode", "int8 prefill" and the like: how many times as fast as predicted answers were so far."""
