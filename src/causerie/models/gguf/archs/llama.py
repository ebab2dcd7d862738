"""Llama, and what is converted as it: Mistral, SmolLM2, and with experts Mixtral. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import paired_names
from causerie.models.gguf.values import attention_biased, biased, dense


@gguf_architecture("llama", weights=paired_names)
def llama(m: Metadata) -> dict[str, Any]:
    """Llama 1 to 3, Mistral, SmolLM2, TinyLlama; Mixtral where there are experts."""
    count = m.integer("expert_count", 0, least=0)
    active = m.integer("expert_used_count", 0, least=0, most=count)
    if count:
        m.leave("expert_feed_forward_length")
        return dense(m, "mixtral") | {"num_local_experts": count, "num_experts_per_tok": active, "sliding_window": None}
    return dense(m, "llama") | {"attention_bias": attention_biased(m), "mlp_bias": biased(m, "ffn_up")}
