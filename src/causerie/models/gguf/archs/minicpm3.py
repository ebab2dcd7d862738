"""MiniCPM3: attention to latents."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.latent_names import gguf_latent_names
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import plain_names
from causerie.models.gguf.rotation import rotation
from causerie.models.gguf.values import alike, sizes
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """Heads turn in halves."""
    return plain_names(m, spec) | gguf_latent_names(m, spec, in_pairs=False)


@gguf_architecture("minicpm3", weights=weights)
def minicpm3(m: Metadata) -> dict[str, Any]:
    """MiniCPM3 4B, whose scales files do not say."""
    dims, key = m.integer("rope.dimension_count"), m.integer("attention.key_length")
    if key <= dims:
        raise m.wrong("attention.key_length", key, f"more than the {dims} elements that turn")
    m.leave("attention.head_count_kv")
    heads, values = m.integer("attention.head_count"), sizes(m)
    return values | {
        "model_type": "minicpm3",
        "num_attention_heads": heads,
        "intermediate_size": alike(m, "feed_forward_length"),
        "q_lora_rank": m.integer("attention.q_lora_rank"),
        "kv_lora_rank": m.integer("attention.kv_lora_rank"),
        "qk_rope_head_dim": dims,
        "qk_nope_head_dim": key - dims,
        "v_head_dim": m.rows("blk.0.attn_kv_b.weight") // heads - key + dims,
        "rope_parameters": rotation(m, dims),
        "scale_emb": 12.0,
        "scale_depth": 1.4,
        "dim_model_base": 256,
    }
