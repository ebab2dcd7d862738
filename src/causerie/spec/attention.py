"""Attention: a part of a decoder."""

from __future__ import annotations

from dataclasses import dataclass

from causerie.spec.norm import Norm
from causerie.spec.rope import Rope


@dataclass(frozen=True)
class Attention:
    """Grouped-query attention over a causal, optionally sliding, window."""

    heads: int
    kv_heads: int
    head_dim: int
    scale: float  # scores are q·k times this
    rope: Rope
    window: int | None = None  # a token sees itself and the window - 1 tokens before it; None sees everything
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: Norm | None = None  # on every query and key head, before the rotation

    @property
    def group(self) -> int:
        """How many query heads share one key/value head."""
        return self.heads // self.kv_heads
