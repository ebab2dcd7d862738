"""What checkpoints call the weights of a draft head, in the arrangements that families of the field have: as one more
layer, or under a name of its own. Knows no family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from causerie.checkpoint.expression import Columns, Expression, Tensor
from causerie.models.names import Table, centered
from causerie.spec.decoder import Decoder
from causerie.spec.draft_head import DRAFT

_LAYERS = "model.layers.{i}."
_APPENDED = {"token_norm": "enorm", "state_norm": "hnorm", "norm": "shared_head.norm"}
_APART = {"token_norm": "pre_fc_norm_embedding", "state_norm": "pre_fc_norm_hidden", "norm": "norm"}
_LISTED = {**_APPENDED, "norm": "final_layernorm"}
_IN_PARTS = {"token_norm": "0.enorm", "state_norm": "0.hnorm", "norm": "1.final_layernorm"}


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
    block = _block(spec, layers, lambda _, tensor: tensor.replace(_LAYERS, f"{home}layers.0."))
    return {**block, **centered(_outside(spec, home, _APART, "fc"))}


def listed(spec: Decoder, layers: Table, norm: str) -> Table:
    """Of the first of several heads that files hold beside the layers, all of a head in one place; its block is called
    as the table says of `layers`, but for the norm of its feed-forward layer."""
    if spec.draft_head is None:
        return {}
    place = "model.mtp.layers.0."

    def moved(weight: str, tensor: str) -> str:
        return f"{place}{norm}.weight" if weight == "ffn_norm" else tensor.replace(_LAYERS, place)

    return {**_block(spec, layers, moved), **_outside(spec, place, _LISTED, "eh_proj")}


def in_parts(spec: Decoder, layers: Table, place: str) -> Table:
    """Of a head whose halves files hold as two layers, as they hold a model's of which each is one part; `layers` calls
    these by names that begin with `place`."""
    if spec.draft_head is None:
        return {}
    home = "mtp.layers."

    def moved(weight: str, tensor: str) -> str:
        return tensor.replace(place, home + ("1." if weight.startswith("ffn") else "0."))

    return {**_block(spec, layers, moved), **_outside(spec, home, _IN_PARTS, "0.eh_proj")}


def _block(spec: Decoder, layers: Table, moved: Callable[[str, str], str]) -> Table:
    """What the block's weights are called, `moved` from where the table has those of `layers`, weight by weight."""
    own = f"layers.{len(spec.layers)}."
    table: dict[str, str | Expression] = {}
    for weight in spec.draft_weights():
        inside = weight.name.removeprefix(own)
        said = layers.get("layers.{i}." + inside) if inside != weight.name else None
        if said is not None:
            expression = Tensor(said) if isinstance(said, str) else said
            table[weight.name] = expression.named(partial(moved, inside))
    return table


def _outside(spec: Decoder, place: str, norms: Mapping[str, str], matrix: str) -> dict[str, str | Expression]:
    """All but the block's: norms, and the columns of one matrix."""
    both = Tensor(f"{place}{matrix}.weight")
    return {
        **{DRAFT + ours: f"{place}{theirs}.weight" for ours, theirs in norms.items()},
        f"{DRAFT}token": Columns(both, 0, spec.width),
        f"{DRAFT}state": Columns(both, spec.width, 2 * spec.width),
    }
