"""Qwen3 with experts: Qwen3 with many small feed-forward layers in place of each, of which a token uses a few."""

from __future__ import annotations

from causerie.models.archs import qwen3
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import both_arrangements
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts
from causerie.spec.router import MOST_EXPERTS, Router

_MLP = "model.layers.{i}.mlp"


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    return both_arrangements(spec, {**qwen3.WEIGHTS, "layers.{i}.ffn.router": f"{_MLP}.gate.weight"}, _MLP)


@architecture("qwen3_moe", weights=weights)
def qwen3_moe(c: Config) -> Decoder:
    """Qwen3-30B-A3B, Qwen3-235B-A22B, Qwen3-Coder-30B-A3B and their kin."""
    c.expect("use_qk_norm", True)
    bias = c.boolean("attention_bias", False)
    spec = llama_like(c, bias=bias, out_bias=bias, kv_heads=4)
    window = c.optional_integer("sliding_window", 4096) if c.boolean("use_sliding_window", False) else None
    spec = spec.each_attention(qk_norm=spec.norm, window=window)
    count = c.integer("num_local_experts", c.integer("num_experts", 128, most=MOST_EXPERTS), most=MOST_EXPERTS)
    return with_experts(c, spec, qwen_experts(c, spec, count, active=8, hidden=768))


def qwen_experts(c: Config, spec: Decoder, count: int, *, active: int, hidden: int) -> Experts:
    """Experts as both families of Qwen say them; `active` and `hidden` are what a file means that says nothing."""
    router = Router(c.integer("num_experts_per_tok", active, most=count), divided=c.boolean("norm_topk_prob", False))
    mlp = spec.layers[0].ffn
    assert not isinstance(mlp, Experts)  # by `llama_like`
    return Experts(count, router, c.integer("moe_intermediate_size", hidden), mlp.act)


def with_experts(c: Config, spec: Decoder, experts: Experts) -> Decoder:
    """`spec` with experts in every `decoder_sparse_step`-th layer that is not among the `mlp_only_layers`."""
    step, dense = c.integer("decoder_sparse_step", 1), c.integers("mlp_only_layers") or ()
    sparse = (i for i in range(len(spec.layers)) if (i + 1) % step == 0 and i not in dense)
    return in_layers(spec, experts, sparse)
