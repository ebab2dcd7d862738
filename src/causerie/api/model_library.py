"""The models on this machine: those in the cache of downloads, those in a folder of folders, and the built-in one.

Reads configurations and the headers of weights, and no weight. What a model would do here is said by api/fitting.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from causerie.api.gguf_model import open_index
from causerie.api.model_names import BUILTIN, builtin_folder
from causerie.checkpoint import hub
from causerie.checkpoint.folder import check_folder
from causerie.checkpoint.json_object import read_json_object
from causerie.errors import CauserieError, UsageError
from causerie.hub import removal, verification
from causerie.hub.cache_folder import CacheFolder, ModelCache, usual_cache
from causerie.hub.verification import FileState
from causerie.models import registry
from causerie.plan.fit import best_precision

__all__ = [
    "FileState",
    "LibraryModel",
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
_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8"}


@dataclass(frozen=True)
class LibraryModel:
    """A model that is here, whole or in part."""

    name: str
    place: Place
    folder: Path
    nbytes: int
    """On the disk, all its commits together."""
    commit: str | None
    last_used: float | None
    """When a file of it was read the last time, in seconds since 1970."""
    family: str | None
    runs: bool
    """Whether its family is built in."""
    precision: str | None
    parameters: int | None
    stored_bytes: int | None
    """Of its weights."""
    lacks: str | None
    """Why it cannot be loaded; None where all of it is here."""


def library(models_folder: Path | None = None) -> list[LibraryModel]:
    """All of them, those used last first. Raises UsageError where the folder of folders is none."""
    models = [_of_folder(BUILTIN, "package", builtin_folder())]
    models += [_of_cache(cache) for cache in CacheFolder(usual_cache()).models()]
    if models_folder is not None:
        if not models_folder.is_dir():
            raise UsageError(f"There is no folder {models_folder}; one with models in it is expected.")
        entries = sorted(entry for entry in models_folder.iterdir() if (entry / "config.json").is_file())
        models += [_of_folder(str(entry), "folder", entry) for entry in entries]
    return sorted(models, key=lambda model: -(model.last_used or 0.0))


def library_model(name: str) -> LibraryModel | None:
    """The model of that name (an id of the hub, a folder, or "builtin"), where something of it is here."""
    if name == BUILTIN:
        return _of_folder(BUILTIN, "package", builtin_folder())
    if Path(name).expanduser().is_dir():
        return _of_folder(name, "folder", Path(name).expanduser())
    cache = _cache(name)
    return _of_cache(cache) if cache.folder.is_dir() else None


def fits(model: LibraryModel, memory: int) -> str | None:
    """The most exact precision in which it fits in so much memory: "stored", "int8" or "int4"; "no" where in none, None
    where its size is not known."""
    if model.parameters is None or model.stored_bytes is None:
        return None
    return best_precision(model.parameters, model.stored_bytes, memory) or "no"


def pull(name: str) -> Path:
    """Downloads what the hub has now of a model, with a line on a terminal; its folder. Raises what
    from_pretrained raises, and HubUnavailable."""
    return hub.pull(name)


def removable_bytes(name: str) -> int:
    """What deleting a model of the cache frees. Raises UsageError for a name that is no id of the hub."""
    return removal.disk_bytes(_cache(name))


def remove(name: str) -> None:
    """Deletes a model from the cache. Raises ModelNotFound where it is not there, CheckpointError, UsageError."""
    removal.remove(_cache(name))


def verify(name: str, report: Callable[[int], None] = lambda nbytes: None) -> Iterator[FileState]:
    """Each file of a model of the cache, its content hashed again; `report` is told of bytes. Raises UsageError for a
    name that is no id of the hub."""
    return verification.verify(_cache(name), report)


def delete_wrong(name: str, file: FileState) -> None:
    """Deletes a file of the cache that is not what it should be; `pull` fetches it again."""
    verification.delete(_cache(name), file)


def _cache(name: str) -> ModelCache:
    if name == BUILTIN or Path(name).expanduser().is_dir():
        raise UsageError(f"{name!r} is not a download. Models of the cache have names such as org/name.")
    return CacheFolder(usual_cache()).model(hub.hub_name(name)[0])


def _of_cache(cache: ModelCache) -> LibraryModel:
    commit = cache.commit("main")
    snapshots = cache.snapshots()
    folder = cache.snapshot(commit) if commit else snapshots[-1] if snapshots else cache.folder
    model = _of_folder(cache.name, "cache", folder)
    return LibraryModel(**{**vars(model), "commit": commit or folder.name, "nbytes": removal.disk_bytes(cache)})


def _of_folder(name: str, place: Place, folder: Path) -> LibraryModel:
    files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    states = [path.stat() for path in files]
    family, runs = _family(folder)
    parameters, stored, precision = _weights(folder)
    return LibraryModel(
        name=name,
        place=place,
        folder=folder,
        nbytes=sum(state.st_size for state in states),
        commit=None,
        last_used=max((min(state.st_atime, time.time()) for state in states), default=None),
        family=family,
        runs=runs,
        precision=precision,
        parameters=parameters,
        stored_bytes=stored,
        lacks=_lack(folder),
    )


def _lack(folder: Path) -> str | None:
    try:
        check_folder(folder)
    except CauserieError as fault:
        return str(fault)
    return None


def _family(folder: Path) -> tuple[str | None, bool]:
    """What config.json calls the family, and whether it is built in."""
    try:
        config = read_json_object(folder / "config.json")
    except CauserieError:
        return None, False
    inner = config.get("text_config")
    names = [part.get("model_type") for part in (config, inner if isinstance(inner, dict) else {})]
    known = registry.families()
    family = next((name for name in names if isinstance(name, str)), None)
    return family, any(name in known for name in names)


def _weights(folder: Path) -> tuple[int | None, int | None, str | None]:
    """How many numbers the files hold, in how many bytes, and how most of them are held."""
    try:
        with open_index(folder) as index:
            entries = [index.info(name) for name in index.names()]
            nbytes = index.nbytes
    except CauserieError:
        return None, None, None
    by_type: dict[str, int] = {}
    parameters = 0
    for entry in entries:
        by_type[entry.dtype] = by_type.get(entry.dtype, 0) + entry.nbytes
        count = 1
        for axis in entry.shape:
            count *= axis
        parameters += count
    most = max(by_type, key=lambda kind: by_type[kind], default=None)
    return parameters, nbytes, _method(folder) or (None if most is None else _DTYPES.get(most, most.lower()))


def _method(folder: Path) -> str | None:
    """How a quantized model says that it is."""
    try:
        said = read_json_object(folder / "config.json").get("quantization_config")
    except CauserieError:
        return None
    method = said.get("quant_method") if isinstance(said, dict) else None
    return method if isinstance(method, str) else None
