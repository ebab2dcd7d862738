"""Granite 4.0: Mamba-2, attention without positions, and experts. And Bamba, in which half of each head turns."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.archs.granite import granite_scales
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.recurrence_names import mamba2_names
from causerie.models.gguf.rotation import rotation
from causerie.models.gguf.values import attention_biased, biased, mamba2, unturned
from causerie.models.names import Table
from causerie.spec.decoder import Decoder

_HALF = {"partial_rotary_factor": 0.5}


def weights(m: Metadata, spec: Decoder) -> Table:
    """Heads lie as if all of each turned in pairs."""
    return paired_names(m, spec.each_attention(rope=None)) | mamba2_names(spec)


@gguf_architecture("granitehybrid", weights=weights)
def granitehybrid(m: Metadata) -> dict[str, Any]:
    """Layers without key heads are Mamba-2's. Files of Bamba say that their heads turn, and those of Granite do not."""
    turns = m.boolean("rope.scaling.finetuned", False)
    values = unturned(m, "bamba" if turns else "granitemoehybrid")
    attending = [heads > 0 for heads in m.integers("attention.head_count_kv", values["num_hidden_layers"])]
    values |= mamba2(m) | {"mamba_expand": m.integer("ssm.inner_size") / values["hidden_size"]}
    return values | (_bamba(m, values, attending) if turns else _granite(m, attending))


def _bamba(m: Metadata, values: dict[str, Any], attending: list[bool]) -> dict[str, Any]:
    """Where a file says that a head turns as a whole, its converter did not know how much of it does."""
    turning = rotation(m, values["head_dim"])
    for scale in ("attention.scale", "embedding_scale", "residual_scale", "logit_scale", "expert_count"):
        m.expect(scale, 0, 1)
    return {
        "attention_bias": attention_biased(m),
        "mlp_bias": biased(m, "ffn_up"),
        "attn_layer_indices": [i for i, attends in enumerate(attending) if attends],
        "rope_parameters": turning | (_HALF if turning["partial_rotary_factor"] == 1 else {}),
    }


def _granite(m: Metadata, attending: list[bool]) -> dict[str, Any]:
    m.leave("rope.dimension_count", "rope.freq_base", "rope.scaling.type")
    count = m.integer("expert_count", 0, least=0)
    return granite_scales(m) | {
        "layer_types": ["full_attention" if attends else "linear_attention" for attends in attending],
        "position_embedding_type": "nope",
        "num_local_experts": count,
        "num_experts_per_tok": m.integer("expert_used_count", 0, least=0, most=count),
        "shared_intermediate_size": m.integer("expert_shared_feed_forward_length"),
    }
