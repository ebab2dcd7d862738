"""Whether what the cache has of a model is what the hub said it was: each blob's content against the hash in its name.

Asks no network. Knows the layout of the cache, and no model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from causerie.hub.cache_folder import ModelCache

_PIECE = 2**20
State = Literal["right", "wrong", "missing", "unnamed"]
"""`unnamed`: a file that is no link to a blob, so that nothing says what its hash should be."""


@dataclass(frozen=True)
class FileState:
    """One file of a snapshot, and what was found out about it."""

    commit: str
    name: str
    size: int
    state: State
    expected: str | None = None
    hash: str | None = None


def verify(cache: ModelCache, report: Callable[[int], None] = lambda nbytes: None) -> Iterator[FileState]:
    """All files of all snapshots; `report` is told of bytes that were read. A blob is read once. Raises OSError."""
    hashes: dict[Path, str] = {}
    for snapshot in cache.snapshots():
        for place in sorted(path for path in snapshot.rglob("*") if path.is_symlink() or path.is_file()):
            name = place.relative_to(snapshot).as_posix()
            blob = place.resolve()
            if not blob.is_file():
                yield FileState(snapshot.name, name, 0, "missing", blob.name)
                continue
            size, expected = blob.stat().st_size, blob.name
            if not place.is_symlink() or len(expected) not in (40, 64):
                yield FileState(snapshot.name, name, size, "unnamed")
                continue
            if blob not in hashes:
                hashes[blob] = _hash(blob, size, report)
            state: State = "right" if hashes[blob] == expected else "wrong"
            yield FileState(snapshot.name, name, size, state, expected, hashes[blob])


def delete(cache: ModelCache, file: FileState) -> None:
    """Deletes a file whose content is wrong, so that it is fetched again by who wants it. Raises OSError."""
    place = cache.snapshot(file.commit) / file.name
    place.resolve().unlink(missing_ok=True)
    place.unlink(missing_ok=True)


def _hash(blob: Path, size: int, report: Callable[[int], None]) -> str:
    if len(blob.name) == 64:
        digest = hashlib.sha256()
    else:
        digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with blob.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            report(len(piece))
    return digest.hexdigest()
