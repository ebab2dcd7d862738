"""Falcon-Mamba: Mamba with norms of what steps and states are made from."""

from __future__ import annotations

from causerie.models.archs.mamba import mamba_like, weights
from causerie.models.config import Config
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.norm import Norm


@architecture("falcon_mamba", weights=weights)
def falcon_mamba(c: Config) -> Decoder:
    """Falcon-Mamba 7B."""
    return mamba_like(c, Norm(c.number("mixer_rms_eps", 1e-6, above=False), weight=False))
