"""StableLM: Llama with layer norms, in which a quarter of each head turns; heads may have norms of their own, and both
halves of a layer may read the same norm."""

from __future__ import annotations

from dataclasses import replace

from causerie.checkpoint.expression import Joined, Tensor
from causerie.models.archs.llama import layer_norm, llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, Table, with_biases
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder

DEFAULTS = {"max_position_embeddings": 4096, "partial_rotary_factor": 0.25}


def weights(spec: Decoder) -> Table:
    """The norms of heads are a tensor each."""
    table = with_biases(LLAMA_WEIGHTS)
    if spec.layers:
        mixer = next(spec.attentions)
        for name, heads in (("q", mixer.heads), ("k", mixer.kv_heads)):
            norms = (f"model.layers.{{i}}.self_attn.{name}_layernorm.norms.{head}.weight" for head in range(heads))
            table[f"layers.{{i}}.mixer.{name}_norm"] = Joined(tuple(Tensor(each) for each in norms))
    return table


@architecture("stablelm", weights=weights)
def stablelm(c: Config) -> Decoder:
    """StableLM 3B 4E1T, Zephyr and StableLM 2."""
    c.assume(DEFAULTS)
    norm = layer_norm(c, "layer_norm_eps")
    bias = c.boolean("use_qkv_bias", False)
    spec = llama_like(c, bias=bias, kv_heads=32, norm=norm, rope=lambda head_dim: read_rope(c, head_dim, partial=True))
    if c.boolean("qk_layernorm", False):
        spec = spec.each_attention(qk_norm=replace(norm, bias=False), qk_norm_own=True)
    return spec.each_layer(parallel="one norm") if c.boolean("use_parallel_residual", False) else spec
