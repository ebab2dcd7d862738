"""VaultGemma: Gemma 2 without norms after its halves."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.gemma2 import gemma2
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, SANDWICH, centered
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

_FFN_NORM = "layers.{i}.ffn_norm"


@architecture("vaultgemma", weights=centered({**LLAMA_WEIGHTS, _FFN_NORM: SANDWICH[_FFN_NORM]}))
def vaultgemma(c: Config) -> Decoder:
    """VaultGemma 1B."""
    spec = gemma2(c)
    return replace(spec, layers=tuple(replace(layer, norm_after=None) for layer in spec.layers))
