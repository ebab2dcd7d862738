"""Reads `key=value` words into Python values. Knows the grammar of a value and no flag's name.

True false None null      booleans and nothing, in any case
7 -3 1e-3 .5 1_000        whole numbers and numbers
[1, 2] {"a": [1]} (1, 2)  nested lists and mappings, as JSON or as Python writes them
"two words" 'x'           text in quotes, with the usual escapes
anything else             that text
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable

from causerie.errors import UsageError

FlagValue = None | bool | int | float | str | list["FlagValue"] | dict["FlagValue", "FlagValue"]

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "none": None, "null": None}
_WHOLE = re.compile(r"[+-]?\d+(_\d+)*")
_NUMBER = re.compile(r"[+-]?(\d+(_\d+)*\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_OPENS = ("[", "{", "(", '"', "'")


def is_flag(word: str) -> bool:
    """Whether a word of the command line is a `key=value`."""
    return "=" in word


def flag_words(text: str) -> list[str]:
    """The `key=value` words of a line; a value in quotes or brackets may hold spaces."""
    words = re.findall(r"""(?:[^\s"'\[{]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\[[^\]]*\]|\{[^}]*\})+""", text)
    return [str(word) for word in words]


def parse_flags(words: Iterable[str]) -> dict[str, str]:
    """`["a=1", "b=x y"]` → `{"a": "1", "b": "x y"}`, values still as text. Raises UsageError for a word without `=`,
    a name that cannot be one, or a name given twice."""
    flags: dict[str, str] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.strip().removeprefix("--").replace("-", "_")
        if not equals:
            raise UsageError(f"{word!r} is not key=value. Flags look like max_new_tokens=200.")
        if not name.isidentifier():
            raise UsageError(f"{word!r} has no flag's name before the '='. Flags look like max_new_tokens=200.")
        if name in flags:
            raise UsageError(f"{name} is given twice, as {flags[name]!r} and as {text!r}; give it once.")
        flags[name] = text
    return flags


def parse_value(name: str, text: str) -> FlagValue:
    """The value that `text` writes. Raises UsageError, naming the flag, where a bracket or quote does not close."""
    text = text.strip()
    if text.casefold() in _WORDS:
        return _WORDS[text.casefold()]
    if _WHOLE.fullmatch(text):
        return _whole(name, text)
    if _NUMBER.fullmatch(text):
        return float(text)
    if text.startswith(_OPENS):
        return _nested(name, text)
    return text


def _whole(name: str, text: str) -> int:
    if len(text) > 40:  # Python refuses thousands of digits with an error of its own
        raise UsageError(f"{name} has a number of {len(text)} digits; 40 are the most.")
    return int(text)


def _nested(name: str, text: str) -> FlagValue:
    try:
        return _checked(name, json.loads(text))
    except (ValueError, RecursionError):
        pass
    try:
        return _checked(name, ast.literal_eval(text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        raise UsageError(
            f"{name}={shown} opens with {text[0]!r} and is neither JSON nor a Python value; check its quotes and "
            f"brackets, and put the whole word in single quotes for the shell: '{name}={shown}'."
        ) from None


def _checked(name: str, value: object) -> FlagValue:
    """Tuples become lists; sets, bytes and other things Python can write are refused."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_checked(name, item) for item in value]
        case dict():
            return {_checked_key(name, key): _checked(name, item) for key, item in value.items()}
    raise UsageError(f"{name} has a {type(value).__name__}; values are text, numbers, lists and mappings.")


def _checked_key(name: str, key: object) -> FlagValue:
    if isinstance(key, tuple):  # sequence_bias has tuples of tokens as keys in the field; JSON writes pairs
        raise UsageError(f"{name} has a list as a key; write a list of pairs instead: [[[1, 2], -5.0]].")
    return _checked(name, key)
