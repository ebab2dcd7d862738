"""IQuest-Coder: Llama by another name."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

DEFAULTS = {"max_position_embeddings": 131072, "rms_norm_eps": 1e-5}


@architecture("iquestcoder", weights=LLAMA_WEIGHTS)
def iquestcoder(c: Config) -> Decoder:
    """IQuest-Coder V1 40B."""
    c.assume(DEFAULTS)
    c.expect("clip_qkv")
    c.expect("use_sliding_window", False)
    bias = c.boolean("attention_bias", False)
    return llama_like(c, bias=bias, out_bias=bias, mlp_bias=c.boolean("mlp_bias", False), kv_heads=8, head_dim=128)
