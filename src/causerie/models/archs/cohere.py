"""Cohere: layer norms without a bias, attention and feed-forward layer behind one norm, rotations of neighbours, logits
scaled; heads may have norms of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from causerie.checkpoint.expression import Flattened, Tensor
from causerie.checkpoint.head_rows import Unpermuted
from causerie.models.archs.llama import layer_norm, llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.rope import Rope

_MIXER = "model.layers.{i}.self_attn."
DEFAULTS = {"max_position_embeddings": 8192, "tie_word_embeddings": True}


def weights(spec: Decoder) -> Table:
    """Heads turn element beside element in the files: each is put in halves."""
    table = dict(LLAMA_WEIGHTS)
    if spec.layers:
        mixer = next(spec.attentions)
        for name, heads in (("q", mixer.heads), ("k", mixer.kv_heads)):
            own = f"layers.{{i}}.mixer.{name}"
            table[own] = Unpermuted(Tensor(f"{_MIXER}{name}_proj.weight"), heads)
            table[f"{own}_bias"] = Unpermuted(Tensor(f"{_MIXER}{name}_proj.bias"), heads)
            table[f"{own}_norm"] = Unpermuted(Flattened(Tensor(f"{_MIXER}{name}_norm.weight")), heads)
    return table


@architecture("cohere", weights=weights)
def cohere(c: Config) -> Decoder:
    """Command R and R+, Aya 23 and Aya Expanse."""
    spec = cohere_like(c, lambda head_dim: read_rope(c, head_dim, default_theta=500000.0))
    return spec.each_attention(qk_norm=spec.norm, qk_norm_own=True) if c.boolean("use_qk_norm", False) else spec


def cohere_like(c: Config, rope: Callable[[int], Rope]) -> Decoder:
    """What both versions share."""
    c.assume(DEFAULTS)
    c.optional_integer("model_max_length", None)  # for tokenizers: nothing in the model ends there
    bias = c.boolean("attention_bias", False)
    norm = layer_norm(c, "layer_norm_eps", bias=False)
    spec = llama_like(c, bias=bias, out_bias=bias, norm=norm, rope=rope)
    spec = spec.each_layer(parallel="one norm")
    return replace(spec, logits_scale=c.number("logit_scale", 0.0625))
