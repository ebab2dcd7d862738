"""From what a person types to a local folder with a model in it: a folder, `builtin`, or an id on the hub.

Downloads go into the cache that every program of the field shares. Only safetensors and small text files are ever
fetched, and what was downloaded of a branch is used from then on, wherever the branch moves, until somebody pulls it
again. Knows no format and no model; how a hub is asked is `causerie.hub`, and what the environment says about tokens,
cache and endpoint is read by huggingface_hub.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from causerie import builtin
from causerie.checkpoint.folder import EVERYTHING, TEXTS, Need, check_folder, check_names, similar_folders
from causerie.checkpoint.foreign_files import GGUF, gguf_refusal
from causerie.checkpoint.ollama_names import hub_id
from causerie.checkpoint.shards import choose
from causerie.errors import (
    CauserieError,
    CheckpointError,
    HubUnavailable,
    MissingFile,
    ModelNotFound,
    RevisionWarning,
    UsageError,
)
from causerie.hub.access import Access
from causerie.hub.cache_folder import CacheFolder, ModelCache, usual_cache
from causerie.hub.pull import Pull
from causerie.hub.pull_line import PullLine
from causerie.hub.repository import COMMIT, Repository

_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?![.-]))*(?<![.-])"
_ID = re.compile(rf"{_WORD}/(?:{_WORD}|_{_WORD})")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)*")


@dataclass(frozen=True)
class _Source:
    """One model on the hub, how to reach it, and what the cache has of it."""

    name: str
    revision: str
    access: Access
    cache: ModelCache
    progress: bool

    @property
    def page(self) -> str:
        return f"{self.access.endpoint.url}/{self.name}"

    def __str__(self) -> str:
        return self.name if self.revision == "main" else f"{self.name}@{self.revision}"


def resolve(
    name_or_path: str | os.PathLike[str],
    revision: str | None = None,
    *,
    needs: Collection[Need] = EVERYTHING,
    offline: bool = False,
    token: str | None = None,
    cache: Path | None = None,
    endpoint: str | None = None,
    progress: bool = True,
) -> Path:
    """The local folder of a model, downloaded first where it is a hub id that is not cached.

    `name_or_path`: a folder; "builtin"; "org/name" or "org/name@revision". A folder wins over an id of the same name.
    `needs` says what must be in it, and for the hub what is downloaded. `offline` asks nobody and uses the cache;
    without it the cache is used where the hub cannot be reached. `token`, `cache` and `endpoint` default to what
    huggingface_hub is configured with. Warns (RevisionWarning) where the hub has another commit than was downloaded.

    Raises ModelNotFound, GatedModel, MissingFile, PickledWeights, WeightFileError (a missing shard), CheckpointError
    (disk full); Unsupported for an adapter and for GGUF; UsageError where a revision is given twice or with a folder.
    """
    text = os.fspath(name_or_path)
    if not text:
        raise UsageError("The model's name is empty; pass a folder, a hub id such as org/name, or 'builtin'.")
    local = _local(text)
    if local is not None:
        if revision is not None:
            raise UsageError(f"revision={revision!r} has no meaning for the local folder {text}; leave it out.")
        check_folder(local, needs)
        return local
    name, reference = hub_name(text, revision)
    place = CacheFolder(cache or usual_cache()).model(name)
    source = _Source(name, reference, Access.read(endpoint, token), place, progress)
    return _cached(source, needs, None) if offline or source.access.offline else _fetched(source, needs)


def pull(
    text: str,
    revision: str | None = None,
    *,
    token: str | None = None,
    cache: Path | None = None,
    endpoint: str | None = None,
    progress: bool = True,
) -> Path:
    """Downloads what the hub has now of a model, and records its commit: `resolve` uses it from then on. Raises as
    `resolve` does, and HubUnavailable."""
    name, reference = hub_name(text, revision)
    place = CacheFolder(cache or usual_cache()).model(name)
    source = _Source(name, reference, Access.read(endpoint, token), place, progress)
    return _downloaded(source, EVERYTHING, source.access.repository(name, reference))


def hub_name(text: str, revision: str | None = None) -> tuple[str, str]:
    """The id and the revision that `text` names, as in org/name@revision. Raises ModelNotFound, UsageError."""
    name, _, suffix = text.partition("@")
    if not _ID.fullmatch(name) or len(name) > 96:
        raise _neither(text)
    if suffix and revision is not None and suffix != revision:
        raise UsageError(f"{text} and revision={revision!r} name two revisions; give one.")
    reference = suffix or revision or "main"
    if ("@" in text and not suffix) or not _REVISION.fullmatch(reference) or ".." in reference or len(reference) > 200:
        raise UsageError(f"{reference!r} of {text!r} is not a revision: a branch, tag or commit, as in {name}@main.")
    return name, reference


def cached(cache: Path | None = None) -> list[str]:
    """The ids of the models that the cache has something of."""
    return [each.name for each in CacheFolder(cache or usual_cache()).models()]


def _local(text: str) -> Path | None:
    """The folder that `text` means, None where it must be a hub id. Raises where it is a folder that is not there."""
    if text == builtin.NAME:
        return Path(builtin.builtin_model_path())
    path = Path(text).expanduser()
    if path.is_dir():
        return path
    if text.casefold().endswith(GGUF):
        raise gguf_refusal(text)
    if path.is_file():
        raise ModelNotFound(f"{text} is a file; a model is a folder with config.json, weights and tokenizer.")
    if text.startswith((".", "/", "~")) or "\\" in text or path.is_absolute():
        meant = similar_folders(path)
        hint = f" Did you mean {' or '.join(meant)}?" if meant else " Check the spelling, or pass a hub id (org/name)."
        raise ModelNotFound(f"There is no folder {text}.{hint}")
    return None


def _neither(text: str) -> CauserieError:
    if re.search(r"[-.]gguf\b", text.casefold()):  # org/name-GGUF:Q4_K_M, as other programs write it
        return gguf_refusal(text)
    meant = hub_id(text)
    if meant is not None:
        return ModelNotFound(f"{text!r} is a name of Ollama's library. On the Hugging Face hub that model is {meant}.")
    close = get_close_matches(text.casefold(), [builtin.NAME, "built-in"], n=1, cutoff=0.75)
    likely = [*([builtin.NAME] if close else []), *_inside(text), *similar_folders(Path(text))]
    hint = f"Did you mean {' or '.join(likely)}?" if likely else "https://huggingface.co/models lists them."
    return ModelNotFound(
        f"{text!r} is neither a folder, nor 'builtin', nor a hub id (org/name or org/name@revision, such as "
        f"{builtin.LARGER}). {hint}"
    )


def _inside(text: str) -> list[str]:
    """The id in the address of a model's page."""
    path = re.sub(r"^(https?://)?(huggingface|hf)\.co/", "", text)
    return [path] if path != text and _ID.fullmatch(path) else []


def _fetched(source: _Source, needs: Collection[Need]) -> Path:
    """What was downloaded before, where it is whole, or else what the hub has; the cache where it does not answer."""
    recorded = source.cache.commit(source.revision)
    whole = recorded is not None and _is_whole(source.cache.snapshot(recorded), needs)
    if whole and COMMIT.fullmatch(source.revision):  # a commit is what it is
        return source.cache.snapshot(source.revision)
    try:
        present = source.access.repository(source.name, source.revision, hurried=whole)
        if recorded not in (None, present.commit):
            warnings.warn(_moved(source, str(recorded), present.commit), RevisionWarning, stacklevel=4)
            if not whole:
                present = _earlier(source, str(recorded))
    except HubUnavailable as fault:
        return _cached(source, needs, fault)
    except CheckpointError as fault:
        if not whole:
            raise
        warnings.warn(f"What was downloaded of {source} is used: {fault}", RevisionWarning, stacklevel=4)
    if whole:
        return source.cache.snapshot(str(recorded))
    return _downloaded(source, needs, present)


def _is_whole(folder: Path, needs: Collection[Need]) -> bool:
    try:
        check_folder(folder, needs)
    except CauserieError:
        return False
    return True


def _moved(source: _Source, recorded: str, present: str) -> str:
    return (
        f"{source} has changed on the hub since it was downloaded: commit {recorded[:12]} is used, and {present[:12]} "
        f"is there now. `causerie models pull {source}` fetches it."
    )


def _earlier(source: _Source, recorded: str) -> Repository:
    """The repository at the commit that was downloaded in part. Raises CheckpointError."""
    try:
        return source.access.repository(source.name, recorded)
    except ModelNotFound as fault:
        raise ModelNotFound(
            f"The commit {recorded[:12]} of {source}, of which a part was downloaded, is on the hub no more: the "
            f"repository was made anew or its history rewritten. See {source.page}, and where you trust what is there "
            f"now, `causerie models pull {source}`."
        ) from fault


def _downloaded(source: _Source, needs: Collection[Need], repository: Repository) -> Path:
    """Fetches what the cache lacks of a commit, and records the commit."""
    sizes = {file.name for file in repository.files if "/" not in file.name}
    check_names(sizes, needs, source.page, repository.made_from)
    names = _needed_files(sizes, needs, source.page)
    files = [file for file in repository.files if file.name in names]
    for file in files:
        if not file.plain:
            raise CheckpointError(f"{source.page} names a file {file.name[:100]!r}, which is no plain name of a file.")
    if source.cache.commit(source.revision) is None:  # what is begun is gone on with, wherever the branch moves
        _record(source, repository.commit)
    line = PullLine(sys.stderr, str(source)) if source.progress else None
    try:
        report = line or (lambda done, total, note: None)
        folder = Pull(source.access.transport(), repository, source.cache, report).fetch(files)
    finally:
        if line is not None:
            line.clear()
    check_folder(folder, needs)
    _record(source, repository.commit)
    return folder


def _record(source: _Source, commit: str) -> None:
    try:
        source.cache.record(source.revision, commit)
    except OSError as fault:
        raise CheckpointError(f"{source} could not be recorded in {source.cache.folder}: {fault.strerror}.") from None


def _needed_files(names: set[str], needs: Collection[Need], where: str) -> list[str]:
    """What to download: the small files, and of the weights one set, where a repository holds several copies."""
    small = {name for name in names if name in TEXTS or name.endswith(".jinja")}
    return sorted(small | (set(choose(names, where)) if "weights" in needs else set()))


def _cached(source: _Source, needs: Collection[Need], cause: HubUnavailable | None) -> Path:
    """The model out of the cache alone; `cause` is why the hub gave nothing, None where nobody wanted to ask."""
    why, advice = _why(cause)
    recorded = source.cache.commit(source.revision)
    folder = None if recorded is None else source.cache.snapshot(recorded)
    if folder is None or not folder.is_dir():
        raise ModelNotFound(f"{source} is not in the cache, and {why}. {advice}") from None
    try:
        check_folder(folder, needs)
    except CheckpointError as fault:
        raise MissingFile(f"{source} is only partly in the cache, and {why}: {fault} {advice}") from None
    return folder


def _why(cause: HubUnavailable | None) -> tuple[str, str]:
    """Why the hub gave nothing, and what to do."""
    if cause is not None and cause.limited:
        return cause.reason, cause.advice
    why = "the network was not to be used" if cause is None else f"the hub cannot be reached ({cause.reason})"
    return why, "Connect and load it once, or name a folder; the built-in model ('builtin') needs no network."
