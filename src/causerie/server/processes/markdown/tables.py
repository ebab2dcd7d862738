"""The alignment of a table's cells, by classes: what the model says, and columns of numbers to the right.

A rule for markdown-it; knows no page.
"""

from __future__ import annotations

import re

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

_CLASSES = {"text-align:right": "r", "text-align:center": "m"}
_LONGEST = 24  # characters of a cell that is a number
_UNIT = r"[%‰€$£¥°×]|°?[^\W\d_]{1,4}(/[^\W\d_]{1,3})?"
_NUMBER = re.compile(rf"[~≈<>≤≥±+\-−]?\s?[$€£¥]?\s?\d[\d.,'\s]*({_UNIT})?")
_NONE = {"", "-", "–", "—", "n/a", "N/A", "?"}

Cell = tuple[Token, str]


def align_cells(state: StateCore) -> None:
    """Gives the cells of all tables their classes, and takes their styles, which are not let through."""
    rows: list[list[Cell]] = []
    for place, token in enumerate(state.tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append((token, state.tokens[place + 1].content.strip("*_` ")))
        elif token.type == "table_close":
            for head, *body in zip(*rows, strict=False):
                _align(head, body)
            rows = []


def _align(head: Cell, body: list[Cell]) -> None:
    style, numbers = str(head[0].attrs.get("style", "")), _numbers([text for _, text in body])
    kinds = [_CLASSES.get(style, "") if style else "r" if numbers else "", "n" if numbers else ""]
    for token, _ in (head, *body):
        token.attrs.pop("style", None)
        if any(kinds):
            token.attrSet("class", " ".join(filter(None, kinds)))


def _numbers(texts: list[str]) -> bool:
    """Whether these are numbers, some with a unit, some absent."""
    present = [text for text in texts if text not in _NONE]
    return bool(present) and all(len(text) <= _LONGEST and _NUMBER.fullmatch(text) for text in present)
