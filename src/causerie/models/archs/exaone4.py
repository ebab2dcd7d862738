"""EXAONE 4: Llama with normed heads and norms after each half only; where layers slide, positions turn nothing on the
others."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.archs.olmo2 import normed_after
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS, QK_NORMS, SANDWICH
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder


@architecture("exaone4", weights={**LLAMA_WEIGHTS, **SANDWICH, **QK_NORMS})
def exaone4(c: Config) -> Decoder:
    """EXAONE 4.0 1.2B and 32B."""
    c.assume({"rms_norm_eps": 1e-5})
    c.expect("sliding_window_pattern", 0, 4, "LLLG")  # beside layer_types, or what is meant without it
    spec = normed_after(llama_like(c, kv_heads=32))
    spec = spec.each_attention(qk_norm=spec.norm)
    window = c.optional_integer("sliding_window", 4096)
    pattern = [SLIDING if window is not None and (i + 1) % 4 else FULL for i in range(len(spec.layers))]
    kinds = layer_kinds(c, pattern)
    return spec if window is None else with_kinds(spec, kinds, {SLIDING: {"window": window}, FULL: {"rope": None}})
