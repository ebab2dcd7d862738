"""A model on the hub at one commit: its files with their sizes and hashes, and what its page says of it.

What the hub says is checked before it is believed: names are names, hashes are hashes. Knows no cache.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from causerie.errors import CheckpointError
from causerie.hub.patience import Interruption, Patience
from causerie.hub.refusal import Subject, judge
from causerie.hub.transport import Transport

COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_NAME = 255
_PLAIN = r"[A-Za-z0-9_.][A-Za-z0-9_.+ -]*"
MOST_BYTES = 2**50
"""A petabyte: what says to be larger is a mistake or a lie."""


@dataclass(frozen=True)
class HubFile:
    """One file of a repository. `etag` names its content: the sha256 of a large file, git's hash of a small one."""

    name: str
    size: int
    etag: str

    @property
    def plain(self) -> bool:
        """Whether its name is one file's in the folder itself, or in folders in it, on any system."""
        return all(re.fullmatch(_PLAIN, part) and part.strip(". ") for part in self.name.split("/"))


@dataclass(frozen=True)
class Repository:
    """What the hub says of a model."""

    name: str
    commit: str
    files: tuple[HubFile, ...]
    gated: bool = False
    tags: tuple[str, ...] = ()
    card: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    """The rest of the hub's answer, unchecked."""

    def file(self, name: str) -> HubFile | None:
        """The file of that name; None where there is none."""
        return next((file for file in self.files if file.name == name), None)

    @property
    def made_from(self) -> str | None:
        """The one model that its page says it was made from, where it names one."""
        base = self.card.get("base_model")
        only = base[0] if isinstance(base, list) and len(base) == 1 else base
        return only if isinstance(only, str) else None


def subject_of(transport: Transport, name: str, revision: str) -> Subject:
    """How sentences name a model of this hub."""
    return Subject(name, revision, f"{transport.endpoint.url}/{name}")


def read_repository(transport: Transport, name: str, revision: str, patience: Patience) -> Repository:
    """Asks the hub. Raises ModelNotFound, GatedModel, HubUnavailable, CheckpointError."""
    path = f"/api/models/{quote(name)}/revision/{quote(revision, safe='')}"
    while True:
        try:
            answer = transport.get(path, query={"blobs": "true"})
            judge(answer, subject_of(transport, name, revision), logged_in=transport.logged_in)
            content = transport.json(answer)
            return _checked(name, content)
        except Interruption as fault:
            patience.bear(fault)


def _checked(name: str, content: Any) -> Repository:
    if not isinstance(content, dict):
        raise Interruption("what it answered is no description of a model")
    commit, siblings = content.get("sha"), content.get("siblings")
    if not (isinstance(commit, str) and COMMIT.fullmatch(commit)) or not isinstance(siblings, list):
        raise Interruption("what it answered names no commit and its files")
    card, tags, gated = content.get("cardData"), content.get("tags"), content.get("gated")
    return Repository(
        name,
        commit,
        tuple(_file(name, each) for each in siblings),
        gated=gated not in (None, False, "false"),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        card=card if isinstance(card, dict) else {},
        facts=content,
    )


def _file(repository: str, entry: Any) -> HubFile:
    file = _read_file(entry) if isinstance(entry, dict) else None
    if file is None:
        raise CheckpointError(
            f"The hub lists a file of {repository} without a name, a size and a hash that can be: "
            f"{str(entry)[:150]!r}. Check HF_ENDPOINT, or tell whoever keeps that hub."
        )
    return file


def _read_file(entry: dict[str, Any]) -> HubFile | None:
    """A file as the hub lists it: a large one by its pointer in `lfs`. None where something is not as it must be."""
    large = entry.get("lfs")
    if isinstance(large, dict):
        size, etag, form = large.get("size"), large.get("sha256"), _SHA256
    else:
        size, etag, form = entry.get("size"), entry.get("blobId"), COMMIT
    name = entry.get("rfilename")
    if not (isinstance(name, str) and 0 < len(name.rpartition("/")[2]) <= _LONGEST_NAME):
        return None
    if not (isinstance(size, int) and 0 <= size <= MOST_BYTES and isinstance(etag, str) and form.fullmatch(etag)):
        return None
    return HubFile(name, size, etag)
