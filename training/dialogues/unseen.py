"""Wordings that no training dialogue has: the held-out question forms of every kind, which only evaluations use.

They were written after the training data were finished. Whoever reads mistakes on them to improve the data moves them
there, writes new ones here and raises `phrasing.DRAW`.
"""

from __future__ import annotations

FORMS: dict[str, tuple[str, ...]] = {
    "act": (
        "what would be the way for me to {x}?", "could somebody explain how to {x}?", "I have no clue how to {x}", "which steps are needed to {x}?", "what is required if I wish to {x}?",
        "in what way can I {x}?", "how is it possible for me to {x}?", "please guide me: how to {x}",
    ),
    "thing": (
        "would you explain {x} in a sentence?", "I never heard of {x}, what is that?", "people mention {x} a lot, what do they mean?", "what purpose does {x} serve?", "can you give a definition of {x}?",
        "what idea is behind {x}?", "how should I imagine {x}?", "what am I to understand by {x}?",
    ),
    "error": (
        "my run ended with {x}, what can I do?", "any idea why I was shown {x}?", "the screen shows {x} and nothing works", "how is the error {x} solved?", "I am stuck with {x}",
    ),
    "flag": (
        "what influence has {x}?", "for what would somebody need {x}?", "which effect can I expect from {x}?", "there is a parameter called {x}, what is that?", "could you clarify what {x} does?",
    ),
    "why": (
        "can you give me the cause: why {x}?", "what is the explanation if {x}?", "people say that {x}, but why?", "I would love to understand why {x}",
    ),
    "versus": (
        "what sets {x} apart?", "how would you compare {x}?", "in a few words, how do {x} differ from each other?",
    ),
}

FOLLOW: dict[str, tuple[str, ...]] = {
    "more": ("I am curious, what else belongs to it?", "please broaden your explanation"),
    "shorter": ("make a one-liner of it", "that needs to be cut to the bone"),
    "example": ("do you know a case where that applies?", "help me with a sample"),
    "why": ("what is it due to?", "please give the motive"),
    "how": ("what would the commands be?", "how does somebody put that to work?"),
    "other": ("then comes {x}, please", "and your words on {x}?"),
    "set": ("how would the whole line be with it?", "please demonstrate how I pass it"),
}

ASK_MEMORY = (
    "please estimate the memory of a {s} model in {p}", "a {s} model with {p} weights: how many GB is that?", "what do I need in RAM for {s} at {p}?",
    "how heavy is a {s} model when it is in {p}?", "can you work out the size of {s} in {p}?",
)
FIT = ("would a {s} model at {p} go into {g} GB?", "there are {g} GB in my machine, will {s} in {p} run?")
NEXT_PRECISION = ("once more, this time {p}", "how would {p} change that?", "and after going to {p}?")
NEXT_SIZE = ("once more, this time {s}", "and should I pick {s}?", "how does that change for {s}?")
ASK_SUM = ("could you reckon {e}?", "I need the result of {e}", "help me with {e}", "what number is {e}?")
NEXT_SUM = {"+": ("let it grow by {b}", "and with an additional {b}?"), "-": ("let it shrink by {b}", "and after {b} are gone?")}
ASK_NAME = ("by what name do you know me?", "please say what my name is", "can you recall how I am called?")
LAST_QUESTION = ("which question did I put to you just now?", "what exactly was my last question?")
LAST_ANSWER = ("please give your previous answer once more", "what was it that you answered?")
