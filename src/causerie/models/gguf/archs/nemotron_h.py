"""Nemotron-H: layers of Mamba-2, of attention without positions, and feed-forward ones."""

from __future__ import annotations

from typing import Any

from causerie.models.archs.nemotron_h import NAMES
from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, paired_names
from causerie.models.gguf.recurrence_names import mamba2_names
from causerie.models.gguf.values import CENTERED, RMS, alike, biased, heads, layer_count, mamba2, sizes
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """A layer has one half, and one norm before it, the block of a head to guess with two; heads lie as if they turned
    in pairs."""
    behind = len(spec.layers)
    return (
        paired_names(m, spec)
        | mamba2_names(spec)
        | {
            OURS + "ffn_norm": BLOCK + "attn_norm.weight",
            f"layers.{behind}.ffn_norm": f"blk.{behind}.post_attention_norm.weight",
            OURS + "ffn.narrow": BLOCK + "ffn_latent_down.weight",
            OURS + "ffn.widen": BLOCK + "ffn_latent_up.weight",
        }
    )


@gguf_architecture("nemotron_h", weights=weights)
def nemotron_h(m: Metadata) -> dict[str, Any]:
    """Layers with a feed-forward width are that, those with key heads attend, and the others are Mamba-2's."""
    return hybrid_values(m, "mlp") | {
        "intermediate_size": alike(m, "feed_forward_length"),
        "mlp_bias": biased(m, "ffn_up"),
    }


def hybrid_values(m: Metadata, feeds: str) -> dict[str, Any]:
    """What it shares with the models that have experts; `feeds` is what their feed-forward layers are called."""
    layers, blocks = layer_count(m), m.integer("block_count")
    widths, key_heads = (m.integers(key, blocks)[:layers] for key in ("feed_forward_length", "attention.head_count_kv"))
    m.leave("rope.dimension_count", "rope.freq_base", "rope.scaling.type", "rope.scaling.finetuned")
    mixers = mamba2(m)
    values = sizes(m, "layer_norm_epsilon", RMS if m.has(RMS) else CENTERED)
    return {
        **values,
        **heads(m),
        **{theirs: mixers[ours] for ours, theirs in NAMES.items() if ours in mixers},
        "model_type": "nemotron_h",
        "use_bias": mixers["mamba_proj_bias"],
        "layers_block_type": [
            feeds if width else "attention" if count else "mamba"
            for width, count in zip(widths, key_heads, strict=True)
        ],
    }
