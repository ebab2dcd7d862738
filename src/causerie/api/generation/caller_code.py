"""The code that callers of generate() bring, criteria and processors alike: one or several, what they are called, and
what kind of array they are asked with. Knows no engine and no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from causerie.api.generation.prompt_rows import Container
from causerie.errors import UsageError

_THEIRS = "transformers."


def callables_of(argument: str, code: Any) -> list[Any]:
    """One, or several in anything that can be iterated over; none of None. Raises UsageError for what cannot be
    called."""
    if code is None:
        return []
    several = list(code) if hasattr(code, "__iter__") else [code]
    for each in several:
        if not callable(each):
            raise UsageError(f"{argument} holds {each!r}; expected callables of (input_ids, scores).")
    return several


def name_of(code: Any) -> str:
    """As its author would call it."""
    return str(getattr(code, "__name__", type(code).__name__))


def kind_for(code: Sequence[Any], prompts: Container) -> Container:
    """What such code is asked with, on the CPU. Of prompts that came as lists the field makes tensors; so it is here,
    where torch is imported. What is transformers', or made from one of its classes, computes with torch."""
    if any(kind.__module__.startswith(_THEIRS) for each in code for kind in type(each).__mro__):
        return Container("torch", "cpu")
    return Container.of_new("cpu") if prompts.kind == "list" else Container(prompts.kind, "cpu")
