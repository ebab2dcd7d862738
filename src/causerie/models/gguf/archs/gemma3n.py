"""Gemma 3n, for text. Files hold the weights of norms as they are."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

from causerie.checkpoint.expression import Place
from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.layer_input_names import LAYER_INPUTS
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import BLOCK, OURS, plain_names
from causerie.models.gguf.rotation import rotation
from causerie.models.gguf.values import attention_biased, heads, sizes, window_kinds
from causerie.models.layer_kinds import FULL, SLIDING
from causerie.models.names import Table
from causerie.spec.decoder import Decoder

_PARTS = {
    "streams.norm": "altup_router_norm",
    "streams.router": "altup_router",
    "streams.predict": "altup_predict_coef",
    "streams.correct": "altup_correct_coef",
    "streams.scale": "altup_correct_scale",
    "low_rank.left": "laurel_l",
    "low_rank.right": "laurel_r",
    "low_rank.norm": "laurel_post_norm",
}
_WAYS = {"enter": "altup_proj", "leave": "altup_unembd_proj"}


def weights(m: Metadata, spec: Decoder) -> Table:
    """The matrices of all streams but the first are a stack."""
    table = plain_names(m, spec) | LAYER_INPUTS
    table |= {OURS + ours: f"{BLOCK}{theirs}.weight" for ours, theirs in _PARTS.items()}
    others = range(1, 1 if spec.streams is None else spec.streams.count)
    ways = {f"streams.{ours}.{i}": Place(f"{theirs}.weight", i - 1) for ours, theirs in _WAYS.items() for i in others}
    return table | ways


@gguf_architecture("gemma3n", weights=weights)
def gemma3n(m: Metadata) -> dict[str, Any]:
    """The text models of Gemma 3n E2B and E4B."""
    values = {"model_type": "gemma3n_text", **sizes(m), **heads(m)}
    layers = values["num_hidden_layers"]
    m.expect("altup.active_idx", 0)
    sliding = {"rope_type": "default", "rope_theta": m.number("rope.freq_base_swa", 10000.0, least=1.0)}
    return values | {
        "intermediate_size": m.integers("feed_forward_length", layers, least=1),
        "attention_bias": attention_biased(m),
        "final_logit_softcapping": m.number("final_logit_softcapping", 0.0) or None,
        "sliding_window": m.integer("attention.sliding_window"),
        "layer_types": window_kinds(m, layers, 5),
        "num_kv_shared_layers": m.integer("attention.shared_kv_layers", 15, least=0, most=layers),
        "hidden_size_per_layer_input": m.integer("embedding_length_per_layer_input"),
        "vocab_size_per_layer_input": m.rows("per_layer_token_embd.weight"),
        "altup_num_inputs": m.integer("altup.num_inputs"),
        "laurel_rank": m.rows("blk.0.laurel_l.weight"),
        "activation_sparsity_pattern": _shares_of_zeros(m, layers),
        "rope_parameters": {FULL: rotation(m, values["head_dim"], 1e6), SLIDING: sliding},
    }


def _shares_of_zeros(m: Metadata, layers: int) -> list[float]:
    """Of each layer, how many gates are 0; files say how many standard deviations below the mean that is."""
    return [NormalDist().cdf(each) for each in m.deviations("activation_sparsity_scale", layers)]
