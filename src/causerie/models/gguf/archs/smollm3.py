"""SmolLM3. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.values import attention_biased, biased, dense


@gguf_architecture("smollm3", weights=paired_names)
def smollm3(m: Metadata) -> dict[str, Any]:
    """Every fourth layer does not turn."""
    return dense(m, "smollm3") | {
        "attention_bias": attention_biased(m),
        "mlp_bias": biased(m, "ffn_up"),
        "no_rope_layer_interval": 4,
    }
