"""Gemma 3n, the text model: four streams of activations of which layers compute one, a low-rank path beside attention,
a further embedding for each layer, gates that are mostly 0 in the first layers; four sliding layers to a full one, the
last ones of which read the keys and values of others."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

from causerie.models.archs.gemma3_text import gemma3_like
from causerie.models.config import MOST_LAYERS, Config
from causerie.models.names import FURTHER_INPUTS, LLAMA_WEIGHTS, QK_NORMS, SANDWICH, Table
from causerie.models.registry import architecture
from causerie.models.shared_keys import with_shared_keys
from causerie.spec.alt_up import AltUp
from causerie.spec.decoder import Decoder
from causerie.spec.layer import Layer
from causerie.spec.layer_input import LayerInput
from causerie.spec.low_rank import LowRankPath
from causerie.spec.mlp import MLP
from causerie.spec.norm import Norm

_PARTS = {
    "streams.norm": "altup.router_norm.weight",
    "streams.router": "altup.modality_router.weight",
    "streams.predict": "altup.prediction_coefs.weight",
    "streams.correct": "altup.correction_coefs.weight",
    "streams.scale": "altup.correct_output_scale",
    "low_rank.left": "laurel.linear_left.weight",
    "low_rank.right": "laurel.linear_right.weight",
    "low_rank.norm": "laurel.post_laurel_norm.weight",
}
_LAYERS = {f"layers.{{i}}.{ours}": f"model.layers.{{i}}.{theirs}" for ours, theirs in _PARTS.items()}
_WAYS = {"enter": "altup_projections", "leave": "altup_unembed_projections"}
MOST_STREAMS = 64
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 262400,
    "hidden_size": 2048,
    "intermediate_size": 16384,
    "num_hidden_layers": 35,
    "num_attention_heads": 8,
    "max_position_embeddings": 32768,
    "hidden_activation": "gelu_pytorch_tanh",
}


def weights(spec: Decoder) -> Table:
    """With a matrix for each stream but the first."""
    others = range(1, 1 if spec.streams is None else spec.streams.count)
    ways = {f"streams.{ours}.{i}": f"model.{name}.{i - 1}.weight" for ours, name in _WAYS.items() for i in others}
    return {**LLAMA_WEIGHTS, **SANDWICH, **QK_NORMS, **FURTHER_INPUTS, **_LAYERS, **ways}


@architecture("gemma3n_text", weights=weights)
def gemma3n_text(c: Config) -> Decoder:
    """The text models of Gemma 3n E2B and E4B."""
    c.assume(DEFAULTS)
    c.expect("altup_active_idx", 0)
    c.expect("altup_correct_scale", True)
    c.leave("altup_coef_clip", "altup_lr_multiplier")  # of training
    c.leave("query_pre_attn_scalar")  # scores are not scaled, as queries and keys are normed
    hidden = c.integer_of_each("intermediate_size", c.integer("num_hidden_layers", most=MOST_LAYERS))
    spec = gemma3_like(c, kv_heads=2, distance=5, window=512, hidden=hidden)
    norm, act = spec.norm, spec.layers[0].ffn.act
    spec = spec.each_attention(scale=1.0, value_norm=Norm(norm.eps, weight=False))
    rows, width = c.integer("vocab_size_per_layer_input", 262144), c.integer("hidden_size_per_layer_input", 256)
    spec = with_shared_keys(c, spec, absent=15).each_layer(
        input=LayerInput(rows, width, act, norm),
        low_rank=LowRankPath(c.integer("laurel_rank", 64), norm),
        streams=AltUp(c.integer("altup_num_inputs", 4, least=2, most=MOST_STREAMS), spec.width, norm),
    )
    layers = tuple(map(_sparse, spec.layers, _shares_of_zeros(c, len(spec.layers))))
    return replace(spec, layers=layers, logits_softcap=c.optional_number("final_logit_softcapping", absent=30.0))


def _shares_of_zeros(c: Config, layers: int) -> list[float]:
    """Of each layer, how many gates are 0, if a row of them is spread as a bell curve."""
    key = "activation_sparsity_pattern"
    if not c.has(key):
        return [0.95 if i < 10 < layers else 0.0 for i in range(layers)]
    shares = c.numbers(key, layers, above=False)
    if max(shares) >= 1:
        raise c.wrong(key, shares, "of numbers less than 1")
    return shares


def _sparse(layer: Layer, share: float) -> Layer:
    assert isinstance(layer.ffn, MLP)  # by `llama_like`
    return replace(layer, ffn=replace(layer.ffn, deviations=NormalDist().inv_cdf(share))) if share else layer
