"""The thread that writes pieces while others compute. Knows no book."""

from __future__ import annotations

import threading
from queue import Queue

from causerie.cache.disk.folder import PieceFolder
from causerie.cache.disk.piece import Bytes, TextPiece

_MOST_WAITING = 4  # pieces, each a copy in memory


class PieceWriter:
    """Writes what it is handed, one piece after the other; the thread begins with the first."""

    def __init__(self, folder: PieceFolder) -> None:
        self._folder = folder
        self._queue: Queue[tuple[TextPiece, Bytes] | None] = Queue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._waiting: list[TextPiece] = []

    @property
    def full(self) -> bool:
        """Whether it shall be handed nothing just now."""
        return len(self._waiting) >= _MOST_WAITING

    def has(self, piece: TextPiece) -> bool:
        """Whether a piece that covers this one is on its way."""
        with self._lock:
            return any(each.before == piece.before and each.covers(piece) for each in self._waiting)

    def put(self, piece: TextPiece, data: Bytes) -> None:
        """Has a piece written; `data` is its own from now on."""
        with self._lock:
            self._waiting.append(piece)
        self._queue.put((piece, data))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="causerie-kept-cache", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Returns when all is written."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            piece, data = work
            try:
                self._folder.write(piece, data)
            finally:
                with self._lock:
                    self._waiting.remove(piece)
