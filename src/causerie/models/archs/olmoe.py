"""OLMoE: Llama with a norm over all queries and one over all keys, and many small feed-forward layers in the place of
each, of which a token uses a few."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import both_arrangements
from causerie.models.names import LLAMA_WEIGHTS, QK_NORMS, Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts
from causerie.spec.router import MOST_EXPERTS, Router

_MLP = "model.layers.{i}.mlp"
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 50304,
    "hidden_size": 2048,
    "intermediate_size": 2048,
    "num_hidden_layers": 16,
    "num_attention_heads": 16,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-5,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    return both_arrangements(spec, {**LLAMA_WEIGHTS, **QK_NORMS, "layers.{i}.ffn.router": f"{_MLP}.gate.weight"}, _MLP)


@architecture("olmoe", weights=weights)
def olmoe(c: Config) -> Decoder:
    """OLMoE 1B-7B."""
    c.assume(DEFAULTS)
    c.expect("clip_qkv")
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias)
    count = c.integer("num_experts", 64, most=MOST_EXPERTS)
    router = Router(c.integer("num_experts_per_tok", 8, most=count), divided=c.boolean("norm_topk_prob", False))
    experts = Experts(count, router, spec.layers[0].ffn.hidden, spec.layers[0].ffn.act)
    spec = spec.each_attention(qk_norm=spec.norm, qk_norm_whole=True)
    return in_layers(spec, experts, range(len(spec.layers)))
