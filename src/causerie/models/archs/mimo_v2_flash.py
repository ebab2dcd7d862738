"""MiMo-V2-Flash: values narrower than keys, of which a third turns; five sliding layers, with more key heads and with
sinks, to a full one; and in all but the first layer many experts, which a bias of their own helps to choose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from causerie.models.archs.glm4_moe import sigmoid_router
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.draft_names import listed
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import both_arrangements
from causerie.models.layer_kinds import DENSE, FULL, SLIDING, SPARSE, layer_kinds, numbered_kinds, with_kinds
from causerie.models.names import LLAMA_WEIGHTS, Table
from causerie.models.registry import architecture
from causerie.models.rope_config import read_kind
from causerie.spec.decoder import Decoder
from causerie.spec.draft_head import DraftHead
from causerie.spec.experts import Experts
from causerie.spec.rope import Rope
from causerie.spec.router import MOST_EXPERTS

_LAYER = "model.layers.{i}."
_OTHERS: Table = {
    **LLAMA_WEIGHTS,
    "layers.{i}.ffn.router": _LAYER + "mlp.gate.weight",
    "layers.{i}.ffn.choice_bias": _LAYER + "mlp.gate.e_score_correction_bias",
}
_HEADS = 3  # to guess with, where files hold all of them; no config counts them
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 152576,
    "hidden_size": 4096,
    "intermediate_size": 16384,
    "num_hidden_layers": 48,
    "num_attention_heads": 64,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5,
    "moe_intermediate_size": 2048,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them, which calls
    sinks otherwise."""
    tables = both_arrangements(spec, _OTHERS, _LAYER + "mlp")
    sinks = (_LAYER + "self_attn.attention_sink_bias", _LAYER + "self_attn.sinks")
    named = [{**table, "layers.{i}.mixer.sinks": name} for table, name in zip(tables, sinks, strict=True)]
    return tuple({**table, **listed(spec, table, "pre_mlp_layernorm")} for table in named)


@architecture("mimo_v2_flash", weights=weights)
def mimo_v2_flash(c: Config) -> Decoder:
    """MiMo-V2-Flash, where it is not in 8 bits."""
    c.rename({"rms_norm_eps": "layernorm_epsilon"})
    c.assume(DEFAULTS)
    c.expect("scoring_func", "sigmoid")
    c.expect("topk_method", "noaux_tc")
    c.expect("n_shared_experts", 0)
    c.expect("add_full_attention_sink_bias", False)
    c.expect("add_swa_attention_sink_bias", True)
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, kv_heads=4, head_dim=192, rope=lambda head_dim: _rope(c, FULL, head_dim))
    scale = c.optional_number("attention_value_scale", absent=0.707)
    spec = spec.each_attention(own_value_dim=c.integer("v_head_dim", 128), value_scale=scale or 1.0)
    layers = range(len(spec.layers))
    otherwise = [FULL if i == 0 or i % 6 == 5 else SLIDING for i in layers]
    kinds = layer_kinds(c, numbered_kinds(c, "hybrid_layer_pattern", (FULL, SLIDING), otherwise))
    sliding = _sliding(c, spec)
    block = spec.layers[0].with_attention(**sliding, keeps_all=True)
    spec = replace(spec, draft_head=DraftHead(block, spec.norm, _HEADS))
    spec = with_kinds(spec, kinds, {SLIDING: sliding})
    numbered = numbered_kinds(c, "moe_layer_freq", (DENSE, SPARSE), [SPARSE if i else DENSE for i in layers])
    halves = layer_kinds(c, numbered, (DENSE, SPARSE), "mlp_layer_types")
    return in_layers(spec, _experts(c, spec), (i for i in layers if halves[i] == SPARSE))


def _rope(c: Config, kind: str, head_dim: int) -> Rope:
    theta = c.number("rope_theta", 5e6) if kind == FULL else c.number("swa_rope_theta", 1e4)
    share = c.number("partial_rotary_factor", 0.334)
    return read_kind(c, kind, head_dim, {"partial_rotary_factor": share}, theta, partial=True)


def _sliding(c: Config, spec: Decoder) -> dict[str, Any]:
    """What the attention of sliding layers has otherwise. First files count, as the size of a window, the tokens before
    the one that looks."""
    full = next(spec.attentions)
    c.expect("swa_num_attention_heads", full.heads)
    c.expect("swa_head_dim", full.head_dim)
    c.expect("swa_v_head_dim", full.value_dim)
    before = c.optional_integer("sliding_window_size", None)
    if before is None:
        window = c.integer("sliding_window", 129)
    else:
        window = before + 1
        c.expect("sliding_window", before, window)
        c.expect("attention_chunk_size", before)  # which no program reads
    heads = c.integer("swa_num_key_value_heads", 2 * full.kv_heads)
    if full.heads % heads:
        raise c.wrong("swa_num_key_value_heads", heads, f"a number that divides {full.heads} heads")
    return {"window": window, "kv_heads": heads, "sinks": True, "rope": _rope(c, SLIDING, full.head_dim)}


def _experts(c: Config, spec: Decoder) -> Experts:
    count = c.integer("n_routed_experts", c.integer("num_local_experts", 256, most=MOST_EXPERTS), most=MOST_EXPERTS)
    router = sigmoid_router(c, count, c.integer("num_experts_per_tok", 8, most=count))
    return Experts(count, router, c.integer("moe_intermediate_size"), spec.layers[0].ffn.act)
