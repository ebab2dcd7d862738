"""OLMo 3: OLMo 2 with three sliding layers to a full one, which alone is slowed down for long texts."""

from __future__ import annotations

from causerie.models.archs.llama import llama_like
from causerie.models.archs.olmo2 import WEIGHTS, normed_after
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.registry import architecture
from causerie.models.rope_config import read_ropes
from causerie.spec.decoder import Decoder

_THETAS = {FULL: 5e5, SLIDING: 5e5}


@architecture("olmo3", weights=WEIGHTS)
def olmo3(c: Config) -> Decoder:
    """OLMo 3 7B and 32B."""
    c.assume({"rms_norm_eps": 1e-5})
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, rope=lambda head_dim: read_ropes(c, head_dim, _THETAS)[FULL])
    spec = normed_after(spec).each_attention(qk_norm=spec.norm, qk_norm_whole=True)
    kinds = layer_kinds(c, [SLIDING if (i + 1) % 4 else FULL for i in range(len(spec.layers))])
    rope = read_ropes(c, next(spec.attentions).head_dim, _THETAS)[SLIDING]
    return with_kinds(spec, kinds, {SLIDING: {"rope": rope, "window": c.optional_integer("sliding_window", 4096)}})
