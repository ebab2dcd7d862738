"""OLMoE."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense, experts


@gguf_architecture("olmoe")
def olmoe(m: Metadata) -> dict[str, Any]:
    """The shares of experts are not divided by their sum."""
    return (
        dense(m, "olmoe")
        | experts(m)
        | {
            "attention_bias": attention_biased(m),
            "norm_topk_prob": m.boolean("expert_weights_norm", False),
        }
    )
