"""How values are written where they are not JSON: Python's literals, and Gemma's, whose texts stand between marks.

Knows no schema; rules.py writes a value of one with these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ESCAPE = r"\\(?:[\\\"'nrtbf]|u[0-9a-fA-F]{4})"
_PYTHON_TEXT = rf"""/"(?:[^"\\\n]|{_ESCAPE})*"|'(?:[^'\\\n]|{_ESCAPE})*'/"""
_INTEGER = "/-?(?:0|[1-9][0-9]{0,30})/"
_NUMBER = r"/-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?/"


@dataclass(frozen=True)
class Notation:
    """`terminals` are regular expressions of each kind of JSON's schemas that is no list or object, and of a "key".
    A text stands between two `mark`; where that is empty, it is a terminal too. Keys come in their order of letters
    where `sorted_keys`."""

    name: str
    terminals: Mapping[str, str]
    mark: str = ""
    sorted_keys: bool = False

    def key(self, key: str) -> str:
        """A key of an object, as it is written."""
        return key if self.mark else json.dumps(key)

    def choice(self, value: Any) -> str:
        """One of the values that a schema lists, as it is written."""
        if isinstance(value, str):
            return f"{self.mark}{value}{self.mark}" if self.mark else json.dumps(value)
        return json.dumps(value) if self.mark else repr(value)


PYTHON = Notation(
    "PYTHON",
    {
        "string": _PYTHON_TEXT,
        "integer": _INTEGER,
        "number": _NUMBER,
        "boolean": "/True|False/",
        "null": "/None/",
        "key": _PYTHON_TEXT,
    },
)
MARKED = Notation(
    "MARKED",
    {
        "integer": _INTEGER,
        "number": _NUMBER,
        "boolean": "/true|false/",
        "null": "/null|None/",  # the template writes None, and models learn it
        "key": r"/[^:,{}\[\]<>\"'\s]{1,100}/",
    },
    mark='<|"|>',
    sorted_keys=True,
)
