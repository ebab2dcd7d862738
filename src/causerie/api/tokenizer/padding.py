"""Rows of tokens cut and padded to common lengths, by the field's options and its rules for combining them.

Knows no vocabulary: it is handed the padding token's id. The rules are those of transformers 5.23.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from causerie.errors import UsageError, unknown

UNBOUNDED = 10**20
"""A model_max_length beyond this means that the checkpoint states none."""

_PADDING = {"longest": "longest", "max_length": "max_length", "do_not_pad": ""}
_TRUNCATION = ("longest_first", "only_first", "do_not_truncate")  # one text per row: the first two are the same
_SIDES = ("left", "right")


@dataclass(frozen=True)
class LengthPlan:
    """What is done to rows: cut to `cut` tokens (None: not), padded to `pad` ("" not, "longest", or a length)."""

    cut: int | None
    pad: str | int
    multiple: int | None
    side: str


def plan_lengths(
    padding: bool | str | Any,
    truncation: bool | str | Any | None,
    max_length: int | None,
    model_max_length: int,
    pad_to_multiple_of: int | None,
    side: str,
) -> LengthPlan:
    """The field's options as one plan. UnknownName for values it does not have, UsageError for impossible numbers."""
    for name, number in (("max_length", max_length), ("pad_to_multiple_of", pad_to_multiple_of)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise UsageError(f"{name} is {number!r}; it must be a whole number of at least 1.")
    if side not in _SIDES:
        raise unknown("padding_side", side, _SIDES)
    if max_length is not None and padding is False and truncation is None:
        truncation = True  # a length alone has always meant truncation
    pad_kind = _choice("padding", padding, "longest", "do_not_pad", tuple(_PADDING))
    cut_kind = _choice("truncation", truncation, "longest_first", "do_not_truncate", _TRUNCATION)
    limit = max_length if max_length is not None else (model_max_length if model_max_length < UNBOUNDED else None)
    pad: str | int = _PADDING[pad_kind]
    if pad == "max_length":
        pad = "" if limit is None else limit
    cut = limit if cut_kind != "do_not_truncate" else None
    return LengthPlan(cut, pad, pad_to_multiple_of, side)


def _choice(name: str, value: Any, when_true: str, when_false: str, known: tuple[str, ...]) -> str:
    if value is True:
        return when_true
    if value is False or value is None:
        return when_false
    text = str(getattr(value, "value", value))  # the field also has enumerations
    if text not in known:
        raise unknown(name, text, (*known, "True", "False"))
    return text


def cut_row(row: list[Any], length: int, side: str) -> list[Any]:
    """At most `length` items of a row, taken off at `side`."""
    if side not in _SIDES:
        raise unknown("truncation_side", side, _SIDES)
    length = max(length, 0)
    return row[:length] if side == "right" else row[len(row) - min(length, len(row)) :]


def padded_length(lengths: list[int], plan: LengthPlan) -> int | None:
    """The length that shorter rows are padded to, None for no padding."""
    if plan.pad == "" or not lengths:
        return None
    target = max(lengths) if plan.pad == "longest" else int(plan.pad)
    if plan.multiple is not None and target % plan.multiple:
        target += plan.multiple - target % plan.multiple
    return target


def pad_row(row: list[Any], length: int | None, filler: Any, side: str) -> list[Any]:
    """A row filled up to `length` with `filler` at `side`."""
    if length is None or len(row) >= length:
        return list(row)
    fill = [filler] * (length - len(row))
    return fill + list(row) if side == "left" else list(row) + fill
