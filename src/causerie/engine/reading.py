"""How the rows of a step are shared among sequences that read: turns by client and by length, and each one's work.

Pure functions over sequences; knows no cache and no line.
"""

from __future__ import annotations

from array import array

from causerie.cache.lease import Lease
from causerie.engine.plan import Work
from causerie.engine.sequence import Sequence


def shared_rows(reading: list[Sequence], tokens: int, rows: int) -> list[Work]:
    """The work of sequences by arrival, of `tokens` rows at most, of which `rows` may want logits. The oldest may use
    half of them at once; then each client's sequence with least to read, then each one's next, so that a long prompt
    neither stops short ones nor is stopped by them."""
    if not reading:
        return []
    counts = dict.fromkeys(reading, 0)
    oldest = reading[0]
    turns = [(oldest, max(tokens // 2, 1) if len(reading) > 1 else tokens)]
    turns += [(sequence, tokens) for sequence in _by_turns(reading[1:])]
    turns.append((oldest, tokens))
    for sequence, most in turns:
        had = counts[sequence]
        count = min(had + min(most, tokens), sequence.readable)
        count, logits = _within_rows(sequence, count, rows + _logits(sequence, had))
        tokens -= count - had
        rows -= logits - _logits(sequence, had)
        counts[sequence] = count
    return [work_of(sequence, count) for sequence, count in counts.items() if count]


def work_of(sequence: Sequence, count: int, draft: array[int] | None = None) -> Work:
    """The reading of a running sequence's next `count` tokens, and the draw after its last; with a `draft` to follow
    that one, its reading, and the draw after each of it."""
    start = sequence.filled
    end = start + count
    draws = 1 if end == len(sequence.tokens) and not sequence.full else 0
    looked_at = _looked_at(sequence, count)
    wants, pools = (0, looked_at) if sequence.pools else (looked_at, 0)
    tokens = sequence.tokens[start:end]
    if draft:
        tokens += draft
        wants += len(draft)
        draws += len(draft)
    lease = lease_of(sequence)
    return Work(
        sequence.request,
        tokens,
        start,
        lease.tables,
        wants,
        draws,
        sequence.tokens,
        sequence.turned,
        pools,
        (lease.slot, lease.written),
    )


def lease_of(sequence: Sequence) -> Lease:
    """What a sequence that runs holds of the cache."""
    assert sequence.lease is not None, f"request {sequence.request.id} runs without a lease"
    return sequence.lease


def _by_turns(reading: list[Sequence]) -> list[Sequence]:
    """First the sequence of each client with least to read, then the next of each, and so on."""
    places: dict[str, int] = {}
    turns = []
    for sequence in sorted(reading, key=_remaining):
        places[sequence.client] = place = places.get(sequence.client, 0) + 1
        turns.append((place, sequence))
    return [sequence for _, sequence in sorted(turns, key=lambda turn: turn[0])]


def _remaining(sequence: Sequence) -> int:
    return sequence.remaining


def _looked_at(sequence: Sequence, count: int) -> int:
    """Of how many of the sequence's next `count` rows something is wanted."""
    end = sequence.filled + count
    return max(0, end - max(sequence.filled, sequence.first_wanted))


def _logits(sequence: Sequence, count: int) -> int:
    """Of how many of the sequence's next `count` rows the logits are wanted."""
    return 0 if sequence.pools else _looked_at(sequence, count)


def _within_rows(sequence: Sequence, count: int, rows: int) -> tuple[int, int]:
    """The most of `count` next tokens that want at most `rows` rows of logits, and how many those want."""
    excess = _logits(sequence, count) - rows
    if excess > 0:
        count -= excess
    return count, _logits(sequence, count)
