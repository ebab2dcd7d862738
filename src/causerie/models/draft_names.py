"""What checkpoints call the weights of a draft head, in the arrangements that families of the field have: as one more
layer, or under a name of its own. Knows no family."""

from __future__ import annotations

from collections.abc import Mapping

from causerie.checkpoint.expression import Columns, Expression, Tensor
from causerie.models.names import Table, centered
from causerie.spec.decoder import Decoder
from causerie.spec.draft_head import DRAFT

_LAYERS = "model.layers.{i}."
_APPENDED = {"token_norm": "enorm", "state_norm": "hnorm", "norm": "shared_head.norm"}
_APART = {"token_norm": "pre_fc_norm_embedding", "state_norm": "pre_fc_norm_hidden", "norm": "norm"}


def appended(spec: Decoder) -> Table:
    """Of a head that files hold as the layer behind the last one, whose block is called as other layers are."""
    if spec.draft_head is None:
        return {}
    place = _LAYERS.replace("{i}", str(len(spec.layers)))
    return _outside(spec, {ours: f"{place}{theirs}" for ours, theirs in _APPENDED.items()}, f"{place}eh_proj")


def apart(spec: Decoder, layers: Table, home: str = "mtp.") -> Table:
    """Of a head that files hold under `home`, whose block is called as the table says of `layers`; its norms are by
    1 + w."""
    if spec.draft_head is None:
        return {}
    own = f"layers.{len(spec.layers)}."
    table: dict[str, str | Expression] = {}
    for weight in spec.draft_weights():
        said = layers.get("layers.{i}." + weight.name.removeprefix(own)) if weight.name.startswith(own) else None
        if said is not None:
            expression = Tensor(said) if isinstance(said, str) else said
            table[weight.name] = expression.named(lambda tensor: tensor.replace(_LAYERS, f"{home}layers.0."))
    outside = _outside(spec, {ours: f"{home}{theirs}" for ours, theirs in _APART.items()}, f"{home}fc")
    return {**table, **centered(outside)}


def _outside(spec: Decoder, norms: Mapping[str, str], matrix: str) -> dict[str, str | Expression]:
    """All but the block's: norms, and the columns of one matrix."""
    both = Tensor(f"{matrix}.weight")
    return {
        **{DRAFT + ours: f"{theirs}.weight" for ours, theirs in norms.items()},
        f"{DRAFT}token": Columns(both, 0, spec.width),
        f"{DRAFT}state": Columns(both, spec.width, 2 * spec.width),
    }
