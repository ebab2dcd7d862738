"""The cache of downloads, in the layout that huggingface_hub and transformers share.

    models--ORG--NAME/
      blobs/HASH                       a file's content, there once it is whole and right
      snapshots/COMMIT/config.json     a link to its blob
      refs/main                        the commit that a branch was at when it was downloaded

Knows folders and names; what a model is, and where files come from, it does not.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from causerie.hub.repository import COMMIT, HubFile

_SMALL = 2**20
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@dataclass(frozen=True)
class ModelCache:
    """What the cache has of one model."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        """Of everything about this model."""
        return self.root / f"models--{self.name.replace('/', '--')}"

    @property
    def blobs(self) -> Path:
        """The folder of contents."""
        return self.folder / "blobs"

    @property
    def locks(self) -> Path:
        """The folder of the locks that huggingface_hub takes, too."""
        return self.root / ".locks" / self.folder.name

    def blob(self, file: HubFile) -> Path:
        """Where the content of a file lies once it is right."""
        return self.blobs / file.etag

    def snapshot(self, commit: str) -> Path:
        """The folder of the model at a commit."""
        return self.folder / "snapshots" / commit

    def snapshots(self) -> list[Path]:
        """The folders of all commits that are here, the newest last."""
        folder = self.folder / "snapshots"
        places = [place for place in folder.iterdir() if place.is_dir()] if folder.is_dir() else []
        return sorted(places, key=lambda place: place.stat().st_mtime)

    def commit(self, revision: str) -> str | None:
        """The commit that a revision was at when it was downloaded; None where it never was."""
        if COMMIT.fullmatch(revision):
            return revision
        try:
            text = (self.folder / "refs" / revision).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return text if COMMIT.fullmatch(text) else None

    def record(self, revision: str, commit: str) -> None:
        """Remembers the commit of a revision. Raises OSError."""
        if revision == commit:
            return
        place = self.folder / "refs" / revision
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f"{place.name}.{os.getpid()}.tmp")
        fresh.write_text(commit, encoding="ascii")
        os.replace(fresh, place)

    def has(self, commit: str, file: HubFile) -> bool:
        """Whether a file of a commit is there, whole."""
        place = self.snapshot(commit) / file.name
        try:
            return place.stat().st_size == file.size
        except OSError:
            return False

    def link(self, commit: str, file: HubFile) -> None:
        """Gives a blob its name in a snapshot. Where the file system knows no links a large blob moves there, and a
        small one is copied. Raises OSError."""
        place, blob = self.snapshot(commit) / file.name, self.blob(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f".{file.etag}.{os.getpid()}.link")
        fresh.unlink(missing_ok=True)
        try:
            fresh.symlink_to(os.path.relpath(blob, place.parent))
        except OSError as fault:
            if fault.errno not in _NO_LINKS:
                raise
            if file.size > _SMALL:
                os.replace(blob, place)
                return
            shutil.copyfile(blob, fresh)
        os.replace(fresh, place)


@dataclass(frozen=True)
class CacheFolder:
    """The cache of one user."""

    root: Path

    def model(self, name: str) -> ModelCache:
        """What it has of a model, by its id."""
        return ModelCache(self.root, name)

    def models(self) -> Iterator[ModelCache]:
        """All models that it has something of, by name."""
        for folder in sorted(self.root.glob("models--*--*")):
            match = re.fullmatch(r"models--(.+?)--(.+)", folder.name)
            if match and folder.is_dir():
                yield ModelCache(self.root, f"{match[1]}/{match[2]}")


def usual_cache() -> Path:
    """Where the environment says that downloads are kept."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)
