"""Prompt lookup: what followed the last tokens where they occurred before, in the prompt or in the answer (Saxena,
2023). It costs no model and pays where an answer repeats what is there: edited code, quotations, lists given back.

It knows token ids of one request at a time, and no other request's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from causerie.decoding.drafting.drafter import Ask, Draft
from causerie.decoding.drafting.ngram_index import NgramIndex

_LEAST, _LONG = 2, 6  # tokens of the runs that are indexed; the long ones first, as short ones occur everywhere
_CANDIDATES = 12  # earlier occurrences that are compared
_LONGEST = 32  # tokens beyond which a match speaks no louder
_LENGTHS = (3, 4, 6, 9, 17)  # the matches that speak alike begin at these


class PromptLookup:
    """A `Drafter` for all requests. Of a text it keeps some 24 bytes for each token of the prompt, and some 300 for
    each of the answer."""

    name = "lookup"
    chances = (0.25, 0.35, 0.5, 0.65, 0.8, 0.9)

    def __init__(self) -> None:
        self._texts: dict[int, _Text] = {}

    def propose(self, asks: Sequence[Ask]) -> list[Draft]:
        """See Drafter."""
        return [self._propose(ask) for ask in asks]

    def forget(self, request: int) -> None:
        """See Drafter."""
        self._texts.pop(request, None)

    def _propose(self, ask: Ask) -> Draft:
        text = self._texts.get(ask.request)
        if text is None:
            text = self._texts[ask.request] = _Text(ask.tokens)
        else:
            text.grow(ask.tokens)
        longest = _LONGEST if ask.longest_match is None else min(ask.longest_match, _LONGEST)
        end, length = text.match(ask.tokens, longest)
        if not length:
            return Draft()
        draft = list(ask.tokens[end : end + ask.most])
        while len(draft) < ask.most:  # what is repeated reaches the end of the text, and goes on as it began
            draft.append(draft[end + len(draft) - len(ask.tokens)])
        return Draft(draft, [bisect_right(_LENGTHS, length + place) for place in range(len(draft))])


class _Text:
    """One request's tokens, where its runs are, and the occurrence that was last followed."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._indices = [NgramIndex(size, tokens) for size in (_LONG, _LEAST)]
        self._length = len(tokens)
        self._end = self._match = 0  # the tokens before `_end` are, `_match` of them, the last ones of the text

    def grow(self, tokens: Sequence[int]) -> None:
        for index in self._indices:
            index.grow(tokens)

    def match(self, tokens: Sequence[int], longest: int) -> tuple[int, int]:
        """The end of the longest earlier occurrence of the last tokens, the latest of those examined, and its length
        up to `longest`; 0 and 0 for none."""
        for place in range(self._length, len(tokens)):
            if self._match and tokens[self._end] == tokens[place]:
                self._end, self._match = self._end + 1, self._match + 1
            else:
                self._match = 0
        self._length = len(tokens)
        if self._match < _LONG:
            self._search(tokens)
        return (self._end, min(self._match, longest)) if self._match and longest else (0, 0)

    def _search(self, tokens: Sequence[int]) -> None:
        """The longest match among the latest occurrences of the last tokens."""
        for index in self._indices:
            for end in index.ends(tokens, _CANDIDATES):
                length = _common(tokens, end)
                if length > self._match:
                    self._end, self._match = end, length
            if self._match >= index.size:
                return


def _common(tokens: Sequence[int], end: int) -> int:
    """How many tokens before `end` are the last ones of the text, as far as is of interest."""
    last, length = len(tokens), 0
    while length < min(end, _LONGEST) and tokens[end - 1 - length] == tokens[last - 1 - length]:
        length += 1
    return length
