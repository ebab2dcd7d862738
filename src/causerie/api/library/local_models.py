"""The models on this machine: those in the cache of downloads, those in a folder of folders, and those of packages.

Reads configurations and the headers of weights, and no weight. api/fit/fitting.py says what a model would do here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from causerie.api.library.model_names import packaged_models
from causerie.api.model_files.stored_model import StoredModel, gguf_bytes, gguf_places, stored_model
from causerie.checkpoint import hub
from causerie.checkpoint.gguf.choice import choose_gguf, gguf_models, is_gguf
from causerie.checkpoint.hub_model import file_names, holds_gguf_alone
from causerie.checkpoint.local_model import local_model
from causerie.errors import UsageError
from causerie.hub import removal, verification
from causerie.hub.cache_folder import CacheFolder, ModelCache, usual_cache
from causerie.hub.pull import Report
from causerie.hub.verification import FileState
from causerie.plan.fit import best_precision, enough_memory

__all__ = [
    "FileState",
    "LibraryModel",
    "PulledModel",
    "delete_wrong",
    "fits",
    "library",
    "library_model",
    "pull",
    "removable_bytes",
    "remove",
    "verify",
]

Place = Literal["cache", "folder", "package"]


@dataclass(frozen=True)
class LibraryModel(StoredModel):
    """A model that is here, whole or in part, by a name that it can be loaded by."""

    name: str
    place: Place
    folder: Path
    """Or its GGUF file."""
    nbytes: int
    """On the disk, all its commits together."""
    commit: str | None
    last_used: float | None
    """When a file of it was read the last time, in seconds since 1970."""


@dataclass(frozen=True)
class PulledModel:
    """A model after its download."""

    name: str
    place: Path
    """Its folder, or its GGUF file."""
    commit: str
    nbytes: int


def library(models_folder: Path | None = None) -> list[LibraryModel]:
    """All of them, those used last first. Raises UsageError where the folder of folders is none."""
    models = [_of_place(name, "package", place) for name, place in packaged_models().items()]
    models += [model for cache in CacheFolder(usual_cache()).models() for model in _of_cache(cache)]
    if models_folder is not None:
        if not models_folder.is_dir():
            raise UsageError(f"There is no folder {models_folder}; one with models in it is expected.")
        folders = sorted(entry for entry in models_folder.iterdir() if entry.is_dir())
        places = [folder for folder in folders if (folder / "config.json").is_file()]
        places += [file for folder in (models_folder, *folders) for file in gguf_places(folder)]
        models += [_of_place(str(place), "folder", place) for place in places]
    return sorted(models, key=lambda model: -(model.last_used or 0.0))


def library_model(name: str) -> LibraryModel | None:
    """The model of that name (an id of the hub, a folder, a GGUF file, "builtin", "smollm2"), where any of it is here;
    of several GGUF files of a model the one that is loaded by that name. Raises MissingFile where that is not said."""
    if (place := packaged_models().get(name)) is not None:
        return _of_place(name, "package", place)
    if (local := local_model(name)) is not None:
        return _of_place(name, "folder", local)
    cache = _cache(name)
    if not cache.folder.is_dir():
        return None
    models, kind = _of_cache(cache), hub.hub_name(name).gguf
    if kind is None and (plain := [model for model in models if model.name == cache.name]):
        return plain[0]
    above = (folder for folder in models[0].folder.parents if folder.parent.name == "snapshots")
    if (snapshot := next(above, None)) is None:  # nothing of it is whole
        return None
    first = choose_gguf(file_names(snapshot), kind, cache.name).first
    return next((model for model in models if model.folder == snapshot / first), None)


def fits(model: LibraryModel, memory: int) -> str | None:
    """The most exact precision in which it fits in so much memory: "stored", "int8" or "int4"; "no" where in none, None
    where its size is not known."""
    if model.parameters is None or model.stored_bytes is None:
        return None
    if model.quantized:  # it is held as it is stored
        return "stored" if enough_memory(model.stored_bytes, memory) else "no"
    return best_precision(model.parameters, model.stored_bytes, memory) or "no"


def pull(name: str, report: Report | None = None) -> PulledModel:
    """Downloads what the hub has now of a model. `report` is told of bytes done, bytes in all and what is waited for;
    without one there is a line on a terminal. Raises what from_pretrained raises, and HubUnavailable."""
    place = hub.pull(name, progress=report or True)
    nbytes = gguf_bytes(place) if is_gguf(place.name) else sum(file.stat().st_size for file in place.iterdir())
    snapshots = _cache(name).folder / "snapshots"
    return PulledModel(name, place, place.relative_to(snapshots).parts[0], nbytes)


def removable_bytes(name: str) -> int:
    """What deleting a model of the cache frees. Raises UsageError for a name that is no id of the hub, MissingFile."""
    cache, names = _cache(name), _gguf_names(name)
    return removal.file_bytes(cache, names) if names else removal.disk_bytes(cache)


def remove(name: str) -> None:
    """Deletes a model from the cache; with a kind behind its name that GGUF file alone. Raises ModelNotFound where it
    is not there, CheckpointError, UsageError."""
    cache, names = _cache(name), _gguf_names(name)
    if names:
        removal.remove_files(cache, names)
    else:
        removal.remove(cache)


def verify(name: str, report: Callable[[int], None] = lambda nbytes: None) -> Iterator[FileState]:
    """Each file of a model of the cache, its content hashed again; `report` is told of bytes. Raises UsageError for a
    name that is no id of the hub."""
    return verification.verify(_cache(name), report)


def delete_wrong(name: str, file: FileState) -> None:
    """Deletes a file of the cache that is not what it should be; `pull` fetches it again."""
    verification.delete(_cache(name), file)


def _cache(name: str) -> ModelCache:
    if name in packaged_models() or local_model(name) is not None:
        raise UsageError(f"{name!r} is not a download. Models of the cache have names such as org/name.")
    return CacheFolder(usual_cache()).model(hub.hub_name(name).id)


def _gguf_names(name: str) -> tuple[str, ...]:
    """The files that a name with a kind behind it means in the cache; none where it has no kind, and means all of the
    model. Raises MissingFile."""
    kind, cache = hub.hub_name(name).gguf, _cache(name)
    if kind is None or not cache.folder.is_dir():
        return ()
    names = [each for snapshot in cache.snapshots() for each in file_names(snapshot)]
    return choose_gguf(sorted(set(names)), kind, cache.name).names


def _of_cache(cache: ModelCache) -> list[LibraryModel]:
    """One for each GGUF file, or parts of one; and one for what else is there, or where there is nothing else."""
    commit = cache.commit("main")
    snapshots = cache.snapshots()
    folder = cache.snapshot(commit) if commit else snapshots[-1] if snapshots else cache.folder
    names = file_names(folder)
    files = gguf_models(names)
    kinds = Counter(model.kind for model in files)
    said = commit or folder.name
    models = []
    for model in files:
        name = f"{cache.name}:{model.kind if kinds[model.kind] == 1 else model.first}"
        models.append(_of_place(name, "cache", folder / model.first, said))
    if not files or not holds_gguf_alone(names):
        beside = sum(model.nbytes for model in models)
        models.append(_of_place(cache.name, "cache", folder, said, removal.disk_bytes(cache) - beside))
    return models


def _of_place(
    name: str, place: Place, folder: Path, commit: str | None = None, nbytes: int | None = None
) -> LibraryModel:
    """The model of a folder, or of a GGUF file."""
    if is_gguf(folder.name):
        files, size = [folder], gguf_bytes(folder)
    else:
        files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
        size = sum(path.stat().st_size for path in files)
    times = [min(path.stat().st_atime, time.time()) for path in files]
    return LibraryModel(
        name=name,
        place=place,
        folder=folder,
        nbytes=size if nbytes is None else nbytes,
        commit=commit,
        last_used=max(times, default=None),
        **vars(stored_model(folder)),
    )
