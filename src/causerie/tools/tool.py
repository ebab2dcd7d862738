"""A tool of some server, as a model is told of it, and what came of a call. Data types, and how tools are named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

MOST_ROUNDS = 10
"""Answers in a row that may call tools before the user is asked again: a model can go round in circles."""
MOST_NAME = 64  # characters, as protocols and chat templates have them
_STRANGE = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True)
class Tool:
    """One tool. `name` is what a model calls it, `own_name` what its server does; `reads_only` says that it changes
    nothing, as far as its server says."""

    name: str
    server: str
    own_name: str
    description: str
    parameters: dict[str, Any]
    reads_only: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """The tool as chat templates are told of it."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}


@dataclass(frozen=True)
class ToolResult:
    """What came of a call: a text for the model. `failed` says that it tells of a fault, `cut` that there was more."""

    text: str
    failed: bool = False
    cut: bool = False
    seconds: float = 0.0


def tool_name(server: str, own_name: str, others: Collection[str] = ()) -> str:
    """`server.tool` in the characters and the length that models' formats allow, and unlike all `others`."""
    plain = _STRANGE.sub("_", f"{server}.{own_name}")
    if len(plain) <= MOST_NAME and plain not in others:
        return plain
    mark = hashlib.sha256(f"{server}\0{own_name}".encode()).hexdigest()[:6]
    return f"{plain[: MOST_NAME - 7]}_{mark}"
