"""An answer as a row of blocks (reasoning, text, calls of tools), which the newer protocols stream one after the other.

Pure: pieces in, what opens, grows and closes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from causerie.server.processes.jobs import Call, Piece

BlockKind = Literal["reasoning", "text", "call"]
Change = Literal["open", "more", "close"]


@dataclass
class Block:
    """One block. `text` is what it holds so far; of a call its arguments."""

    index: int
    kind: BlockKind
    text: str = ""
    call: Call | None = None


class Blocks:
    """The blocks of one answer while its pieces come."""

    def __init__(self) -> None:
        self.all: list[Block] = []
        self._open: Block | None = None

    def read(self, piece: Piece) -> list[tuple[Change, Block, str]]:
        """What a piece changes: each change with its block and, of `more`, the text that came."""
        changes = self._more("reasoning", piece.reasoning) + self._more("text", piece.text)
        for call in piece.calls:
            changes += self.finish()
            block = Block(len(self.all), "call", call=call)
            self.all.append(block)
            changes += [("open", block, ""), ("more", block, call.arguments), ("close", block, "")]
            block.text = call.arguments
        return changes

    def finish(self) -> list[tuple[Change, Block, str]]:
        """Closes what is open."""
        block, self._open = self._open, None
        return [] if block is None else [("close", block, "")]

    def _more(self, kind: BlockKind, text: str) -> list[tuple[Change, Block, str]]:
        if not text:
            return []
        changes: list[tuple[Change, Block, str]] = []
        block = self._open
        if block is None or block.kind != kind:
            changes += self.finish()
            self._open = block = Block(len(self.all), kind)
            self.all.append(block)
            changes.append(("open", block, ""))
        block.text += text
        return [*changes, ("more", block, text)]
