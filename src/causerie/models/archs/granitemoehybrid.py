"""Granite 4: layers of Mamba-2 and a few that attend, most often without positions; many small feed-forward layers of
which a token uses a few beside one that all tokens use, or that one alone; Granite's numbers on everything."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs import granitemoe
from causerie.models.archs.granite import granite_like
from causerie.models.config import Config
from causerie.models.layer_kinds import FULL, LINEAR, layer_kinds
from causerie.models.names import Table, fused
from causerie.models.recurrence import mamba2_mixer, mamba2_weights
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.experts import Experts, Shared
from causerie.spec.mlp import MLP
from causerie.spec.router import MOST_EXPERTS, Router

_LAYER = "model.layers.{i}."
_OLDER_LINEAR, _OLDER_FULL = "mamba", "attention"  # what released files say


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Those of Granite with experts, gate and up of what is shared in one tensor, and Mamba-2's."""
    ffn = spec.layers[0].ffn
    mlp = ffn.shared.mlp if isinstance(ffn, Experts) and ffn.shared is not None else ffn
    assert isinstance(mlp, MLP)
    more = dict(mamba2_weights(spec, _LAYER + "mamba"))
    for part in ("ffn", "ffn.shared"):
        more |= fused(part, "shared_mlp.input_linear.weight", {"gate": mlp.hidden, "up": mlp.hidden})
        more[f"layers.{{i}}.{part}.down"] = _LAYER + "shared_mlp.output_linear.weight"
    return tuple({**table, **more} for table in granitemoe.weights(spec))


@architecture("granitemoehybrid", weights=weights)
def granitemoehybrid(c: Config) -> Decoder:
    """Granite 4.0 and 4.1, hybrid and dense, Micro to Small."""
    c.rename({"layer_types": "layers_block_type"})
    c.expect("normalization_function", "rmsnorm")
    spec = granite_like(c)
    if c.word("position_embedding_type", "nope") != "rope":
        c.expect("position_embedding_type", "nope")
        spec = spec.each_attention(rope=None)
    mamba = mamba2_mixer(c, int(c.number("mamba_expand", 2) * spec.width), spec.norm)
    kinds = layer_kinds(c, [LINEAR] * len(spec.layers), (LINEAR, FULL, _OLDER_LINEAR, _OLDER_FULL))
    plain = spec.layers[0].ffn
    assert isinstance(plain, MLP)
    ffn = _ffn(c, plain)
    layers = (
        replace(layer, mixer=layer.mixer if kind in (FULL, _OLDER_FULL) else mamba, ffn=ffn)
        for layer, kind in zip(spec.layers, kinds, strict=True)
    )
    return replace(spec, layers=tuple(layers))


def _ffn(c: Config, expert: MLP) -> MLP | Experts:
    """What every layer has of them."""
    shared = MLP(c.integer("shared_intermediate_size", 1024), expert.act)
    count = c.integer("num_local_experts", 8, least=0, most=MOST_EXPERTS)
    active = c.integer("num_experts_per_tok", 2, least=0, most=count or MOST_EXPERTS)
    return Experts(count, Router(active), expert.hidden, expert.act, shared=Shared(shared)) if count else shared
