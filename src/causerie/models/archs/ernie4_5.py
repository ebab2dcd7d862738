"""ERNIE 4.5: Llama whose heads turn in pairs side by side."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, Table, in_halves
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder


def weights(spec: Decoder) -> Table:
    """Those of Llama, turned so that heads turn in halves."""
    return in_halves(LLAMA_WEIGHTS, next(spec.attentions))


@architecture("ernie4_5", weights=weights)
def ernie4_5(c: Config) -> Decoder:
    """ERNIE 4.5 0.3B."""
    c.assume({"rms_norm_eps": 1e-5})
    bias = c.boolean("use_bias", False)
    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        mlp_bias=bias,
        kv_heads=2,
        head_dim=128,
        rope=lambda head_dim: read_rope(c, head_dim, default_theta=5e5),
    )
    return replace(spec, tied=c.boolean("tie_word_embeddings", True))
