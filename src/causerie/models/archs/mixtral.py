"""Mixtral: Mistral with several feed-forward layers in the place of each, of which every token uses two."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import experts_alone, experts_stacked
from causerie.models.names import LLAMA_WEIGHTS, Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts
from causerie.spec.router import MOST_EXPERTS, Router

_LAYER = "model.layers.{i}."
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    alone = experts_alone(spec, _LAYER + "block_sparse_moe.experts", {"gate": "w1", "up": "w3", "down": "w2"})
    stacked = experts_stacked(spec, _LAYER + "mlp.experts.gate_up_proj", _LAYER + "mlp.experts.down_proj")
    return (
        {**LLAMA_WEIGHTS, "layers.{i}.ffn.router": _LAYER + "block_sparse_moe.gate.weight", **alone},
        {**LLAMA_WEIGHTS, "layers.{i}.ffn.router": _LAYER + "mlp.gate.weight", **stacked},
    )


@architecture("mixtral", weights=weights)
def mixtral(c: Config) -> Decoder:
    """Mixtral 8x7B and 8x22B."""
    c.assume(DEFAULTS)
    count = c.integer("num_local_experts", 8, most=MOST_EXPERTS)
    active = c.integer("num_experts_per_tok", 2, most=count)
    spec = llama_like(c, kv_heads=8, rope=lambda head_dim: read_rope(c, head_dim, default_theta=1e6))
    experts = Experts(count, Router(active), spec.layers[0].ffn.hidden, spec.layers[0].ffn.act)
    return in_layers(spec, experts, range(len(spec.layers))).each_attention(
        window=c.optional_integer("sliding_window", None)
    )
