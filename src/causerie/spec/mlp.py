"""The gated feed-forward part of a decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Activation = Literal["silu", "gelu", "gelu_tanh"]


@dataclass(frozen=True)
class MLP:
    """Gated feed-forward layer: down(act(gate(x)) · up(x))."""

    hidden: int
    act: Activation = "silu"
    bias: bool = False
