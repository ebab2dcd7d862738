"""dots.llm1: Qwen3's attention, and in all but the first layers many experts, which a bias of their own helps to
choose, beside a layer that all tokens use."""

from __future__ import annotations

from causerie.models.archs import glm4_moe as glm
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder

DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 152064,
    "hidden_size": 4608,
    "intermediate_size": 10944,
    "num_hidden_layers": 62,
    "num_attention_heads": 32,
    "max_position_embeddings": 2048,
    "norm_topk_prob": False,
}


@architecture("dots1", weights=glm.weights)
def dots1(c: Config) -> Decoder:
    """dots.llm1 143B-A14B."""
    c.assume(DEFAULTS)
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, kv_heads=32)
    spec = spec.each_attention(qk_norm=spec.norm)
    count = len(spec.layers)
    window, bound = c.optional_integer("sliding_window", 4096), c.integer("max_window_layers", 62, least=0)
    kinds = layer_kinds(c, [SLIDING if window is not None and i >= bound else FULL for i in range(count)])
    spec = with_kinds(spec, kinds, {SLIDING: {"window": window}})
    dense = c.integer("first_k_dense_replace", 0, least=0)
    return in_layers(spec, glm.sigmoid_experts(c, spec.layers[0].ffn.act), range(dense, count))
