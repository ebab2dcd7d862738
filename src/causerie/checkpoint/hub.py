"""From what a person types to a local folder with a model in it: a folder, `builtin`, or an id on the hub.

Downloads go through huggingface_hub, into the cache that it shares with every other program. Only safetensors and small
text files are ever fetched. Knows no format and no model; what the environment says about tokens, cache and endpoint
is read by huggingface_hub itself.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partialmethod
from glob import escape
from pathlib import Path
from typing import Any

from causerie import builtin
from causerie.checkpoint.folder import EVERYTHING, TEXTS, Need, check_folder, check_names, similar_folders
from causerie.checkpoint.foreign_files import GGUF, gguf_refusal
from causerie.checkpoint.ollama_names import hub_id
from causerie.checkpoint.shards import choose
from causerie.errors import CauserieError, CheckpointError, GatedModel, MissingFile, ModelNotFound, UsageError

SECONDS = 10.0
"""How long the hub may take to say what a model consists of, before the cache is used instead."""

_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?![.-]))*(?<![.-])"
_ID = re.compile(rf"{_WORD}/(?:{_WORD}|_{_WORD})")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)*")


@dataclass(frozen=True)
class _Source:
    """One model on the hub, and how to reach it."""

    name: str
    revision: str
    token: str | None
    cache: Path | None
    endpoint: str | None
    progress: bool

    @property
    def page(self) -> str:
        return f"{self.endpoint or 'https://huggingface.co'}/{self.name}"

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
    huggingface_hub is configured with.

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
    name, _, suffix = text.partition("@")
    if not _ID.fullmatch(name) or len(name) > 96:
        raise _neither(text)
    if suffix and revision is not None and suffix != revision:
        raise UsageError(f"{text} and revision={revision!r} name two revisions; give one.")
    reference = suffix or revision or "main"
    if ("@" in text and not suffix) or not _REVISION.fullmatch(reference) or ".." in reference or len(reference) > 200:
        raise UsageError(f"{reference!r} of {text!r} is not a revision: a branch, tag or commit, as in {name}@main.")
    source = _Source(name, reference, token, cache, endpoint, progress)
    return _cached(source, needs, None) if offline else _fetched(source, needs)


def cached(cache: Path | None = None) -> list[str]:
    """The ids of the models in the cache that huggingface_hub keeps (its folders models--ORG--NAME)."""
    if cache is None:
        from huggingface_hub.constants import HF_HUB_CACHE

        cache = Path(HF_HUB_CACHE)
    return sorted(path.name.removeprefix("models--").replace("--", "/", 1) for path in cache.glob("models--*--*"))


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
    """Downloads what the model lacks in the cache; falls back on the cache where the hub does not answer."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    # Connection errors are of the HTTP library's own tree, which has changed between versions; its root has not.
    unreachable: tuple[type[BaseException], ...] = (OSError, *HfHubHTTPError.__bases__)
    try:
        info = HfApi(endpoint=source.endpoint, token=source.token).model_info(
            source.name, revision=source.revision, timeout=SECONDS, files_metadata=True
        )
    except OfflineModeIsEnabled:
        return _cached(source, needs, None)
    except unreachable as error:
        refused = _refusal(source, error)
        if refused is not None:
            raise refused from None
        return _cached(source, needs, error)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or [] if "/" not in file.rfilename}
    check_names(sizes, needs, source.page, _made_from(info))
    names = _needed_files(set(sizes), needs, source.page)
    _room(source, str(info.sha), {name: sizes[name] for name in names})
    try:
        folder = Path(
            snapshot_download(
                source.name,
                revision=source.revision,
                cache_dir=source.cache,
                endpoint=source.endpoint,
                token=source.token,
                allow_patterns=[escape(name) for name in names],
                tqdm_class=None if source.progress else _silent(),
            )
        )
    except unreachable as error:
        raise _refusal(source, error) or _interrupted(source, error) from None
    check_folder(folder, needs)
    return folder


def _made_from(info: Any) -> str | None:
    """The model that the page of a repository says it was made from, where it names one."""
    base = getattr(info.card_data, "base_model", None)
    return base if isinstance(base, str) else base[0] if isinstance(base, list) and len(base) == 1 else None


def _needed_files(names: set[str], needs: Collection[Need], where: str) -> list[str]:
    """What to download: the small files, and of the weights one set, where a repository holds several copies."""
    small = {name for name in names if name in TEXTS or name.endswith(".jinja")}
    return sorted(small | (set(choose(names, where)) if "weights" in needs else set()))


def _cached(source: _Source, needs: Collection[Need], cause: BaseException | None) -> Path:
    """The model out of the cache alone; `cause` is why the hub was not asked, None where nobody wanted to."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    why, advice = _why(cause)
    try:
        folder = Path(
            snapshot_download(
                source.name,
                revision=source.revision,
                cache_dir=source.cache,
                local_files_only=True,
                # What is there is judged below, by what is needed and not by all that the repository has.
                allow_patterns=["config.json"],
            )
        )
    except LocalEntryNotFoundError:
        raise ModelNotFound(f"{source} is not in the cache, and {why}. {advice}") from None
    try:
        check_folder(folder, needs)
    except CheckpointError as error:
        raise MissingFile(f"{source} is only partly in the cache, and {why}: {error} {advice}") from None
    return folder


def _why(cause: BaseException | None) -> tuple[str, str]:
    """Why the hub gave nothing, and what to do; see `_cached`."""
    if cause is not None and _status(cause) == 429:
        return _limited(cause)
    why = "the network was not to be used" if cause is None else f"the hub cannot be reached ({_short(cause)})"
    return why, "Connect and load it once, or name a folder; the built-in model ('builtin') needs no network."


def _limited(error: BaseException) -> tuple[str, str]:
    """What an answer 429 means, and what to do."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    seconds = re.fullmatch(r"\s*(\d+)\s*", headers.get("Retry-After", "")) or re.search(
        r";\s*t=(\d+)", headers.get("RateLimit", "")
    )
    wait = f"Wait {seconds[1]} s" if seconds else "Wait some minutes"
    return (
        "the hub answered 429: it was asked too often from here",
        f"{wait}, then try again; who has logged in (`hf auth login`, or HF_TOKEN) may ask more often.",
    )


def _refusal(source: _Source, error: BaseException) -> CheckpointError | None:
    """What the hub answered, as a sentence; None where it did not answer, or is itself in trouble."""
    from huggingface_hub import errors

    login = "log in with `hf auth login` or set HF_TOKEN"
    if isinstance(error, errors.GatedRepoError):
        return GatedModel(
            f"{source.name} is gated: its owners want you to accept their terms first. Open {source.page}, ask for "
            f"access, then {login}."
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return ModelNotFound(f"The hub has no model {source.name}. Check the spelling; if it is private, {login}.")
    if isinstance(error, errors.RevisionNotFoundError):
        return ModelNotFound(f"{source.name} has no revision {source.revision!r}. See {source.page}/tree/main.")
    if isinstance(error, errors.DisabledRepoError):
        return ModelNotFound(f"The hub has disabled {source.name}; see {source.page}.")
    status = _status(error)
    if status in (401, 403):
        return GatedModel(
            f"The hub refused {source.name} ({status}). If it is private or gated, {login}; see {source.page}."
        )
    return None


def _interrupted(source: _Source, error: BaseException) -> CheckpointError:
    if isinstance(error, OSError) and error.errno is not None and _status(error) is None:
        return CheckpointError(f"{source} could not be stored: {error.strerror}.")
    if _status(error) == 429:
        why, advice = _limited(error)
        return CheckpointError(f"The download of {source} did not finish: {why}. {advice} Complete files are kept.")
    return CheckpointError(
        f"The download of {source} did not finish ({_short(error)}). Run it again: complete files are kept."
    )


def _room(source: _Source, commit: str, sizes: dict[str, int]) -> None:
    """Refuses a download that the disk cannot hold, before it begins. Raises CheckpointError."""
    from huggingface_hub import constants, try_to_load_from_cache

    needed = sum(
        size
        for name, size in sizes.items()
        if not isinstance(try_to_load_from_cache(source.name, name, source.cache, revision=commit), str)
    )
    folder = source.cache or Path(constants.HF_HUB_CACHE)
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise CheckpointError(
            f"{source} needs {needed / 1e9:.1f} GB more; {free / 1e9:.1f} GB are free in {folder}. Free some space or "
            "set HF_HOME to a folder on a larger disk."
        )


def _status(error: BaseException) -> int | None:
    """The HTTP status of an answer; None where there was no answer."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _short(error: BaseException) -> str:
    status = _status(error)
    return f"it answered {status}" if status is not None else type(error).__name__


def _silent() -> Any:
    """A progress bar that draws nothing; huggingface_hub has a switch for all of the process, or takes a class."""
    from tqdm.std import tqdm

    return type("Silent", (tqdm,), {"__init__": partialmethod(tqdm.__init__, disable=True)})
