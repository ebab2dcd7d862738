"""Whether an answer is right: reads the facts in it (numbers with units, commands, key words), not its wording.

It knows only texts. A fact is a piece of text that must occur, without regard to case; a tuple of them asks for one;
`#16 GB` is a number that must stand by itself (116 GB or 16.5 GB are wrong, 16.0 GB is right).
"""

from __future__ import annotations

import re

from training.dialogues.topic import Need

_COMMAND = re.compile(r"`([^`]+)`")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WORD = re.compile(r"[a-z_]{5,}")
REFUSAL = re.compile(r"do not know that|cannot do that|know only causerie|only small sums|too much for me")


def holds(answer: str, fact: str) -> bool:
    """Whether one fact is in the lower-case answer."""
    if not fact.startswith("#"):
        return fact.lower() in answer
    number, _, rest = re.sub(r"^= ", "", fact[1:].lower()).partition(" ")
    sign = "= " if fact.startswith("#= ") else ""
    pattern = rf"(?<![\d.]){sign}{re.escape(number)}(?:\.0)?{re.escape(' ' + rest) if rest else ''}(?![\d]|\.\d)"
    return re.search(pattern, answer) is not None


def satisfies(answer: str, need: Need) -> bool:
    low = answer.lower()
    return all(any(holds(low, one) for one in ((item,) if isinstance(item, str) else item)) for item in need)


def agrees(answer: str, expected: str, share: float = 0.6) -> bool:
    """For answers without listed facts: every command and number of the expected one, and most of its longer words."""
    low, goal = answer.lower(), expected.lower()
    if not all(part in low for part in _COMMAND.findall(goal)):
        return False
    if not set(_NUMBER.findall(goal)) <= set(_NUMBER.findall(low)):
        return False
    words = set(_WORD.findall(goal))
    return len(words & set(_WORD.findall(low))) >= share * len(words)


def refuses(answer: str) -> bool:
    return REFUSAL.search(answer.lower()) is not None


def right(answer: str, need: Need, expected: str, outside: bool = False) -> bool:
    """Whether the answer is right. A refusal is right only where the question is outside the field, or expected."""
    if outside:
        return refuses(answer)
    if refuses(answer) and not refuses(expected):
        return False
    return satisfies(answer, need) if need else agrees(answer, expected)
