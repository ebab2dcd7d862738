"""Calls of tools as another server streams them: each may come in pieces, told apart by their index.

Knows no connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart


class CallPieces:
    """What has come of an answer's calls."""

    def __init__(self) -> None:
        self._ids: dict[int, str] = {}
        self._names: dict[int, str] = {}
        self._arguments: dict[int, str] = {}

    def take(self, pieces: Iterable[Mapping[str, Any]]) -> None:
        """Some more of them: names and ids come whole, arguments grow."""
        for place, piece in enumerate(pieces):
            index, function = int(piece.get("index", place)), piece.get("function") or {}
            if piece.get("id"):
                self._ids[index] = str(piece["id"])
            if function.get("name"):
                self._names[index] = str(function["name"])
            self._arguments[index] = self._arguments.get(index, "") + str(function.get("arguments") or "")

    def calls(self) -> list[ToolCallPart]:
        """All of them."""
        return [
            ToolCallPart(name, self._arguments[index] or "{}", self._ids.get(index))
            for index, name in sorted(self._names.items())
        ]
