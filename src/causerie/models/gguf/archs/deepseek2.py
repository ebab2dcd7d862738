"""DeepSeek-V2 and V3, Kimi K2, GLM-4.7-Flash, Youtu: attention to latents."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.latent_names import gguf_latent_names
from causerie.models.gguf.metadata import Metadata, shortest
from causerie.models.gguf.names import plain_names
from causerie.models.gguf.rotation import rotation
from causerie.models.gguf.values import SIGMOID, alike, biased, routed_experts, sizes
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """Heads turn in pairs."""
    return plain_names(m, spec) | gguf_latent_names(m, spec)


@gguf_architecture("deepseek2", weights=weights)
def deepseek2(m: Metadata) -> dict[str, Any]:
    """Which of them it is, is told by how its experts are chosen, if it has some."""
    values = _latents(m)
    if not m.integer("expert_count", 0, least=0):
        m.leave("leading_dense_block_count", "expert_feed_forward_length")
        return values | {"model_type": "youtu", "attention_bias": biased(m, "attn_kv_a_mqa")}
    gating = m.integer("expert_gating_func", 0, least=0)
    values |= routed_experts(m) | {"attention_bias": biased(m, "attn_kv_a_mqa")}
    if gating == SIGMOID or (not gating and biased(m, "exp_probs_b")):
        drafting = m.integer("nextn_predict_layers", 0, least=0)
        return values | {"model_type": "deepseek_v3", "num_nextn_predict_layers": drafting}
    groups = m.integer("expert_group_count", 1)
    method = "group_limited_greedy" if groups > 1 else "greedy"
    return values | {"model_type": "deepseek_v2", "topk_method": method}


def _latents(m: Metadata) -> dict[str, Any]:
    """Old files say of heads what they would be without latents."""
    dims = m.integer("rope.dimension_count")
    newer = "_mla" if m.has("attention.key_length_mla") else ""
    m.leave("attention.key_length", "attention.value_length", "attention.head_count_kv")
    key = m.integer(f"attention.key_length{newer}")
    if key <= dims:
        raise m.wrong(f"attention.key_length{newer}", key, f"more than the {dims} elements that turn")
    turns = rotation(m, dims)
    if "mscale_all_dim" in turns:  # a tenth of it stands in the file
        turns |= dict.fromkeys(("mscale", "mscale_all_dim"), shortest(10 * turns["mscale_all_dim"]))
    return {
        **sizes(m),
        "num_attention_heads": m.integer("attention.head_count"),
        "intermediate_size": alike(m, "feed_forward_length"),
        "q_lora_rank": m.integer("attention.q_lora_rank", 0, least=0) or None,
        "kv_lora_rank": m.integer("attention.kv_lora_rank"),
        "qk_rope_head_dim": dims,
        "qk_nope_head_dim": key - dims,
        "v_head_dim": m.integer(f"attention.value_length{newer}"),
        "rope_parameters": turns,
    }
