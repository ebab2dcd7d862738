"""OLMo 2: Llama with norms after each half only, and a norm over all queries and one over all keys."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, QK_NORMS, SANDWICH
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

WEIGHTS = {**LLAMA_WEIGHTS, **SANDWICH, **QK_NORMS}


@architecture("olmo2", weights=WEIGHTS)
def olmo2(c: Config) -> Decoder:
    """OLMo 2 1B to 32B."""
    c.assume({"rms_norm_eps": 1e-5})
    bias = c.boolean("attention_bias", False)
    spec = normed_after(llama_like(c, bias=bias, out_bias=bias))
    return spec.each_attention(qk_norm=spec.norm, qk_norm_whole=True)


def normed_after(spec: Decoder) -> Decoder:
    """The same decoder with what each half gives normed, instead of what it reads."""
    layers = (replace(layer, norm=None, norm_after=spec.norm) for layer in spec.layers)
    return replace(spec, layers=tuple(layers))
