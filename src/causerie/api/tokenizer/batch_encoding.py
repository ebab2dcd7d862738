"""What a tokenizer returns: a mapping of named rows (input_ids, attention_mask, …) that moves to a device as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from causerie.api.tensors import is_torch, to_kind, to_lists, to_torch
from causerie.errors import UsageError


class BatchEncoding(MutableMapping[str, Any]):
    """A mapping whose values are also attributes. `**encoding` works as for a dict; `spans` are the characters
    (start, end) of each row's tokens, where the text is known; `spell` is how the vocabulary spells an id."""

    is_fast = True

    def __init__(
        self,
        data: dict[str, Any],
        spans: list[list[tuple[int, int]]] | None = None,
        spell: Callable[[int], str | None] | None = None,
    ) -> None:
        self.data = data
        self._spans = spans
        self._spell = spell

    def __getitem__(self, key: str) -> Any:
        if key in self.data:
            return self.data[key]
        raise KeyError(f"{key!r} is not in this encoding; it has {', '.join(self.data)}")

    def __setitem__(self, key: str, value: Any) -> None:
        self.data[key] = value

    def __delitem__(self, key: str) -> None:
        del self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __getattr__(self, name: str) -> Any:
        data = self.__dict__.get("data", {})
        if name in data:
            return data[name]
        raise AttributeError(f"This encoding has no {name!r}; it has {', '.join(data) or 'nothing'}.")

    def __repr__(self) -> str:
        return repr(self.data)

    def to(self, device: Any, *, non_blocking: bool = False) -> BatchEncoding:
        """This encoding with its torch tensors on `device`. UsageError if it holds none."""
        if not any(is_torch(value) for value in self.data.values()):
            raise UsageError(".to(device) moves torch tensors and this encoding has none. Pass return_tensors='pt'.")
        for key, value in self.data.items():
            if is_torch(value):
                self.data[key] = to_torch(value).to(device, non_blocking=non_blocking)
        return self

    def convert_to_tensors(self, tensor_type: str | None = None) -> BatchEncoding:
        """This encoding with its lists as tensors of a kind ("pt", "np"); a single row becomes a batch of one."""
        for key, value in self.data.items():
            if isinstance(value, list):
                rows = value if not value or isinstance(value[0], list) else [value]
                self.data[key] = to_kind(rows if tensor_type is not None else value, tensor_type)
        return self

    def tokens(self, batch_index: int = 0) -> list[str | None]:
        """The tokens of a row, spelled as in the vocabulary. Raises UsageError where it is not known."""
        if self._spell is None:
            raise UsageError("The vocabulary of these tokens is not known. Use tokenizer.convert_ids_to_tokens(ids).")
        rows = to_lists(self.data["input_ids"])
        row = rows[batch_index] if rows and isinstance(rows[0], list) else rows
        return [self._spell(token) for token in row]

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> tuple[int, int] | None:
        """The characters (start, end) of a token of a row, by default of the first; None for one that was added to the
        text. Raises UsageError where the text is not known."""
        if self._spans is None:
            raise UsageError("The characters of these tokens are not known. Encode text to know them.")
        row, token = (0, batch_or_token_index) if token_index is None else (batch_or_token_index, token_index)
        start, end = self._spans[row][token]
        return (start, end) if end > start else None

    def char_to_token(self, row: int, character: int) -> int | None:
        """The token that holds a character of row `row`, None if none does."""
        if self._spans is None:
            raise UsageError("The characters of these tokens are not known. Encode text to know them.")
        for index, (start, end) in enumerate(self._spans[row]):
            if start <= character < end:
                return index
        return None
