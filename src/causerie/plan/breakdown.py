"""Where the time of a step goes: its instructions, timed in several runs, added up by what they do. Knows no model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from causerie.backends.instruction_time import InstructionTime

_LAYER = re.compile(r"\blayers\.\d+\.")


@dataclass(frozen=True)
class InstructionGroup:
    """All instructions of one kind in a step."""

    kind: str  # "linear ffn.gate ffn.up (int8)", "attention", …
    count: int
    seconds: float
    nbytes: int  # of weights and cache that they read


def breakdown(runs: Sequence[Sequence[InstructionTime]]) -> list[InstructionGroup]:
    """The kinds of instructions, the costliest first. Each run lists the same instructions in the same order, and of
    each the quickest time counts: on a busy machine the others measure the neighbours."""
    parts: dict[str, InstructionGroup] = {}
    for same in zip(*runs, strict=True):
        kind = " ".join([same[0].operation, *_LAYER.sub("", same[0].detail).split()])
        before = parts.get(kind, InstructionGroup(kind, 0, 0.0, 0))
        seconds = before.seconds + min(each.seconds for each in same)
        parts[kind] = InstructionGroup(kind, before.count + 1, seconds, before.nbytes + same[0].nbytes)
    return sorted(parts.values(), key=lambda part: -part.seconds)
