"""A model on the hub as a folder of the cache: what was downloaded before, what is missing of it, what the hub has now.

Knows which files make up a model, and not what is in them. How a hub is asked is `causerie.hub`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from causerie.checkpoint.folder import EVERYTHING, TEXTS, Need, check_folder, check_names
from causerie.checkpoint.gguf.choice import choose_gguf, is_gguf
from causerie.checkpoint.hub import HubName
from causerie.checkpoint.shards import choose
from causerie.errors import CauserieError, CheckpointError, HubUnavailable, MissingFile, ModelNotFound, RevisionWarning
from causerie.hub.access import Access
from causerie.hub.cache_folder import CacheFolder, ModelCache, usual_cache
from causerie.hub.pull import Pull, Report
from causerie.hub.pull_line import PullLine
from causerie.hub.repository import COMMIT, HubFile, Repository


@dataclass(frozen=True)
class HubModel:
    """One model on the hub, how to reach it, and what the cache has of it."""

    name: str
    revision: str
    gguf: str | None  # which of its GGUF files is meant
    access: Access
    cache: ModelCache
    progress: bool | Report

    @staticmethod
    def read(
        name: HubName,
        *,
        token: str | None = None,
        cache: Path | None = None,
        endpoint: str | None = None,
        progress: bool | Report = True,
    ) -> HubModel:
        """What is not given is what huggingface_hub is configured with. Raises UsageError."""
        place = CacheFolder(cache or usual_cache()).model(name.id)
        return HubModel(name.id, name.revision, name.gguf, Access.read(endpoint, token), place, progress)

    @property
    def page(self) -> str:
        return f"{self.access.endpoint.url}/{self.name}"

    def __str__(self) -> str:
        revision = "" if self.revision == "main" else f"@{self.revision}"
        return f"{self.name}{revision}" + ("" if self.gguf is None else f":{self.gguf}")


def model_place(source: HubModel, needs: Collection[Need], *, offline: bool) -> Path:
    """The folder of a model with what `needs` asks for, or its GGUF file; `offline` asks nobody. Raises as
    `hub.resolve` says."""
    if offline or source.access.offline:
        return _cached(source, needs, None)
    return _fetched(source, needs)


def latest(source: HubModel) -> Path:
    """The same of what the hub has now, all of it; its commit is recorded. Raises HubUnavailable, too."""
    return _downloaded(source, EVERYTHING, source.access.repository(source.name, source.revision))


def _fetched(source: HubModel, needs: Collection[Need]) -> Path:
    """What was downloaded before, where it is whole, or else what the hub has; the cache where it does not answer."""
    recorded = source.cache.commit(source.revision)
    whole = None if recorded is None else _whole(source, source.cache.snapshot(recorded), needs)
    if whole is not None and COMMIT.fullmatch(source.revision):  # a commit is what it is
        return whole
    try:
        present = source.access.repository(source.name, source.revision, hurried=whole is not None)
        if recorded not in (None, present.commit):
            warnings.warn(_moved(source, str(recorded), present.commit), RevisionWarning, stacklevel=5)
            if whole is None:
                present = _earlier(source, str(recorded))
    except HubUnavailable as fault:
        return _cached(source, needs, fault)
    except CheckpointError as fault:
        if whole is None:
            raise
        warnings.warn(f"What was downloaded of {source} is used: {fault}", RevisionWarning, stacklevel=5)
    return _downloaded(source, needs, present) if whole is None else whole


def _whole(source: HubModel, folder: Path, needs: Collection[Need]) -> Path | None:
    """What a folder of the cache has of a model; None where that is not whole."""
    try:
        return _place(source, folder, needs)
    except CauserieError:
        return None


def _place(source: HubModel, folder: Path, needs: Collection[Need]) -> Path:
    """The same. Raises CheckpointError where it is not whole."""
    names = file_names(folder)
    if source.gguf is not None or holds_gguf_alone(names):
        return folder / choose_gguf(names, source.gguf, source.name).first
    check_folder(folder, needs)
    return folder


def file_names(folder: Path) -> list[str]:
    """The files of a folder of the cache, and of the folders in it, as the hub names them."""
    files = (path for pattern in ("*", "*/*") for path in folder.glob(pattern) if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def holds_gguf_alone(names: Collection[str]) -> bool:
    """Whether a place has models in GGUF files and none in safetensors."""
    return any(map(is_gguf, names)) and not any(name.endswith(".safetensors") for name in names)


def _moved(source: HubModel, recorded: str, present: str) -> str:
    return (
        f"{source} has changed on the hub since it was downloaded: commit {recorded[:12]} is used, and {present[:12]} "
        f"is there now. `causerie models pull {source}` fetches it."
    )


def _earlier(source: HubModel, recorded: str) -> Repository:
    """The repository at the commit that was downloaded in part. Raises CheckpointError."""
    try:
        return source.access.repository(source.name, recorded)
    except ModelNotFound as fault:
        raise ModelNotFound(
            f"The commit {recorded[:12]} of {source}, of which a part was downloaded, is on the hub no more: the "
            f"repository was made anew or its history rewritten. See {source.page}, and where you trust what is there "
            f"now, `causerie models pull {source}`."
        ) from fault


def _downloaded(source: HubModel, needs: Collection[Need], repository: Repository) -> Path:
    """Fetches what the cache lacks of a commit, and records the commit."""
    files = _needed_files(source, needs, repository)
    for file in files:
        if not file.plain:
            raise CheckpointError(f"{source.page} names a file {file.name[:100]!r}, which is no plain name of a file.")
    if source.cache.commit(source.revision) is None:  # what is begun is gone on with, wherever the branch moves
        _record(source, repository.commit)
    line = PullLine(sys.stderr, str(source)) if source.progress is True else None
    report = line or (source.progress if callable(source.progress) else lambda done, total, note: None)
    try:
        folder = Pull(source.access.transport(), repository, source.cache, report).fetch(files)
    finally:
        if line is not None:
            line.clear()
    place = folder / files[0].name if is_gguf(files[0].name) else folder
    if place == folder:
        check_folder(folder, needs)
    _record(source, repository.commit)
    return place


def _record(source: HubModel, commit: str) -> None:
    try:
        source.cache.record(source.revision, commit)
    except OSError as fault:
        raise CheckpointError(f"{source} could not be recorded in {source.cache.folder}: {fault.strerror}.") from None


def _needed_files(source: HubModel, needs: Collection[Need], repository: Repository) -> list[HubFile]:
    """What to download: one GGUF file, or all parts of one, where it is asked for or there is nothing else; or the
    small files, and of the weights one set, where a repository holds several copies. Raises CheckpointError's kinds."""
    if (gguf := gguf_files(source.gguf, repository)) is not None:
        return gguf
    sizes = {file.name for file in repository.files if "/" not in file.name}
    check_names(sizes, needs, source.page, repository.made_from)
    names = _needed_names(sizes, needs, source.page)
    return [file for file in repository.files if file.name in names]


def gguf_files(choice: str | None, repository: Repository) -> list[HubFile] | None:
    """The GGUF file, or the parts of one, that is meant of a repository; None where its model is none. Raises
    MissingFile."""
    files = {file.name: file for file in repository.files}
    if choice is None and not holds_gguf_alone(files):
        return None
    return [files[name] for name in choose_gguf(files, choice, repository.name).names]


def _needed_names(names: Iterable[str], needs: Collection[Need], where: str) -> set[str]:
    small = {name for name in names if name in TEXTS or name.endswith(".jinja")}
    return small | (set(choose(names, where)) if "weights" in needs else set())


def _cached(source: HubModel, needs: Collection[Need], cause: HubUnavailable | None) -> Path:
    """The model out of the cache alone; `cause` is why the hub gave nothing, None where nobody wanted to ask."""
    why, advice = _why(cause)
    recorded = source.cache.commit(source.revision)
    folder = None if recorded is None else source.cache.snapshot(recorded)
    if folder is None or not folder.is_dir():
        raise ModelNotFound(f"{source} is not in the cache, and {why}. {advice}") from None
    try:
        return _place(source, folder, needs)
    except CheckpointError as fault:
        raise MissingFile(f"{source} is only partly in the cache, and {why}: {fault} {advice}") from None


def _why(cause: HubUnavailable | None) -> tuple[str, str]:
    """Why the hub gave nothing, and what to do."""
    if cause is not None and cause.limited:
        return cause.reason, cause.advice
    why = "the network was not to be used" if cause is None else f"the hub cannot be reached ({cause.reason})"
    return why, "Connect and load it once, or name a folder; the built-in model ('builtin') needs no network."
