"""How fast a step could be at best: the bytes it must read and the arithmetic it must do, against what the machine
gives.

The roofline (Williams, Waterman & Patterson, 2009). Knows a model's spec and how its weights are held, and no backend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from causerie.plan.footprint import STATE_BYTES
from causerie.quant.cache_format import bytes_per_position
from causerie.quant.formats import ALL, format_named
from causerie.spec.decoder import Decoder

UNNOTICED = 4
"""Operations for each byte read that any processor does meanwhile: those of one sequence's decode step."""


@dataclass(frozen=True)
class Limits:
    """What the machine gives, measured: bytes read per second, and operations per second by kind of arithmetic. A kind
    that is not there could not be measured."""

    bandwidth: float
    operations: Mapping[str, float]


@dataclass(frozen=True)
class Cost:
    """What must be read and computed; a product and the sum it goes into are two operations."""

    bytes: float
    operations: Mapping[str, float]

    def least_seconds(self, limits: Limits) -> tuple[float, str] | None:
        """The least time that this can take and what bounds it, "memory" or "arithmetic". None where a kind of
        arithmetic has no known peak and there is so much of it that it may be the bound."""
        reading = self.bytes / limits.bandwidth
        unknown = sum(count for kind, count in self.operations.items() if kind not in limits.operations)
        if unknown > UNNOTICED * self.bytes:
            return None
        computing = sum(
            self.operations[kind] / limits.operations[kind] for kind in self.operations.keys() & limits.operations
        )
        return max((reading, "memory"), (computing, "arithmetic"))


def arithmetic_of(format: str) -> str:
    """The arithmetic that the kernels multiply what is held in a format in: weights, or the keys and values of a
    cache."""
    return ALL[format].arithmetic


def active_bytes(spec: Decoder, weight_bytes: int, embedding: str) -> int:
    """Bytes of the weights that a step reads whole, of `weight_bytes` held: all but an embedding that is not the head
    and a table of what layers are given besides, of which a step reads a few rows; `embedding` is their format."""
    tables = (weight.shape for weight in spec.looked_up if weight.role != "positions")
    each = (format_named(embedding).buffers((rows, width)).values() for rows, width in tables)
    return weight_bytes - sum(buffer.nbytes for buffers in each for buffer in buffers)


@dataclass(frozen=True)
class StepWork:
    """What a step reads, in bytes, and computes, in operations: of weights, and of what lies before its tokens."""

    weights: float
    cached: float
    matrices: float
    pairs: float  # of tokens and the positions that they look at
    formats: tuple[str, str]  # of the weights and of the cache

    @property
    def bytes(self) -> float:
        """All that it reads."""
        return self.weights + self.cached

    @property
    def operations(self) -> dict[str, float]:
        """All that it computes, by kind of arithmetic."""
        of_weights, of_cache = (arithmetic_of(format) for format in self.formats)
        operations = {of_weights: self.matrices}
        operations[of_cache] = operations.get(of_cache, 0.0) + self.pairs
        return operations

    def least_seconds(self, limits: Limits) -> tuple[float, str] | None:
        """See `Cost`."""
        return Cost(self.bytes, self.operations).least_seconds(limits)


def step_work(
    spec: Decoder,
    read: int,
    formats: tuple[str, str],
    *,
    rows: float,
    depth: float,
    sequences: int,
    outputs: float,
    expert_bytes: int | None = None,
) -> StepWork:
    """The work of a step in which each of `sequences` brings `rows` tokens, `depth` tokens lying before the first.

    `read` are the bytes of `active_bytes`, of which experts that no token goes to are left unread; `expert_bytes` those
    of all experts (None: they have the bits of the rest); `formats` those of the weights and of the cache, `outputs`
    the rows in all whose logits are computed. Activations count as nothing: they stay in the processor's caches.
    """
    seen = 0.0  # (query, position) pairs times what a pair costs
    cached = 0.0  # bytes
    matrices = 0
    experts = unread = 0.0  # parameters
    for layer in spec.layers:
        cost = layer.cost(spec.width)
        matrices += cost.matrices
        unread += sum(each.parameters * count for each, count in layer.unread(spec.width, rows * sequences))
        experts += sum(each.parameters * count for each, count in layer.unread(spec.width, 0))
        if (slot := layer.slot) is not None:
            cached += STATE_BYTES * slot.elements
        if (pages := layer.pages) is not None:
            seen += 2 * cost.pairs * rows * pages.seen(depth + (rows + 1) / 2)
            cached += bytes_per_position(formats[1], pages) * pages.seen(depth + rows)
    matrices += 0 if spec.streams is None else spec.streams.shared_cost().matrices
    if expert_bytes is None:
        expert_bytes = round(read * experts / (spec.parameters - sum(table.parameters for table in spec.looked_up)))
    left = expert_bytes * unread / experts if experts else 0.0
    return StepWork(
        weights=read - left,
        cached=cached * sequences,
        matrices=2.0 * (matrices * rows * sequences + spec.vocab * spec.width * outputs),
        pairs=seen * sequences,
        formats=formats,
    )
