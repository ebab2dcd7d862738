"""One block of a decoder: its parts and its norms."""

from __future__ import annotations

from dataclasses import dataclass

from causerie.spec.attention import Attention
from causerie.spec.mlp import MLP
from causerie.spec.norm import Norm


@dataclass(frozen=True)
class Layer:
    """One block: x += mixer(norm(x)); x += ffn(norm(x))."""

    mixer: Attention
    ffn: MLP
    norm: Norm
