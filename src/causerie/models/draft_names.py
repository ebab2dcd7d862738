"""What checkpoints call the weights of a draft head, in the arrangements that families of the field have: as one more
layer, or under a name of its own. Knows no family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from causerie.checkpoint.expression import Columns, Expression, Tensor
from causerie.models.names import Table, centered
from causerie.spec.decoder import Decoder
from causerie.spec.draft_head import DRAFT, draft_prefix

_LAYERS = "model.layers.{i}."
_APPENDED = {"token_norm": "enorm", "state_norm": "hnorm", "norm": "shared_head.norm"}
_APART = {"token_norm": "pre_fc_norm_embedding", "state_norm": "pre_fc_norm_hidden", "norm": "norm"}
_LISTED = {**_APPENDED, "norm": "final_layernorm"}
_STATE_FIRST = {"token_norm": "token_layernorm", "state_norm": "hidden_layernorm", "norm": "final_layernorm"}
_IN_PARTS = {"token_norm": "0.enorm", "state_norm": "0.hnorm", "norm": "1.final_layernorm"}


def appended(spec: Decoder, norm: str = "shared_head.norm") -> Table:
    """Of a head that files hold as the layer behind the last one, whose block is called as other layers are; `norm` is
    that of what the head gives."""
    if spec.draft_head is None:
        return {}
    return _outside(spec, _LAYERS.replace("{i}", str(len(spec.layers))), {**_APPENDED, "norm": norm}, "eh_proj")


def apart(spec: Decoder, layers: Table) -> Table:
    """Of a head that files hold under a name of its own, whose block is called as the table says of `layers`."""
    if spec.draft_head is None:
        return {}
    home = "mtp."
    block = _block(spec, layers, lambda _, tensor: tensor.replace(_LAYERS, f"{home}layers.0."))
    return {**block, **_outside(spec, home, _APART, "fc")}


def centered_apart(spec: Decoder, layers: Table) -> Table:
    """The same of one whose norms are by 1 + w, as the table has those of `layers`."""
    table = apart(spec, layers)
    return {**table, **centered({name: said for name, said in table.items() if name.startswith(DRAFT)})}


def listed(spec: Decoder, layers: Table, norm: str) -> Table:
    """Of several heads that files hold beside the layers, all of a head in one place; their blocks are called as the
    table says of `layers`, but for the norm of the feed-forward layer."""
    table: dict[str, str | Expression] = {}

    def moved(place: str, weight: str, tensor: str) -> str:
        return f"{place}{norm}.weight" if weight == "ffn_norm" else tensor.replace(_LAYERS, place)

    for number in range(0 if spec.draft_head is None else spec.draft_head.count):
        place = f"model.mtp.layers.{number}."
        table |= _block(spec, layers, partial(moved, place), number)
        table |= _outside(spec, place, _LISTED, "eh_proj", number)
    return table


def listed_state_first(spec: Decoder, layers: Table) -> Table:
    """Of a head that files hold beside the layers, whose block is called as the table says of `layers`. Its matrix has
    the columns of what the model made of the text before those of the token."""
    if spec.draft_head is None:
        return {}
    home = "model.mtp_layers.0."
    block = _block(spec, layers, lambda _, tensor: tensor.replace(_LAYERS, home))
    table = {**block, **_outside(spec, home, _STATE_FIRST, "input_proj")}
    return {**table, f"{DRAFT}token": table[f"{DRAFT}state"], f"{DRAFT}state": table[f"{DRAFT}token"]}


def in_parts(spec: Decoder, layers: Table, place: str) -> Table:
    """Of a head whose halves files hold as two layers, as they hold a model's of which each is one part; `layers` calls
    these by names that begin with `place`."""
    if spec.draft_head is None:
        return {}
    home = "mtp.layers."

    def moved(weight: str, tensor: str) -> str:
        return tensor.replace(place, home + ("1." if weight.startswith("ffn") else "0."))

    return {**_block(spec, layers, moved), **_outside(spec, home, _IN_PARTS, "0.eh_proj")}


def _block(
    spec: Decoder, layers: Table, moved: Callable[[str, str], str], number: int = 0
) -> dict[str, str | Expression]:
    """What the weights of a head's block are called, `moved` from where the table has those of `layers`, weight by
    weight."""
    own = f"layers.{len(spec.layers) + number}."
    table: dict[str, str | Expression] = {}
    for weight in spec.head_weights(number):
        inside = weight.name.removeprefix(own)
        said = layers.get("layers.{i}." + inside) if inside != weight.name else None
        if said is not None:
            expression = Tensor(said) if isinstance(said, str) else said
            table[weight.name] = expression.named(partial(moved, inside))
    return table


def _outside(
    spec: Decoder, place: str, norms: Mapping[str, str], matrix: str, number: int = 0
) -> dict[str, str | Expression]:
    """All of a head but its block: norms, and the columns of one matrix."""
    both, prefix = Tensor(f"{place}{matrix}.weight"), draft_prefix(number)
    return {
        **{prefix + ours: f"{place}{theirs}.weight" for ours, theirs in norms.items()},
        f"{prefix}token": Columns(both, 0, spec.width),
        f"{prefix}state": Columns(both, spec.width, 2 * spec.width),
    }
