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

DRAW = 3
"""Which combinations are held out. Raised when somebody has read mistakes on those of the last draw, which are no longer unseen."""

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


def lines(text: str) -> tuple[str, ...]:
    """The lines of a text, stripped, without the empty ones: how long tables of grammars are written."""
    return tuple(line.strip() for line in text.strip().splitlines() if line.strip())


def bucket(*parts: object, of: int) -> int:
    """A stable number in [0, of) for a combination: the same in every run, so that held-out combinations stay held out."""
    return zlib.crc32("\x1f".join(map(str, (DRAW, *parts))).encode()) % of


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


def beside(text: str, rng: Random) -> str:
    """Sometimes something before or after the question that does not belong to it."""
    kind = rng.random()
    if kind < 0.08:
        return expand(rng.choice(PREFACES), rng).strip() + " " + capital(text)
    if kind < 0.10:
        return f"{rng.choice(('I am', 'This is', 'Greetings from', 'I come from', 'I work for'))} {invented(rng).title()}. {capital(text)}"
    if kind < 0.15:
        return f"{rng.choice(FILLERS)}, {text}"
    if kind < 0.21:
        stem = text.rstrip("?.! ")
        return f"{stem}{rng.choice((' ', ' ', ', '))}{expand(rng.choice(TAILS), rng)}{text[len(stem):]}"
    return text


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
    if rng.random() < 0.08:
        text = telegraphic(text, rng)
    text = beside(text, rng)
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
# What has nothing to do with the question: an unknown word alone must not make a question one outside the field.
PREFACES = (
    "I [am|was] [new|lost|stuck|curious|tired|confused|in a hurry|not an expert|a beginner|a newcomer|back|on holiday|at home]. ", "[I have|Here is|Next comes|One more:|Only] a question. ",
    "I [am|work as|used to be|want to be] a [teacher|student|doctor|nurse|writer|programmer|engineer|cook|gardener|driver|farmer|lawyer|painter|scientist|musician]. ",
    "I [live|work|sit|study|travel] in [a train|Paris|an office|a school|the kitchen|London|a small town|the garden|a library|Berlin|a cafe|a hospital]. ", "I [use|like|have|run] [Linux|a Mac|Windows|Debian|Ubuntu]. ",
    "It is [late|raining|sunny|cold|Monday|Sunday|urgent|for school|for work|for a friend|not easy|my first time]. ", "My [son|wife|boss|team|cat|friend|sister|teacher] [likes|uses|found|showed me|told me about] [this|you|it|that]. ",
    "I have [an old|a new|a fast|a slow|a cheap|a small|an ancient] [laptop|computer|server|phone|machine|notebook]. ", "I work [with Python|with files|with data|at night|alone|for a bank|on a book|on a paper]. ",
    "[Yesterday|Today|Last week|This morning|Once|Recently] I [tried|saw|read about|installed|used|heard of|looked at|wanted] [it|this|that|something|the docs|a video]. ", "[Thanks|Thank you] for [that|this|the help]. ",
    "[Good|Great|Nice|Fine|Ok|Well|Right|Hm], [next question|something else|another one|let us go on|one more thing]. ", "I don't know much about [this|it|computers|models|AI|such things]. ", "You [seem to|must|may|should] know. ",
    "I [tried|searched|read|looked|asked] [a lot|everywhere|for hours|in vain|the manual]. ", "[Sorry|Forgive me|Pardon me|Excuse me] [to ask|for asking|if this is silly|but I must ask]. ", "I need [this|it] for [my thesis|a talk|my job|school|a project|my blog|a test]. ",
    "[He|She|Somebody|My colleague|A student] asked me [this|something|the following]: ", "[Imagine|Suppose|Say|Assume] I am [ten years old|your grandmother|a beginner|in a hurry]. ", "[One|A] [last|quick|short|small|stupid|simple|silly|serious|hard] [thing|question|one]: ",
)
FILLERS = ("honestly", "frankly", "seriously", "actually", "basically", "really", "look", "listen", "oh", "ah", "wait", "yo", "man", "dude", "sir", "madam", "buddy", "by the way", "in general", "you know", "dear",
           "first of all", "to be sure", "again", "maybe", "finally", "in your opinion", "as a start", "right", "yes", "no", "hmm", "anyway", "besides", "moreover", "secondly", "for once", "hopefully", "my dear")
TAILS = ("for my [thesis|job|school|boss|blog|team|class|work|project|talk]", "at [work|home|school|night]", "on [a Mac|Linux|my laptop|my machine|this computer|Windows|my PC|a server]", "if [possible|I may ask|you know|you can|you please]",
         "as [a beginner|a user|a newcomer|an expert]", "right now", "today", "one day", "in a few words", "step by step", "exactly", "really", "actually", "properly", "without trouble", "my friend", "any idea?", "do you know?", "tell me")


_ONSETS = ("b", "br", "ch", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p", "pr", "r", "s", "st", "t",
           "tr", "v", "w", "z", "th", "sh", "")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "io", "ou")
_CODAS = ("", "", "", "n", "r", "s", "l", "t", "m", "x", "nd", "ck", "ng")


def invented(rng: Random, syllables: int | None = None) -> str:
    """A word that does not exist: stands for everything that training cannot name."""
    count = syllables or rng.choice((1, 2, 2, 2, 3, 3))
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(count))
