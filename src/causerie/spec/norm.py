"""Norms, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Norm:
    """Root-mean-square norm: x / sqrt(mean(x²) + eps) · weight (Zhang & Sennrich, 2019)."""

    eps: float
