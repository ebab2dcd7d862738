"""How models mark what they say to themselves: pairs of texts, chosen from a template.

Knows no stream; parse.py reads one with these.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class ReasoningFormat:
    """What opens and closes reasoning; a template shows it by either, or by all of `signs`. With `holds_calls` a model
    calls tools in the midst of it, and goes on."""

    opener: str
    closer: str
    signs: tuple[str, ...] = ()
    holds_calls: bool = False

    def is_shown_by(self, template: str) -> bool:
        """Whether a chat template writes or looks for these markers."""
        named = bool(self.signs) and all(sign in template for sign in self.signs)
        return named or self.opener in template or self.closer in template

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
    ReasoningFormat("<think:opensource>", "</think:opensource>", signs=("':opensource'", "<think{}>")),
    ReasoningFormat("<|inner_prefix|>", "<|inner_suffix|>", holds_calls=True),
)


def reasoning_of(template: str) -> ReasoningFormat | None:
    """The markers that a template writes or looks for; None where there are none."""
    return next((each for each in REASONING_FORMATS if each.is_shown_by(template)), None)
