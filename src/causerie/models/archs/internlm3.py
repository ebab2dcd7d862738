"""InternLM3: Llama by another name, with one key for the biases of each half."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

DEFAULTS = {"max_position_embeddings": 32768, "rms_norm_eps": 1e-5}


@architecture("internlm3", weights=LLAMA_WEIGHTS)
def internlm3(c: Config) -> Decoder:
    """InternLM3 8B."""
    c.rename({"attention_bias": "qkv_bias", "mlp_bias": "bias"})
    c.assume(DEFAULTS)
    bias = c.boolean("attention_bias", False)
    c.expect("mlp_bias", bias)
    return llama_like(c, bias=bias, out_bias=bias, mlp_bias=bias, kv_heads=2, head_dim=128)
