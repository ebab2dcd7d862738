"""GLM-4.5 to GLM-4.7, and Solar Open, whose heads turn as a whole. The norm behind attention is the one that the
feed-forward layer reads."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.values import attention_biased, dense, sigmoid_experts
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """It is called like one behind attention."""
    return plain_names(m, spec) | {OURS + "ffn_norm": BLOCK + "post_attention_norm.weight"}


@gguf_architecture("glm4moe", weights=weights)
def glm4moe(m: Metadata) -> dict[str, Any]:
    """A part of each head turns; norms of heads are there or not."""
    values = dense(m, "glm4_moe")
    return (
        values
        | sigmoid_experts(m)
        | {
            "attention_bias": attention_biased(m),
            "use_qk_norm": m.holds_in_blocks("attn_q_norm.weight"),
            "num_nextn_predict_layers": m.integer("nextn_predict_layers", 0, least=0),
        }
    )
