"""Lookup in other texts: what followed the last tokens where they occurred in a request that has ended. It costs no
model and pays where a question is asked again, or an answer comes back in another chat.

It knows token ids, and of each text only which client it was of: nothing of one is proposed to another, lest the time
that an answer takes tell what others wrote.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from causerie.decoding.drafting.drafter import Ask, Draft
from causerie.decoding.drafting.recent_texts import LEAST, RecentTexts

_LONGEST = 32  # tokens beyond which a match speaks no louder
_LENGTHS = (9, 13, 17, 25)  # the matches that speak alike begin at these
_CLIENTS = 8  # those whose texts are remembered, the latest; 2.4 MB each


@dataclass(slots=True)
class _Reading:
    """A request, and the occurrence that was last followed for it."""

    length: int  # of its text, when that was
    end: int = 0
    match: int = 0


class OtherChats:
    """A `RecallingDrafter` for all requests."""

    name = "chats"
    chances = (0.3, 0.4, 0.55, 0.7, 0.85)

    def __init__(self) -> None:
        self._texts: OrderedDict[str, RecentTexts] = OrderedDict()  # by client, the latest last
        self._readings: dict[int, _Reading] = {}

    def remember(self, tokens: Sequence[int], fresh: int, client: str) -> None:
        """See RecallingDrafter."""
        texts = self._texts.pop(client, None) or RecentTexts()
        texts.add(tokens[max(0, fresh - _LONGEST) :])
        self._texts[client] = texts
        if len(self._texts) > _CLIENTS:
            self._texts.popitem(last=False)

    def propose(self, asks: Sequence[Ask]) -> list[Draft]:
        """See Drafter."""
        return [self._propose(ask) for ask in asks]

    def forget(self, request: int) -> None:
        """See Drafter."""
        self._readings.pop(request, None)

    def _propose(self, ask: Ask) -> Draft:
        texts, longest = self._texts.get(ask.params.client), _LONGEST
        if ask.longest_match is not None:
            longest = min(longest, ask.longest_match)
        if texts is None or longest < LEAST:
            return Draft()
        reading = self._readings.setdefault(ask.request, _Reading(len(ask.tokens)))
        for place in range(reading.length, len(ask.tokens)):
            right = reading.match and texts.at(reading.end) == ask.tokens[place]
            reading.end, reading.match = (reading.end + 1, reading.match + 1) if right else (0, 0)
        reading.length = len(ask.tokens)
        if not reading.match:
            reading.end, reading.match = texts.match(ask.tokens, longest)
        if not reading.match:
            return Draft()
        draft, length = texts.following(reading.end, ask.most), min(reading.match, longest)
        return Draft(draft, [bisect_right(_LENGTHS, length + place) for place in range(len(draft))])
