"""How models mark what they say to themselves: pairs of texts, chosen from a template.

Knows no stream; parse.py reads one with these.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class ReasoningFormat:
    """What opens and closes reasoning."""

    opener: str
    closer: str

    def is_open(self, prompt: str, marks: Collection[str] = ()) -> bool:
        """Whether the end of a prompt has opened reasoning that it does not close. What stands before one of `marks`,
        which lie between the turns of a chat, opens nothing: somebody may only have asked about the marker."""
        _, opener, rest = prompt.rpartition(self.opener)
        return bool(opener) and self.closer not in rest and not any(mark in rest for mark in marks)


REASONING_FORMATS = (
    ReasoningFormat("<think>", "</think>"),
    ReasoningFormat("[THINK]", "[/THINK]"),
    ReasoningFormat("<seed:think>", "</seed:think>"),
    ReasoningFormat("<mm:think>", "</mm:think>"),
    ReasoningFormat("<thinking>", "</thinking>"),
    ReasoningFormat("<|START_THINKING|>", "<|END_THINKING|>"),
    ReasoningFormat("<|channel>thought", "<channel|>"),
)


def reasoning_of(template: str) -> ReasoningFormat | None:
    """The markers that a template writes or looks for; None where there are none."""
    return next((each for each in REASONING_FORMATS if each.opener in template or each.closer in template), None)
