"""Values rebuilt from plain JSON types before a template sees them.

A chat template is code from a stranger, and objects have methods that a sandbox cannot judge; lists, dicts, texts and
numbers have none that matter. The rules (what becomes what) are those of transformers 5.23, so that templates render
alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from causerie.errors import UsageError

_DEEPEST = 200


def plain_data(value: Any, _depth: int = 0) -> Any:
    """A fresh copy of `value` in None, bool, int, float, str, list, tuple and dict; anything else becomes the text
    `<its type's name>`. UsageError if it is nested deeper than 200 levels (or contains itself)."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if _depth > _DEEPEST:
        raise UsageError(f"A message, tool or document is nested deeper than {_DEEPEST} levels. Make it flatter.")
    below = _depth + 1
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, Mapping):
        return {plain_data(key, below): plain_data(item, below) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_data(item, below) for item in value]
    if isinstance(value, tuple):
        return tuple(plain_data(item, below) for item in value)
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () and hasattr(value, "item"):
        return plain_data(value.item(), below)  # a numpy scalar
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain_data(getattr(value, field.name), below) for field in fields}
    dump = getattr(value, "model_dump", None)
    if callable(dump):  # a pydantic model
        return plain_data(dump(), below)
    return f"<{type(value).__name__}>"


def map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of plain data with `change` applied to every text in it that is not a key."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: map_texts(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map_texts(item, change) for item in value)
    return value
