"""What a step checks beyond next tokens: drafts, in rows, blocks and slots that nobody else needs.

Knows sequences, their leases and a drafter; no line, and no other work of the step.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence as Many
from dataclasses import dataclass

from causerie.cache.book import CacheBook
from causerie.decoding.drafting.drafter import Drafter
from causerie.engine.reading import lease_of
from causerie.engine.sequence import Sequence
from causerie.errors import EngineError


@dataclass(frozen=True)
class Drafts:
    """Asks one drafter for the sequences of one cache."""

    drafter: Drafter
    cache: CacheBook
    vocab: int

    def propose(
        self, sequences: Many[Sequence], rows: int, headroom: int | None
    ) -> tuple[list[array[int]], dict[int, str]]:
        """A draft, perhaps empty, for each of the sequences, which only need their next token: `rows` tokens in all,
        shared evenly, and what one leaves is for those after it. New blocks are taken only where `headroom` of them
        remain to be had; never where it is None, nor a slot then. With the drafts, by request, the faults of the
        drafter."""
        drafts: list[array[int]] = []
        faults: dict[int, str] = {}
        for place, sequence in enumerate(sequences):
            share = -(-rows // (len(sequences) - place))
            draft = array("i")
            try:
                draft = self._draft(sequence, share)
            except Exception as fault:  # noqa: BLE001 - one request's draft must not end its neighbours
                faults[sequence.request.id] = f"Drafting tokens failed: {type(fault).__name__}: {fault}"
            draft = draft[: self._room(sequence, len(draft), headroom)]
            rows -= len(draft)
            drafts.append(draft)
        return drafts, faults

    def _draft(self, sequence: Sequence, share: int) -> array[int]:
        """What the drafter proposes, up to where the answer could end. The prompt of a request that collects is looked
        at row by row, and it is not drafted for."""
        most = min(share, sequence.limit - len(sequence.tokens) - 1)  # a draw follows the last of them
        if sequence.switch is not None and sequence.turned <= sequence.switch:
            most = min(most, sequence.switch - len(sequence.tokens))  # beyond, all would have to be read anew
        if most < 1 or sequence.request.params.collects:
            return array("i")
        draft = array("i", self.drafter.propose(sequence.request.id, sequence.tokens, most))
        if len(draft) > most:
            raise EngineError(f"{len(draft)} tokens were proposed where {most} were asked for.")
        for place, token in enumerate(draft):
            if not 0 <= token < self.vocab:
                raise EngineError(f"Token {token} was proposed; the model's tokens are 0 to {self.vocab - 1}.")
            if token in sequence.eos:  # nothing follows it, so its row is of no use: it is drawn or not without that
                return draft[:place]
        return draft

    def _room(self, sequence: Sequence, count: int, headroom: int | None) -> int:
        """For how many of `count` tokens after the sequence's own there are blocks, and a slot that they may leave."""
        lease, length = lease_of(sequence), len(sequence.tokens)
        room = lease.room - length
        if count > room and headroom is not None and self.cache.grow(lease, sequence.filled, length + count, headroom):
            room = count
        most = min(count, room)
        return most if most and self.cache.slots.set_apart(lease, may_take=headroom is not None) else 0
