"""Nemotron 3 and 4, and Minitron: layer norms by 1 + w, a plain feed-forward layer with squared relu, half of each head
turns."""

from __future__ import annotations

from causerie.checkpoint.elementwise import Plus
from causerie.checkpoint.expression import Tensor
from causerie.models.archs.llama import layer_norm, llama_like
from causerie.models.config import Config
from causerie.models.names import LLAMA_WEIGHTS, with_biases
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder

_NORMS = ("layers.{i}.mixer_norm", "layers.{i}.ffn_norm", "norm")
WEIGHTS = with_biases(LLAMA_WEIGHTS) | {name: Plus(Tensor(str(LLAMA_WEIGHTS[name]))) for name in _NORMS}
DEFAULTS = {"max_position_embeddings": 4096, "partial_rotary_factor": 0.5}


@architecture("nemotron", weights=WEIGHTS)
def nemotron(c: Config) -> Decoder:
    """Nemotron-4 and Minitron."""
    c.assume(DEFAULTS)
    bias = c.boolean("attention_bias", False)
    return llama_like(
        c,
        bias=bias,
        out_bias=bias,
        mlp_bias=c.boolean("mlp_bias", False),
        rope=lambda head_dim: read_rope(c, head_dim, partial=True),
        default_act="relu2",
        norm=layer_norm(c, "norm_eps"),
        gated=False,
    )
