"""How a prompt differs from the text that a model read and wrote before it, and which change of the chat made it so.

What is the same from the beginning need not be read again; what stands elsewhere must be, though the words are the
same. Knows no model and no cache.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

Cause = Literal["system prompt", "messages", "variables", "template"]
"""What is not as it was: the system prompt; earlier messages; what the template is told beside them; or nothing of
these, and the template writes earlier messages otherwise, as those do that leave out old reasoning."""

_TAIL = 8
"""Tokens at the end of a text by which it is looked for in another."""


@dataclass(frozen=True)
class PromptText:
    """A chat as it was told a model: with the answer, once that was given."""

    tokens: Sequence[int]
    messages: Sequence[Mapping[str, Any]]
    variables: Mapping[str, Any]


@dataclass(frozen=True)
class PromptChange:
    """In tokens."""

    same: int  # from the beginning of both
    again: int  # after these, that the model knew in another place
    cause: Cause | None  # of the others; None where the new prompt only goes on, or is shorter


def prompt_change(before: PromptText, prompt: PromptText) -> PromptChange:
    """From what was read and written `before` to the `prompt` after it."""
    pairs = zip(before.tokens, prompt.tokens, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    if same == min(len(before.tokens), len(prompt.tokens)):
        return PromptChange(same, 0, None)
    old, new = before.tokens[same:], prompt.tokens[same:]
    again = max(_repeated(old, new), _repeated(new, old))
    return PromptChange(same, again, _cause(before, prompt))


def _repeated(ending: Sequence[int], text: Sequence[int]) -> int:
    """How many tokens at the end of one text stand somewhere in another."""
    sought = array("i", ending[-_TAIL:])
    width, key, where = sought.itemsize, sought.tobytes(), array("i", text).tobytes()
    place = where.rfind(key)
    while place >= 0 and place % width:
        place = where.rfind(key, 0, place + len(key) - 1)
    if place < 0:
        return 0
    ends = zip(reversed(ending), reversed(text[: place // width + len(sought)]), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], ends))


def _cause(before: PromptText, prompt: PromptText) -> Cause:
    old, new = list(before.messages), list(prompt.messages)
    if _system(old) != _system(new):
        return "system prompt"
    if any(one != other for one, other in zip(old, new, strict=False)):
        return "messages"
    return "variables" if before.variables != prompt.variables else "template"


def _system(messages: Sequence[Mapping[str, Any]]) -> object:
    return messages[0]["content"] if messages and messages[0]["role"] == "system" else None
