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
_LISTED = {**_APPENDED, "norm": "final_layernorm"}


def appended(spec: Decoder) -> Table:
    """Of a head that files hold as the layer behind the last one, whose block is called as other layers are."""
    if spec.draft_head is None:
        return {}
    return _outside(spec, _LAYERS.replace("{i}", str(len(spec.layers))), _APPENDED, "eh_proj")


def apart(spec: Decoder, layers: Table, home: str = "mtp.") -> Table:
    """Of a head that files hold under `home`, whose block is called as the table says of `layers`; its norms are by
    1 + w."""
    if spec.draft_head is None:
        return {}
    return {**_block(spec, layers, f"{home}layers.0."), **centered(_outside(spec, home, _APART, "fc"))}


def listed(spec: Decoder, layers: Table, renamed: Mapping[str, str]) -> Table:
    """Of the first of several heads that files hold beside the layers, all of a head in one place; its block is called
    as the table says of `layers`, but for parts that are `renamed`."""
    if spec.draft_head is None:
        return {}
    place = "model.mtp.layers.0."
    return {**_block(spec, layers, place, renamed), **_outside(spec, place, _LISTED, "eh_proj")}


def _block(spec: Decoder, layers: Table, place: str, renamed: Mapping[str, str] | None = None) -> Table:
    """What the block's weights are called at a place of their own."""
    own = f"layers.{len(spec.layers)}."
    table: dict[str, str | Expression] = {}

    def name(tensor: str) -> str:
        for theirs, instead in (renamed or {}).items():
            tensor = tensor.replace(theirs, instead)
        return tensor.replace(_LAYERS, place)

    for weight in spec.draft_weights():
        said = layers.get("layers.{i}." + weight.name.removeprefix(own)) if weight.name.startswith(own) else None
        if said is not None:
            expression = Tensor(said) if isinstance(said, str) else said
            table[weight.name] = expression.named(name)
    return table


def _outside(spec: Decoder, place: str, norms: Mapping[str, str], matrix: str) -> dict[str, str | Expression]:
    """All but the block's: norms, and the columns of one matrix."""
    both = Tensor(f"{place}{matrix}.weight")
    return {
        **{DRAFT + ours: f"{place}{theirs}.weight" for ours, theirs in norms.items()},
        f"{DRAFT}token": Columns(both, 0, spec.width),
        f"{DRAFT}state": Columns(both, spec.width, 2 * spec.width),
    }
