"""Wordings that no training dialogue has: the held-out question forms of every kind, which only evaluations use.

They were written by someone who had not seen the training data, and no mistake on them has been read. Whoever
reads mistakes on them to improve the data moves them there, has new ones written here and raises `phrasing.DRAW`.
"""

from __future__ import annotations

FORMS: dict[str, tuple[str, ...]] = {
    "act": (
        "what would be the way for me to {x}?",
        "could you walk me through it, I would like to {x}",
        "I'm trying to {x}, what should I type?",
        "is there a command that lets me {x}?",
        "suppose I want to {x}; what do I have to do?",
        "any idea how one can {x}?",
        "what are the steps if I need to {x}?",
    ),
    "thing": (
        "could you give me a short definition of {x}?",
        "I keep reading about {x}, what does that mean?",
        "what should I understand by {x}?",
        "I have never heard of {x}, can you explain?",
        "what do people mean when they say {x}?",
        "please describe {x} for a beginner",
    ),
    "error": (
        "causerie stopped and said \"{x}\". How can I fix this?",
        "I keep getting this: {x}. what should I do about it?",
        "what went wrong when the message says: {x}?",
        "there was an error, {x}, what is the remedy?",
        "on my screen it says \"{x}\", what does it want from me?",
    ),
    "flag": (
        "could you explain what {x} is good for?",
        "I saw {x} in the help, what does it control?",
        "what effect does {x} have on the answer?",
        "when would somebody use {x}?",
    ),
    "why": (
        "can you explain to me why {x}?",
        "do you know the reason why {x}?",
        "I was wondering why {x}, could you say?",
    ),
    "versus": (
        "how would you tell apart {x}?",
        "I mix up {x}, can you compare them?",
        "in what way do {x} differ from each other?",
    ),
}

FOLLOW: dict[str, tuple[str, ...]] = {
    "more": (
        "could you go into a bit more detail about that?",
        "I would like to hear more on this",
    ),
    "shorter": (
        "can you put that more briefly?",
        "say it again in fewer words please",
    ),
    "example": (
        "could you show me an example of that?",
        "what would that look like, for instance?",
    ),
    "why": (
        "and what is the reason for that?",
        "why is that so?",
    ),
    "how": (
        "and how would I go about doing that?",
        "okay, what do I have to type to do that?",
    ),
    "other": (
        "and could you tell me the same about {x}?",
    ),
    "set": (
        "how exactly do I write that flag?",
        "and what is the spelling of that flag on the command line?",
    ),
}

ASK_MEMORY = (
    "how many gigabytes would a {s} model take up in {p}?",
    "I want to load a {s} model in {p}, how much RAM should I have?",
    "what is the memory footprint of {s} parameters at {p}?",
    "if I keep a {s} model in {p}, how much memory goes to the weights?",
)
FIT = (
    "could I squeeze a {s} model in {p} into {g} GB of memory?",
)
NEXT_PRECISION = (
    "and what would it be in {p} instead?",
    "how much if I take {p}?",
    "now the same model with {p} please",
)
NEXT_SIZE = (
    "and how much would a {s} model need?",
    "what if the model were {s} instead?",
    "now the same for {s} please",
)
ASK_SUM = (
    "could you work out {e} for me?",
    "please tell me the result of {e}",
    "I need to know how much {e} makes",
)
NEXT_SUM = {"+": (
    "now add another {b} to that",
    "and if you put {b} on top?",
), "-": (
    "now subtract {b} from that",
    "and if you take {b} off the result?",
)}
ASK_NAME = (
    "can you still tell me what I am called?",
    "which name did I give you for myself?",
    "do you recall my name?",
)
LAST_QUESTION = (
    "what was it that I asked you a moment ago?",
    "can you repeat my previous question?",
)
LAST_ANSWER = (
    "could you repeat your last answer for me?",
    "I missed that, what did you just answer?",
)
