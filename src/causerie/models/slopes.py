"""Slopes of attention that falls off with distance: Press et al., "Train short, test long" (2021). Knows no model."""

from __future__ import annotations


def head_slopes(heads: int) -> tuple[float, ...]:
    """Of each head: powers of 2 ** (-8 / n), where n is the largest power of two that is no more than `heads`; of heads
    beyond it every other one of those that twice as many would have."""
    whole = 1 << (heads.bit_length() - 1)
    first = tuple(2.0 ** (-8 * (i + 1) / whole) for i in range(whole))
    return first + tuple(2.0 ** (-4 * (2 * i + 1) / whole) for i in range(heads - whole))
