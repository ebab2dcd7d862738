"""StableLM."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import CENTERED, attention_biased, dense


@gguf_architecture("stablelm")
def stablelm(m: Metadata) -> dict[str, Any]:
    """Both halves of a layer read one norm where the file has no other."""
    m.leave("use_parallel_residual")
    return dense(m, "stablelm", "layer_norm_eps", CENTERED) | {
        "use_qkv_bias": attention_biased(m),
        "use_parallel_residual": not m.holds("blk.0.ffn_norm.weight"),
        "qk_layernorm": m.holds("blk.0.attn_q_norm.weight"),
    }
