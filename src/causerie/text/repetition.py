"""Whether an answer repeats itself for ever, by its token ids alone. Knows no text and no engine.

An answer is stuck when its end is the same `period` tokens again and again. How often is often enough depends on the
period. Honest texts repeat a short one for long: the ruler of a table, a drawing's line of 80 signs, an array of a
hundred zeros (2 or 3 tokens each), a line that was asked for twenty times, a 16 x 16 board of equal rows. A long one
hardly ever comes ten times with nothing between. So the repetition must fill 512 tokens and 8 periods: 520 tokens of
one sign, 178 zeros of an array, 33 times a sentence of 20 tokens, 13 times a paragraph of 100. Songs, whose verses part
the refrains, and tables, whose numbers differ, never repeat to the letter for so long.
"""

from __future__ import annotations

from collections.abc import Sequence

from causerie.text.borders import borders

LONGEST_PERIOD = 256
"""Tokens of the longest period that is looked for: a long paragraph."""
_LEAST = 512  # at least twice the longest period, so that so many tokens tell which period they have
_TIMES = 8
_STRIDE = 64  # tokens from one look to the next


def stuck_after(period: int) -> int:
    """How many tokens at its end must have this period for an answer to be stuck."""
    return _LEAST + _TIMES * period


def repeats_itself(tokens: Sequence[int]) -> bool:
    """Whether an answer of these tokens is stuck. Meant to be asked after each token: it looks at every 64th alone, and
    then at a bounded number of the last ones, so that a token costs the same however long the answer is."""
    if len(tokens) % _STRIDE or len(tokens) < stuck_after(1):
        return False
    period = _LEAST - borders(tokens[-_LEAST:])[-1]  # the least p with tokens[i] == tokens[i - p] throughout
    if period > LONGEST_PERIOD or len(tokens) < stuck_after(period):
        return False
    end = tokens[-stuck_after(period) :]
    return end[period:] == end[:-period]
