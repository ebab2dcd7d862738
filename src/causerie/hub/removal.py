"""Taking a model out of the cache, with all that was downloaded of it.

A model goes in one rename, so that nobody sees half of it. Knows the layout of the cache, and no model.
"""

from __future__ import annotations

import os
import shutil

from causerie.errors import CheckpointError, ModelNotFound
from causerie.hub.cache_folder import ModelCache
from causerie.hub.part import parts


def disk_bytes(cache: ModelCache) -> int:
    """What the cache has of a model, on the disk."""
    return sum(path.stat().st_size for path in cache.folder.rglob("*") if path.is_file() and not path.is_symlink())


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
