"""Granite with shared experts: Granite with experts and one more that all tokens use."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs import granitemoe
from causerie.models.config import Config
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import experts_of
from causerie.models.names import Table, fused
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Shared
from causerie.spec.mlp import MLP

_SHARED = "shared_mlp."


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Those of Granite with experts; gate and up of what is shared are one tensor."""
    shared = experts_of(spec).shared
    if shared is None:
        return granitemoe.weights(spec)
    hidden = shared.mlp.hidden
    more = {
        **fused("ffn.shared", _SHARED + "input_linear.weight", {"gate": hidden, "up": hidden}),
        "layers.{i}.ffn.shared.down": f"model.layers.{{i}}.{_SHARED}output_linear.weight",
    }
    return tuple({**table, **more} for table in granitemoe.weights(spec))


@architecture("granitemoeshared", weights=weights)
def granitemoeshared(c: Config) -> Decoder:
    """IBM's MoE 7B-A1B with shared experts."""
    spec = granitemoe.granitemoe(c)
    hidden = c.integer("shared_intermediate_size", 0, least=0)
    if not hidden:
        return spec
    experts = experts_of(spec)
    shared = Shared(MLP(hidden, experts.act))
    return in_layers(spec, replace(experts, shared=shared), range(len(spec.layers)))
