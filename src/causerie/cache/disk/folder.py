"""The folder of pieces: those of one model by what they follow, and the bound on the bytes of all models' together.

The least recently used go first, a text's end before its beginning. Several processes may use it at a time: a piece is
there as a whole or not at all, and one that another process removed is passed over. Knows no book and no model.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from causerie.cache.disk.piece import (
    SUFFIX,
    Bytes,
    DamagedPiece,
    StoredPiece,
    TextPiece,
    digest,
    open_piece,
    write_piece,
)

_ORPHAN_SECONDS = 3600  # after which what was being written belongs to nobody
_ORDER_NS = 1000  # between the times of use of two pieces of a text

Notice = Callable[[str], None]


class PieceFolder:
    """The pieces of the model that `model` names, in a folder of at most `most` bytes. `notice` is told of what cannot
    be read or written, once of each kind. Its methods may be called from any thread."""

    def __init__(self, root: Path, model: str, most: int, notice: Notice) -> None:
        """Raises OSError where the folder cannot be made."""
        self.root = root
        self.most = most
        self._folder = root / model
        self._notice = notice
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self._pieces: dict[str, list[StoredPiece]] = {}  # by what they follow
        self._names: set[str] = set()
        self._changed = -1  # when the folder was, as it was last looked through
        self._nbytes = 0
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._bound()

    @property
    def nbytes(self) -> int:
        """Of all models' pieces, when it was last counted."""
        return self._nbytes

    def after(self, before: str) -> list[StoredPiece]:
        """The pieces that follow the text of that digest."""
        with self._lock:
            self._look()
            return list(self._pieces.get(before, ()))

    def texts(self) -> list[list[StoredPiece]]:
        """The pieces of each text from its beginning on; the text that was used last comes first."""
        with self._lock:
            self._look()
            blocks = [each for pieces in self._pieces.values() for each in pieces if not each.piece.is_slot]
        named = {digest(each.piece.before, each.piece.tokens): each for each in blocks}
        followed = {each.piece.before for each in blocks}
        ends = sorted((name for name in named if name not in followed), key=lambda name: -_last_use(named[name]))
        return [way for name in ends if (way := _way_to(named, name))]

    def write(self, piece: TextPiece, data: Bytes) -> bool:
        """Writes a piece, removing others where there is no room; shorter ones that it covers go. False where it cannot
        be written, which is told once."""
        try:
            if piece.file_bytes > self.most:
                return False
            stored = write_piece(self._folder, piece, data)
            with self._lock:
                shorter = [each for each in self._pieces.get(piece.before, ()) if _replaces(piece, each.piece)]
                for each in shorter:
                    self._forget(each)
                self._add(stored)
            for each in shorter:
                if each.path != stored.path:
                    each.path.unlink(missing_ok=True)
            self._bound()
        except OSError as error:
            self._tell("written", f"Nothing of this chat's cache was kept on the disk: {error.strerror or error}.")
            return False
        return True

    def touch(self, pieces: Sequence[StoredPiece]) -> None:
        """Marks the pieces of a text, from its beginning on, as just used."""
        now = time.time_ns()
        for place, stored in enumerate(pieces):
            when = now - place * _ORDER_NS
            try:
                os.utime(stored.path, ns=(when, when))
            except OSError:  # another process removed it
                continue

    def discard(self, stored: StoredPiece, fault: str) -> None:
        """Removes a piece that turned out to be damaged, and says so."""
        with self._lock:
            self._forget(stored)
        self._remove_damaged(stored.path, fault)

    def missing(self, stored: StoredPiece) -> None:
        """A piece was removed by another process."""
        with self._lock:
            self._forget(stored)

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        """Reads the headers of files that are new, and forgets those that are gone."""
        try:
            changed = self._folder.stat().st_mtime_ns
            if changed == self._changed:
                return
            names = {entry.name for entry in os.scandir(self._folder) if entry.name.endswith(SUFFIX)}
        except OSError:
            names, changed = set(), -1
        for each in [each for pieces in self._pieces.values() for each in pieces if each.path.name not in names]:
            self._forget(each)
        for name in names - self._names:
            path = self._folder / name
            try:
                self._add(open_piece(path))
            except DamagedPiece as fault:
                self._remove_damaged(path, str(fault))
            except OSError:
                continue
        self._changed = changed

    def _add(self, stored: StoredPiece) -> None:
        pieces = self._pieces.setdefault(stored.piece.before, [])
        pieces[:] = [each for each in pieces if each.path != stored.path]
        pieces.append(stored)
        self._names.add(stored.path.name)

    def _forget(self, stored: StoredPiece) -> None:
        pieces = self._pieces.get(stored.piece.before, [])
        if stored in pieces:
            pieces.remove(stored)
            self._names.discard(stored.path.name)

    def _remove_damaged(self, path: Path, fault: str) -> None:
        self._tell("damaged", f"A file of kept cache was passed over and removed, as {fault}: {path.name}")
        try:
            path.unlink(missing_ok=True)
        except OSError:
            return

    def _tell(self, kind: str, sentence: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._notice(sentence)

    def _bound(self) -> None:
        """Counts the bytes of all models' pieces, and removes what was not used for longest where they are too many;
        what was left of writes too. Raises OSError."""
        files, now = [], time.time()
        for folder in [entry for entry in os.scandir(self.root) if entry.is_dir(follow_symlinks=False)]:
            for entry in os.scandir(folder):
                try:
                    state = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if entry.name.endswith(SUFFIX):
                    files.append((state.st_mtime_ns, state.st_size, Path(entry.path)))
                elif entry.name.startswith(".part-") and now - state.st_mtime > _ORPHAN_SECONDS:
                    Path(entry.path).unlink(missing_ok=True)
        files.sort()
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= self.most:
                break
            path.unlink(missing_ok=True)
            total -= size
        self._nbytes = total


def _last_use(stored: StoredPiece) -> int:
    try:
        return stored.path.stat().st_mtime_ns
    except OSError:  # another process removed it
        return 0


def _way_to(named: Mapping[str, StoredPiece], name: str) -> list[StoredPiece]:
    """The pieces up to the one of a name; none where one is missing."""
    way: list[StoredPiece] = []
    while name:
        if name not in named or (way and named[name].piece.begin >= way[-1].piece.begin):
            return []
        way.append(named[name])
        name = way[-1].piece.before
    return way[::-1]


def _replaces(piece: TextPiece, former: TextPiece) -> bool:
    """Whether a new piece has what a shorter one has; pieces of slots stay, as each is of another place."""
    return piece.covers(former) and not (piece.is_slot or former.is_slot)
