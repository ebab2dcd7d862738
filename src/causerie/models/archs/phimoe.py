"""Phi with experts: layer norms, biases of attention and head, rotations slowed down for long texts, and experts in the
place of each feed-forward layer, of which a token uses two, the second chosen as if the first were not there."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs.llama import layer_norm, llama_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import experts_alone, experts_stacked
from causerie.models.names import LLAMA_WEIGHTS, Table, with_biases
from causerie.models.registry import architecture
from causerie.models.rope_config import read_rope
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts
from causerie.spec.rope import Rope
from causerie.spec.router import MOST_EXPERTS, Router

_LAYER = "model.layers.{i}."
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 32064,
    "hidden_size": 4096,
    "intermediate_size": 6400,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-5,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    others, router = with_biases(LLAMA_WEIGHTS), "layers.{i}.ffn.router"
    alone = experts_alone(spec, _LAYER + "block_sparse_moe.experts", {"gate": "w1", "up": "w3", "down": "w2"})
    stacked = experts_stacked(spec, _LAYER + "mlp.experts.gate_up_proj", _LAYER + "mlp.experts.down_proj")
    return (
        {**others, router: _LAYER + "block_sparse_moe.gate.weight", **alone},
        {**others, router: _LAYER + "mlp.router.weight", **stacked},
    )


@architecture("phimoe", weights=weights)
def phimoe(c: Config) -> Decoder:
    """Phi-3.5-MoE, Phi-mini-MoE and Phi-tiny-MoE."""
    c.assume(DEFAULTS)
    c.leave("input_jitter_noise")  # in training
    bias = c.boolean("attention_bias", False)
    spec = llama_like(
        c,
        bias=bias,
        out_bias=bias,
        kv_heads=8,
        norm=layer_norm(c, "rms_norm_eps"),
        rope=lambda head_dim: _rope(c, head_dim),
    )
    count = c.integer("num_local_experts", 16, most=MOST_EXPERTS)
    active = c.integer("num_experts_per_tok", 2, most=count)
    if active != 2:
        raise c.wrong("num_experts_per_tok", active, "2, as its experts are chosen one after the other")
    # What is random while training decides how near two scores are.
    nearness = 2 * c.number("router_jitter_noise", 0.01)
    router = Router(active, "sparsemixer", nearness=nearness, divided=False)
    experts = Experts(count, router, spec.layers[0].ffn.hidden, spec.layers[0].ffn.act)
    spec = in_layers(spec, experts, range(len(spec.layers)))
    spec = spec.each_attention(window=c.optional_integer("sliding_window", None))
    return replace(spec, head_bias=c.boolean("lm_head_bias", False))


def _rope(c: Config, head_dim: int) -> Rope:
    """The rotation; where it is slowed down, short and long texts have a factor of scores of their own."""
    c.optional_integer("original_max_position_embeddings", None)  # stands in the scaling too
    rope = read_rope(c, head_dim, default_theta=1e6)
    part = c.part("rope_scaling") or c.part("rope_parameters")
    if rope.scaling == "default" or part is None:
        return rope
    factors = {name: part.number(name) for name in ("short_mscale", "long_mscale")}
    return replace(rope, options=tuple(sorted((dict(rope.options) | factors).items())))
