"""What a client has not read yet of its answer: how much memory the events that wait for it take.

Knows no socket; what is on its way there is bounded by the transport.
"""

from __future__ import annotations

import msgspec

from causerie.server.processes.jobs import JobEvent, Piece

MOST_BYTES = 384 << 10
"""Of events that wait. With what is being written and the transport's own buffer a client costs less than 1 MB."""
_OBJECT_FACTOR = 4  # so much more memory than its JSON an event takes at most

_encoder = msgspec.json.Encoder()


class Backlog:
    """The waiting events of one client, those of all its jobs together."""

    def __init__(self) -> None:
        self.bytes = 0

    @property
    def full(self) -> bool:
        """Whether the client reads too slowly for more."""
        return self.bytes > MOST_BYTES


def weight(event: JobEvent) -> int:
    """The bytes that an event takes while it waits: of a piece of an answer. Others are few."""
    return _OBJECT_FACTOR * len(_encoder.encode(event)) if isinstance(event, Piece) else 0
