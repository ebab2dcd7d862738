"""Granite with experts: Granite with many small feed-forward layers in place of each, of which a token uses a few."""

from __future__ import annotations

from causerie.models.archs.granite import granite_like
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import experts_stacked
from causerie.models.names import LLAMA_WEIGHTS, Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts
from causerie.spec.router import MOST_EXPERTS, Router

_MOE = "model.layers.{i}.block_sparse_moe."


def weights(spec: Decoder) -> tuple[Table, ...]:
    """All experts in one tensor, called as files have it or as transformers does."""
    files = experts_stacked(spec, _MOE + "input_linear.weight", _MOE + "output_linear.weight")
    experts = experts_stacked(spec, _MOE + "experts.gate_up_proj", _MOE + "experts.down_proj")
    return (
        {**LLAMA_WEIGHTS, "layers.{i}.ffn.router": _MOE + "router.layer.weight", **files},
        {**LLAMA_WEIGHTS, "layers.{i}.ffn.router": _MOE + "router.weight", **experts},
    )


@architecture("granitemoe", weights=weights)
def granitemoe(c: Config) -> Decoder:
    """Granite 3 1B-A400M and 3B-A800M."""
    spec = granite_like(c)
    count = c.integer("num_local_experts", 8, most=MOST_EXPERTS)
    router = Router(c.integer("num_experts_per_tok", 2, most=count))
    experts = Experts(count, router, spec.layers[0].ffn.hidden, spec.layers[0].ffn.act)
    return in_layers(spec, experts, range(len(spec.layers)))
