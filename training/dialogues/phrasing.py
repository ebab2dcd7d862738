"""How a question can be worded: a small grammar of alternatives, and the noise of real typing.

It knows words only, nothing of topics or answers. All randomness comes from the generator that is passed in.
Grammar: `[a|b|c]` is one of the alternatives (may nest, may be empty); everything else is itself.
"""

from __future__ import annotations

import re
import zlib
from random import Random

_INNERMOST = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
_WORD = re.compile(r"[A-Za-z]{5,}")
_QUOTED = re.compile(r"`[^`]*`|\"[^\"]*\"|\S*[\d_/=().@-]\S*")

OPENERS = ("hi, ", "hello, ", "hey, ", "ok, ", "so ", "ok so ", "please, ", "excuse me, ", "question: ", "quick question: ",
           "sorry, ", "and ", "well, ", "hey there, ", "good morning, ", "one more thing: ", "i wonder, ", "now ",
           "just curious, ", "um, ", "alright, ", "hmm ")
CLOSERS = (" please", " thanks", ", thank you", ", please", " here", " again", " in Causerie", " exactly", " then", " now",
           ", friend", " for me")


def expand(grammar: str, rng: Random) -> str:
    """One random sentence of the grammar."""
    while True:
        found = _INNERMOST.search(grammar)
        if not found:
            return re.sub(r"  +", " ", grammar).strip()
        grammar = grammar[: found.start()] + rng.choice(found[1].split("|")) + grammar[found.end():]


def bucket(*parts: object, of: int) -> int:
    """A stable number in [0, of) for a combination: the same in every run, so that held-out combinations stay held out."""
    return zlib.crc32("\x1f".join(map(str, parts)).encode()) % of


def typo(word: str, rng: Random) -> str:
    """One slip of the finger inside a word: two letters swapped, one dropped, or one doubled."""
    at = rng.randrange(1, len(word) - 1)
    kind = rng.random()
    if kind < 0.4:
        return word[:at] + word[at + 1] + word[at] + word[at + 2:]
    return word[:at] + word[at + 1:] if kind < 0.7 else word[:at] + word[at] + word[at:]


def mistype(text: str, rng: Random) -> str:
    """A slip in one word of five letters or more, never in a command, a number or a quotation."""
    taken = [found.span() for found in _QUOTED.finditer(text)]
    words = [w for w in _WORD.finditer(text) if not any(a <= w.start() < b for a, b in taken)]
    if not words:
        return text
    word = rng.choice(words)
    return text[: word.start()] + typo(word[0], rng) + text[word.end():]


def telegraphic(text: str, rng: Random) -> str:
    """The question with some of its small words left out, as one types into a search box."""
    words = text.split(" ")
    kept = [word for word in words if word.lower() not in SMALL or rng.random() < 0.3]
    return " ".join(kept) if len(kept) > 1 else text


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def noisy(text: str, rng: Random, plain: float = 0.35) -> str:
    """The question as somebody types it. With probability `plain` only its first letter is made a capital."""
    if rng.random() < plain:
        return capital(text)
    if rng.random() < 0.12:
        text = rng.choice(OPENERS) + text
    if rng.random() < 0.08:
        stem = text.rstrip("?.! ")
        text = stem + rng.choice(CLOSERS) + text[len(stem):]
    if rng.random() < 0.10:
        text = mistype(text, rng)
    if rng.random() < 0.05:
        text = telegraphic(text, rng)
    if rng.random() < 0.04:
        text = rng.choice(PREFACES) + capital(text)
    if rng.random() < 0.45:
        text = text.rstrip("?. ") or text
    elif rng.random() < 0.08:
        text += rng.choice(("?", "??", "!", " ?", "..."))
    style = rng.random()
    if style < 0.5:
        return capital(text)
    if style < 0.95 or re.search(r"\d[bB]\b|`", text):
        return text if rng.random() < 0.5 else lower_prose(text)
    return text.upper() if len(text) < 40 and not _QUOTED.search(text) else text


def lower_prose(text: str) -> str:
    """Lower case, but commands, numbers and quotations stay as they are."""
    kept = {found.start(): found[0] for found in _QUOTED.finditer(text)}
    low = text.lower()
    for start, part in kept.items():
        low = low[:start] + part + low[start + len(part):]
    return low


SMALL = frozenset(("the", "a", "an", "do", "does", "i", "is", "to", "of", "me", "you", "it", "can", "please", "are", "in", "my", "about", "would", "could", "should"))
PREFACES = ("I am new here. ", "I have a question. ", "I use Linux. ", "I use a Mac. ", "I have a small laptop. ", "I am a beginner. ", "I read the manual, but I am lost. ",
            "I work with Python. ", "Thanks for that. ", "Good, next question. ", "I don't know much about this. ", "Something else. ", "Sorry to ask. ", "Another question. ",
            "I am writing a text about it. ", "You seem to know. ", "I am stuck. ", "I tried a lot. ", "It is urgent. ", "I am on Windows. ", "One last thing. ", "I am curious. ")


_ONSETS = ("b", "br", "ch", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p", "pr", "r", "s", "st", "t",
           "tr", "v", "w", "z", "th", "sh", "")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "io", "ou")
_CODAS = ("", "", "", "n", "r", "s", "l", "t", "m", "x", "nd", "ck", "ng")


def invented(rng: Random, syllables: int | None = None) -> str:
    """A word that does not exist: stands for everything that training cannot name."""
    count = syllables or rng.choice((1, 2, 2, 2, 3, 3))
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(count))
