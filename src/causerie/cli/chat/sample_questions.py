"""Two questions to begin with, which suit a model as far as its name says what it is for. Knows no model."""

from __future__ import annotations

import re

from causerie.api.library.model_names import BUILTIN

_PROGRAM = ("How do I set the temperature?", "What is a token?")
_KINDS = (
    (re.compile(r"cod(e|er|ing|estral)|starcoder|program", re.IGNORECASE),
     ("Merge two sorted lists in Python.", "What does git rebase do?")),
    (re.compile(r"math", re.IGNORECASE),
     ("How many zeros does 100! end in?", "Why is √2 irrational?")),
    (re.compile(r"med(ical|gemma|i?tron)|bio", re.IGNORECASE),
     ("What does an ECG show?", "How do vaccines work?")),
)  # fmt: skip
_ANYTHING = ("Why does a bicycle not fall over?", "Thank a neighbour in a letter.")


def sample_questions(model: str) -> tuple[str, str]:
    """Two questions for the model of this name: of the built-in one about the program."""
    if model == BUILTIN:
        return _PROGRAM
    name = model.rstrip("/").rpartition("/")[2]
    return next((questions for words, questions in _KINDS if words.search(name)), _ANYTHING)
