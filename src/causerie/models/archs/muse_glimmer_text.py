"""Muse Glimmer, the text model: norms by 1 + w before and after each half, queries and keys of one length, a gate on
attention, three sliding layers to a full one on which positions turn nothing, a normed embedding, capped logits."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS, SANDWICH, centered
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.norm import Norm

_GATE = {"layers.{i}.mixer.gate": "model.layers.{i}.self_attn.gate_proj.weight"}
WEIGHTS = {**centered({**LLAMA_WEIGHTS, **SANDWICH}), **_GATE, "norm": LLAMA_WEIGHTS["norm"]}
DEFAULTS = {"max_position_embeddings": 131072, "rms_norm_eps": 1e-5}


@architecture("muse_glimmer_text", weights=WEIGHTS)
def muse_glimmer_text(c: Config) -> Decoder:
    """The text model of Muse Glimmer 30B."""
    c.assume(DEFAULTS)
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, kv_heads=2, head_dim=128, act="hidden_activation")
    bare = Norm(spec.norm.eps, weight=False)
    scale = c.number("qk_scale_factor", 3.87) * next(spec.attentions).head_dim ** -0.5
    spec = spec.each_attention(qk_norm=bare, scale=scale, gated=True)
    last = len(spec.layers) - 1
    kinds = layer_kinds(c, [SLIDING if (last - i) % 4 else FULL for i in range(last + 1)])
    spec = with_kinds(spec, kinds, {SLIDING: {"window": c.optional_integer("sliding_window", 2048)}})
    after = Norm(c.number("post_norm_eps", 1e-8, above=False))
    layers = (
        replace(layer if turns else layer.with_attention(rope=None), norm_after=after)
        for layer, turns in zip(spec.layers, _turning(c, spec), strict=True)
    )
    return replace(
        spec,
        layers=tuple(layers),
        embedding_norm=bare,
        logits_scale=c.number("output_multiplier", 0.19611613513818404),
        logits_softcap=c.number("final_logit_softcapping", 20.0),
    )


def _turning(c: Config, spec: Decoder) -> list[bool]:
    """Whether positions turn the heads of each layer: a base for each, 0 for none; every fourth from the last without
    a list."""
    last = len(spec.layers) - 1
    if not c.has("layer_rope_theta"):
        return [bool((last - i) % 4) for i in range(last + 1)]
    thetas = c.numbers("layer_rope_theta", last + 1, above=False)
    if not {0.0, spec.ropes[0].theta}.issuperset(thetas):
        raise c.wrong("layer_rope_theta", thetas, f"a list of {last + 1} numbers, each 0 or {spec.ropes[0].theta:g}")
    return [theta > 0 for theta in thetas]
