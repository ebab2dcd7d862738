"""Hunyuan with experts: Hunyuan with many feed-forward layers in the place of each, of which a token uses a few, beside
one that all tokens use."""

from __future__ import annotations

from causerie.models.archs import hunyuan_v1_dense as dense
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import EXPERT_MATRICES, both_arrangements
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP
from causerie.spec.router import MOST_EXPERTS, Router

_MLP = "model.layers.{i}.mlp"
_BESIDE = {
    "layers.{i}.ffn.router": f"{_MLP}.gate.wg.weight",
    **{f"layers.{{i}}.ffn.shared.{ours}": f"{_MLP}.shared_mlp.{name}.weight" for ours, name in EXPERT_MATRICES.items()},
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them."""
    return both_arrangements(spec, {**dense.WEIGHTS, **_BESIDE}, _MLP)


@architecture("hunyuan_v1_moe", weights=weights)
def hunyuan_v1_moe(c: Config) -> Decoder:
    """Hunyuan A13B."""
    c.rename({"num_experts_per_tok": "moe_topk", "num_local_experts": "num_experts"})
    c.assume({"num_experts_per_tok": 1})
    spec = dense.hunyuan_v1_dense(c)
    hidden, act = spec.layers[0].ffn.hidden, spec.layers[0].ffn.act
    count, layers = c.integer("num_local_experts", 1, most=MOST_EXPERTS), len(spec.layers)
    c.expect("use_mixed_mlp_moe", True)
    c.expect("moe_layer_num_skipped", 0)
    c.expect("moe_intermediate_size", hidden, [hidden] * layers)
    c.expect("num_shared_expert", 1, [1] * layers)
    active = c.integer_of_each("num_experts_per_tok", layers)
    if len(set(active)) > 1 or active[0] > count:
        raise c.wrong("num_experts_per_tok", active, f"the same number of at most {count} for each layer")
    experts = Experts(count, Router(active[0]), hidden, act, shared=Shared(MLP(hidden, act)))
    return in_layers(spec, experts, range(layers))
