"""Attention to latents, from the keys that all configs of families that have it share. Knows no family."""

from __future__ import annotations

from causerie.models.config import Config
from causerie.models.rope import magnitude
from causerie.models.rope_config import read_rope
from causerie.spec.latent import LatentAttention
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope

EPS = 1e-6
"""Of the norms inside, whatever a config says of the others."""


def read_latents(c: Config, value_dim: int = 128) -> LatentAttention:
    """The mixer of every layer; `value_dim` is what a config means that does not set it. What turns does so as a table
    of names says."""
    c.expect("rope_interleave", True)
    c.leave("head_dim", "num_key_value_heads")  # of attention to keys and values, which there is none of
    rope = read_rope(c, c.integer("qk_rope_head_dim", 64))
    plain = c.integer("qk_nope_head_dim", 128)
    c.expect("qk_head_dim", plain + rope.dims)  # which transformers writes
    return LatentAttention(
        heads=c.integer("num_attention_heads"),
        rank=c.integer("kv_lora_rank", 512),
        plain_dim=plain,
        value_dim=c.integer("v_head_dim", value_dim),
        scale=(plain + rope.dims) ** -0.5 * _sharpness(rope),
        rope=rope,
        norm=Norm(EPS),
        query_rank=c.optional_integer("q_lora_rank", 1536),
        bias=c.boolean("attention_bias", False),
    )


def _sharpness(rope: Rope) -> float:
    """By how much scores grow where YaRN slows positions down: by what it makes queries and keys larger, of which what
    does not turn is a part too."""
    options = dict(rope.options)
    of_all = options.get("mscale_all_dim")
    return magnitude(options["factor"], of_all) ** 2 if rope.scaling == "yarn" and of_all else 1.0
