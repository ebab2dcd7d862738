"""The words of `speculation=`, in loading as in generation, and the drafters that they name. Knows no drafter but by
its name, and no model."""

from __future__ import annotations

SPECULATION = ("auto", "off", "lookup", "shadow", "mtp")
"""auto: what the model was loaded with, and there what costs nothing and changes no answer by a bit; off: nothing;
lookup: what followed the last tokens where they occurred before, in the same text or in one that ended before it;
shadow: the model's own weights in fewer bits, which are loaded beside it where loading is told so, and then guess where
lookup does not; mtp: the head that a checkpoint ships for this, where it does (multi-token prediction)."""

_DRAFTERS: dict[str, tuple[str, ...]] = {"off": (), "lookup": ("lookup", "chats")}


def drafters_of(word: str | None) -> tuple[str, ...] | None:
    """By name those that may draft for a request; None where that is left to the model."""
    if word is None or word == "auto":
        return None
    return _DRAFTERS.get(word, (word,))
