"""Llama 4, the text model: in three layers of four heads turn in pairs side by side, have one length and see a chunk of
the text, in the others queries grow with their position; each token uses one of several experts, as far as its score
says, beside a layer that all tokens use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from causerie.checkpoint.expression import Expression, Place, Rows, Transposed
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import experts_of
from causerie.models.layer_kinds import FULL, layer_kinds, turning_layers
from causerie.models.names import LLAMA_WEIGHTS, Table, in_halves
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts, Shared
from causerie.spec.layer import Layer
from causerie.spec.mlp import MLP
from causerie.spec.norm import Norm
from causerie.spec.rope import Growth, Rope
from causerie.spec.router import MOST_EXPERTS, Router

CHUNKED = "chunked_attention"
_FFN = "model.layers.{i}.feed_forward."
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 202048,
    "hidden_size": 5120,
    "intermediate_size": 8192,
    "num_hidden_layers": 48,
    "num_attention_heads": 40,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5,
}


def weights(spec: Decoder) -> Table:
    """All experts of a layer in one tensor, inputs by outputs, those of gate before those of up."""
    table: dict[str, str | Expression] = {
        **in_halves(LLAMA_WEIGHTS, next(spec.attentions)),
        "layers.{i}.ffn.router": _FFN + "router.weight",
    }
    for name in ("gate", "up", "down"):
        table[f"layers.{{i}}.ffn.{name}"] = f"{_FFN}{name}_proj.weight"
        table[f"layers.{{i}}.ffn.shared.{name}"] = f"{_FFN}shared_expert.{name}_proj.weight"
    experts = experts_of(spec)
    for e in range(experts.count):
        ours, both = f"layers.{{i}}.ffn.experts.{e}.", Transposed(Place(_FFN + "experts.gate_up_proj", e))
        table[ours + "gate"] = Rows(both, 0, experts.hidden)
        table[ours + "up"] = Rows(both, experts.hidden, 2 * experts.hidden)
        table[ours + "down"] = Transposed(Place(_FFN + "experts.down_proj", e))
    return table


@architecture("llama4_text", weights=weights)
def llama4_text(c: Config) -> Decoder:
    """The text models of Llama 4 Scout and Maverick."""
    c.assume(DEFAULTS)
    c.expect("for_llm_compressor", False)
    bias = c.boolean("attention_bias", False)
    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        kv_heads=8,
        head_dim=128,
        rope=lambda head_dim: read_rope(c, head_dim, default_theta=5e5),
    )
    layers, hidden, act = len(spec.layers), spec.layers[0].ffn.hidden, spec.layers[0].ffn.act
    turning = turning_layers(c, layers)
    kinds = layer_kinds(c, [CHUNKED if turns else FULL for turns in turning], (FULL, CHUNKED))
    chunk = c.optional_integer("attention_chunk_size", 8192)
    # There the norm of heads comes after the rotation, which without weights is the same: a rotation keeps lengths.
    bare = Norm(spec.norm.eps, weight=False) if c.boolean("use_qk_norm", True) else None
    still = _still(c, next(spec.attentions).head_dim, spec.context)
    each = (
        _attending(layer, {"qk_norm": bare} if turns else still, chunk if kind == CHUNKED else None)
        for layer, turns, kind in zip(spec.layers, turning, kinds, strict=True)
    )
    spec = replace(spec, layers=tuple(each)).each_layer(ffn=MLP(c.integer("intermediate_size_mlp", 16384), act))
    count = c.integer("num_local_experts", 16, most=MOST_EXPERTS)
    router = Router(c.integer("num_experts_per_tok", 1, most=count), "sigmoid", divided=False, on_input=True)
    step = c.integer("interleave_moe_layer_step", 1)
    sparse = c.integers("moe_layers", most=layers - 1) if c.has("moe_layers") else range(step - 1, layers, step)
    return in_layers(spec, Experts(count, router, hidden, act, shared=Shared(MLP(hidden, act))), sparse or ())


def _attending(layer: Layer, changes: Mapping[str, object], chunk: int | None) -> Layer:
    return layer.with_attention(**changes, window=chunk, chunked=chunk is not None)


def _still(c: Config, head_dim: int, context: int) -> dict[str, object]:
    """Of layers in which nothing turns: queries that grow with the logarithm of their position, if they do."""
    every, beta = c.integer("floor_scale", 8192), c.number("attn_scale", 0.1, above=False)
    if not c.choice("attn_temperature_tuning", True, (True, False, 4)):
        return {"rope": None}
    rope = Rope(1.0, head_dim, context, "proportional", (("factor", 1.0), ("pairs", 0)))
    return {"rope": rope, "query_rope": replace(rope, growth=Growth(beta, every, offset=1))}
