"""Rows of tokens become the columns of an encoding: padded, named and of the asked kind. Knows no vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from causerie.api.tensors import is_torch, to_kind, to_lists
from causerie.api.tokenizer.batch_encoding import BatchEncoding
from causerie.api.tokenizer.padding import LengthPlan, pad_row, padded_length
from causerie.errors import UsageError

Spans = list[tuple[int, int]]


@dataclass(frozen=True)
class EncodedRow:
    """One text's tokens, the characters (start, end) of each, and 1 for those that were added to it."""

    tokens: list[int]
    spans: Spans
    special: list[int]


def encoding_of(
    rows: list[EncodedRow],
    plan: LengthPlan,
    pad_token: int,
    single: bool,
    *,
    return_tensors: str | None,
    names: Mapping[str, bool],
    spell: Callable[[int], str | None],
    more: Mapping[str, list[list[int]]] | None = None,
) -> BatchEncoding:
    """The encoding of rows, with the columns whose `names` are true and the ready ones in `more`. A
    `single` row is not put in a batch of one unless it becomes a tensor."""
    length = padded_length([len(row.tokens) for row in rows], plan)

    def column(values: list[list[Any]], filler: Any) -> list[list[Any]]:
        return [pad_row(row, length, filler, plan.side) for row in values]

    spans = column([row.spans for row in rows], (0, 0))
    columns: dict[str, list[Any]] = {"input_ids": column([row.tokens for row in rows], pad_token)}
    if names.get("token_type_ids"):
        columns["token_type_ids"] = column([[0] * len(row.tokens) for row in rows], 0)
    if names.get("attention_mask"):
        columns["attention_mask"] = column([[1] * len(row.tokens) for row in rows], 0)
    if names.get("special_tokens_mask"):
        columns["special_tokens_mask"] = column([row.special for row in rows], 1)
    if names.get("offset_mapping"):
        columns["offset_mapping"] = spans
    if names.get("length"):
        columns["length"] = [len(row) for row in columns["input_ids"]]
    for name, values in (more or {}).items():
        columns[name] = column(values, 0)
    if single and return_tensors is None:
        return BatchEncoding({name: values[0] for name, values in columns.items()}, spans, spell)
    return BatchEncoding({name: to_kind(values, return_tensors) for name, values in columns.items()}, spans, spell)


def pad_encodings(
    encoded: Any, plan: LengthPlan, pad_token: int, attention_mask: bool, return_tensors: str | None
) -> BatchEncoding:
    """Encodings made one by one (a list of mappings, or one mapping of lists) padded to one length. UsageError for
    anything without input_ids."""
    if isinstance(encoded, (list, tuple)) and encoded and all(isinstance(each, Mapping) for each in encoded):
        encoded = {name: [each[name] for each in encoded] for name in encoded[0]}
    if not isinstance(encoded, Mapping) or "input_ids" not in encoded:
        raise UsageError("pad() needs input_ids: pass what calling this tokenizer returns, or a list of such.")
    if return_tensors is None and is_torch(encoded["input_ids"]):
        return_tensors = "pt"
    columns = {name: to_lists(values) for name, values in encoded.items()}
    single = bool(columns["input_ids"]) and not isinstance(columns["input_ids"][0], list)
    if single:
        columns = {name: [values] for name, values in columns.items()}
    target = padded_length([len(row) for row in columns["input_ids"]], plan)
    if attention_mask:
        columns.setdefault("attention_mask", [[1] * len(row) for row in columns["input_ids"]])
    fillers = {"input_ids": pad_token, "special_tokens_mask": 1}
    data = {
        name: [pad_row(row, target, fillers.get(name, 0), plan.side) for row in values]
        for name, values in columns.items()
    }
    if single and return_tensors is None:
        return BatchEncoding({name: rows[0] for name, rows in data.items()})
    return BatchEncoding({name: to_kind(rows, return_tensors) for name, rows in data.items()})


def assistant_mask(row: EncodedRow, assistant: Spans) -> list[int]:
    """1 for tokens that hold characters of the assistant's spans, as transformers marks them."""
    mask = [0] * len(row.tokens)
    for start, end in assistant:
        first = _token_at(row.spans, start)
        if first is None:
            break  # cut off by truncation
        last = _token_at(row.spans, end - 1)
        for index in range(first, last + 1 if last else len(mask)):
            mask[index] = 1
    return mask


def _token_at(spans: Spans, character: int) -> int | None:
    return next((index for index, (start, end) in enumerate(spans) if start <= character < end), None)
