"""Taking a model out of the cache, with all that was downloaded of it.

A model goes in one rename, so that nobody sees half of it. Knows the layout of the cache, and no model.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from causerie.errors import CheckpointError, ModelNotFound
from causerie.hub.cache_folder import ModelCache
from causerie.hub.part import parts


def disk_bytes(cache: ModelCache) -> int:
    """What the cache has of a model, on the disk."""
    return sum(path.stat().st_size for path in cache.folder.rglob("*") if path.is_file() and not path.is_symlink())


def file_bytes(cache: ModelCache, names: Collection[str]) -> int:
    """What deleting these files would free."""
    return sum(blob.stat().st_size for blob in _own_blobs(cache, names) if blob.is_file())


def remove_files(cache: ModelCache, names: Collection[str]) -> None:
    """Deletes files of a model, of all its commits; where nothing is left of it, all. Raises CheckpointError."""
    try:
        for blob in _own_blobs(cache, names):
            blob.unlink(missing_ok=True)
        for place in _places(cache, names):
            place.unlink(missing_ok=True)
    except OSError as fault:
        raise CheckpointError(f"{', '.join(names)} of {cache.name} could not be deleted: {fault.strerror}.") from None
    if not any(path.is_file() for snapshot in cache.snapshots() for path in snapshot.rglob("*")):
        remove(cache)


def _places(cache: ModelCache, names: Collection[str]) -> list[Path]:
    return [snapshot / name for snapshot in cache.snapshots() for name in names]


def _own_blobs(cache: ModelCache, names: Collection[str]) -> set[Path]:
    """The contents of these files that no other file has."""
    own = set(_places(cache, names))
    others = {path.resolve() for each in cache.snapshots() for path in each.rglob("*") if path not in own}
    return {place.resolve() for place in own if place.is_file()} - others


def remove(cache: ModelCache) -> None:
    """Deletes it. Raises ModelNotFound where it is not there, CheckpointError where it is being downloaded."""
    if not cache.folder.is_dir():
        raise ModelNotFound(f"{cache.name} is not in the cache, {cache.root}. `causerie models` lists what is.")
    for path, _, owner in parts(cache.blobs):
        if owner.lives(path):
            raise CheckpointError(f"{cache.name} is being downloaded by process {owner.process}. End that first.")
    going = cache.root / f".{cache.folder.name}.{os.getpid()}.removed"
    try:
        os.replace(cache.folder, going)
        shutil.rmtree(going)
        shutil.rmtree(cache.locks, ignore_errors=True)
    except OSError as fault:
        raise CheckpointError(f"{cache.name} could not be deleted from {cache.root}: {fault.strerror}.") from None
