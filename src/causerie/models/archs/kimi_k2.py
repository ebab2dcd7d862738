"""Kimi K2: DeepSeek-V3 with more experts, in one group, and half as many heads."""

from __future__ import annotations

from causerie.models.archs.deepseek_v3 import deepseek_v3, weights
from causerie.models.config import Config
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


@architecture("kimi_k2", weights=weights)
def kimi_k2(c: Config) -> Decoder:
    """Kimi K2, also as the text model of Kimi K2.5 and K2.6, in float16, bfloat16 or float32."""
    return deepseek_v3(c)
