"""Prompts as callers bring them (lists, numpy arrays, torch tensors; padded, with a mask) and answers in the same kind.

Knows token ids and their container; no text, no model and no flags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.api.tensors import is_torch, is_torch_imported, to_numpy, to_torch
from causerie.errors import UsageError


@dataclass(frozen=True)
class Container:
    """What the caller brought tokens in: "list", "numpy" or "torch" (then with the tensor's device)."""

    kind: str
    device: Any = None

    @staticmethod
    def of(value: Any) -> Container:
        """The container that `value` is."""
        if is_torch(value):
            return Container("torch", value.device)
        return Container("numpy" if isinstance(value, np.ndarray) else "list")

    @staticmethod
    def of_new(device: str) -> Container:
        """For tokens that nobody brought: a tensor on this device where torch is imported, else an array."""
        return Container("torch", device) if is_torch_imported() else Container("numpy")

    def array(self, values: NDArray[Any]) -> Any:
        """An array in the caller's kind; for lists numpy, which has shapes too."""
        return to_torch(values).to(self.device) if self.kind == "torch" else values

    def batch(self, rows: Sequence[Sequence[int]], pad: int) -> Any:
        """Rows of tokens: arrays are filled up on the right with `pad`, lists keep their own lengths."""
        if self.kind == "list":
            return [list(row) for row in rows]
        width = max((len(row) for row in rows), default=0)
        filled = np.full((len(rows), width), pad, dtype=np.int64)
        for index, row in enumerate(rows):
            filled[index, : len(row)] = row
        return self.array(filled)


@dataclass(frozen=True)
class Prompts:
    """A batch of prompts: its rows as they came, padding included, and for each the columns that hold its tokens."""

    rows: tuple[tuple[int, ...], ...]
    columns: tuple[tuple[int, ...], ...]
    container: Container

    @property
    def tokens(self) -> list[list[int]]:
        """The tokens that count, row by row."""
        return [[row[i] for i in places] for row, places in zip(self.rows, self.columns, strict=True)]

    @property
    def width(self) -> int:
        """Length of the longest row as it came."""
        return max(len(row) for row in self.rows)

    @property
    def longest(self) -> int:
        """Tokens that count of the row that has most of them."""
        return max(map(len, self.columns))

    @staticmethod
    def read(input_ids: Any, attention_mask: Any = None, *, vocab: int, pad: int | None = None) -> Prompts:
        """Reads one prompt (a flat list) or a batch. Where the mask is 0 there is no token; without a mask tokens equal
        to `pad` are padding (pass None where that token can mean something). Raises UsageError."""
        rows = _rows("input_ids", input_ids)
        for index, row in enumerate(rows):
            outside = next((token for token in row if not 0 <= token < vocab), None)
            if outside is not None:
                raise UsageError(
                    f"input_ids holds token {outside} in row {index}; this model's tokens are 0 to {vocab - 1}. "
                    "Is the tokenizer another model's?"
                )
        columns = _columns(rows, attention_mask, pad)
        for index, places in enumerate(columns):
            if not places:
                raise UsageError(f"Row {index} of input_ids has no token that counts; give every prompt at least one.")
        return Prompts(rows, columns, Container.of(input_ids))


def _rows(name: str, value: Any, kind: type = Integral) -> tuple[tuple[Any, ...], ...]:
    """Rows of numbers: whole ones, or with Real as their kind also floats and truths."""
    if isinstance(value, np.ndarray) or is_torch(value):
        array = to_numpy(value)
        if array.dtype.kind not in ("iub" if kind is Integral else "iubf"):
            raise UsageError(f"{name} holds {array.dtype} numbers; tokens are integers, as the tokenizer returns them.")
        if array.ndim != 2:
            raise UsageError(f"{name} has shape {tuple(array.shape)}; expected [prompts, tokens].")
        if array.shape[0] == 0:
            raise UsageError(f"{name} has shape {tuple(array.shape)}: no prompt at all.")
        return tuple(tuple(row) for row in array.tolist())
    if isinstance(value, str):
        raise UsageError(f"{name} is a text, {value[:40]!r}; expected token ids. Call tokenizer(text) first.")
    if isinstance(value, list | tuple) and not value:
        raise UsageError(f"{name} is an empty list: no prompt at all.")
    if not isinstance(value, list | tuple):
        raise UsageError(f"{name} is {type(value).__name__}; expected lists of token ids, a numpy array or a tensor.")
    batch = value if isinstance(value[0], list | tuple) else [value]
    for row in batch:
        if not isinstance(row, list | tuple) or not all(
            isinstance(each, kind) and not (kind is Integral and isinstance(each, bool)) for each in row
        ):
            raise UsageError(f"{name} holds something else than lists of whole numbers: {str(row)[:60]}.")
    return tuple(tuple(map(int, row)) if kind is Integral else tuple(row) for row in batch)  # numpy's integers too


def _columns(rows: tuple[tuple[int, ...], ...], attention_mask: Any, pad: int | None) -> tuple[tuple[int, ...], ...]:
    """For each row, which of its columns hold tokens that count."""
    if attention_mask is None:
        padded = pad is not None and any(pad in row for row in rows)
        return tuple(tuple(i for i, token in enumerate(row) if not padded or token != pad) for row in rows)
    mask = _rows("attention_mask", attention_mask, Real)
    if [len(row) for row in mask] != [len(row) for row in rows]:
        raise UsageError(
            f"attention_mask has rows of {sorted({len(row) for row in mask})} tokens ({len(mask)} rows) and input_ids "
            f"of {sorted({len(row) for row in rows})} ({len(rows)} rows); pass both as the tokenizer returned them."
        )
    strange = next((value for row in mask for value in row if value not in (0, 1)), None)
    if strange is not None:
        raise UsageError(
            f"attention_mask holds {strange}; expected 1 where there is a token and 0 where there is none."
        )
    return tuple(tuple(i for i, bit in enumerate(row) if bit) for row in mask)
