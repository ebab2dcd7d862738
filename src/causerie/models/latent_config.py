"""Attention to latents, from the keys that all configs of families that have it share. Knows no family."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.config import Config
from causerie.models.rope import magnitude
from causerie.spec.decoder import Decoder
from causerie.spec.latent import LatentAttention
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope

EPS = 1e-6
"""Of the norms inside, whatever a config says of the others."""


def turning(c: Config) -> int:
    """How many elements of a query turn, and of the piece of key that heads share."""
    return c.integer("qk_rope_head_dim", 64)


def with_latents(spec: Decoder, c: Config, rope: Rope) -> Decoder:
    """`spec` with attention to latents in every layer, of as many heads as it has. What turns does so in pairs side by
    side."""
    c.expect("rope_interleave", True)
    plain = c.integer("qk_nope_head_dim", 128)
    c.expect("qk_head_dim", plain + rope.dims)  # which transformers writes
    mixer = LatentAttention(
        heads=c.integer("num_attention_heads"),
        rank=c.integer("kv_lora_rank", 512),
        plain_dim=plain,
        value_dim=c.integer("v_head_dim", 128),
        scale=(plain + rope.dims) ** -0.5 * _sharpness(rope),
        rope=rope,
        norm=Norm(EPS),
        query_rank=c.optional_integer("q_lora_rank", 1536),
        bias=c.boolean("attention_bias", False),
    )
    return replace(spec, layers=tuple(replace(layer, mixer=mixer) for layer in spec.layers))


def _sharpness(rope: Rope) -> float:
    """By how much scores grow where YaRN slows positions down: what it leaves out of cosines and sines for the sake of
    what does not turn, twice, for queries and keys."""
    options = dict(rope.options)
    of_all = options.get("mscale_all_dim")
    return magnitude(options["factor"], of_all) ** 2 if rope.scaling == "yarn" and of_all else 1.0
