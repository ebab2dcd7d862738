"""A model on the hub that is not here, as a `TensorIndex`: names, shapes and element types from the headers of its
files, of which nothing else is fetched.

Knows the hub's addresses and the format's header, and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.header import Entry, header_of
from causerie.checkpoint.index import TensorInfo
from causerie.checkpoint.ranges import RemoteFile
from causerie.checkpoint.shards import choose
from causerie.checkpoint.unmapped_index import UnmappedIndex
from causerie.errors import Unsupported, WeightFileError, nearest

if TYPE_CHECKING:
    from causerie.hub.access import Access
    from causerie.hub.repository import Repository

AT_ONCE = 8  # headers that are asked for together
READ_BYTES = 2**20
"""The largest tensor that is read: what describes a quantization, and no weights."""


@dataclass(frozen=True)
class _Home:
    """Where a tensor lies."""

    file: str
    entry: Entry


def remote_index(name: str, commit: str, access: Access | None = None) -> RemoteIndex:
    """The tensors of a model on the hub, "org/name", as of a commit or branch; `access` is how to reach the hub, by
    default as the environment says. Raises CheckpointError's kinds, as `shards.choose` for a repository without usable
    weights."""
    from causerie.hub.access import Access

    hub = access or Access.read()
    repository = hub.repository(name, commit)
    names = {file.name for file in repository.files if "/" not in file.name}
    weights = [file for file in choose(names, name) if file.endswith(".safetensors")]
    return RemoteIndex(name, *remote_files(repository, weights, hub))


def remote_files(
    repository: Repository, names: Iterable[str], access: Access
) -> tuple[dict[str, int], Callable[[str], RemoteFile]]:
    """The sizes of files of a repository, and how each is looked into."""
    from causerie.hub.file_bytes import FileBytes

    files, transport = {file.name: file for file in repository.files}, access.transport()

    def opened(file: str) -> RemoteFile:
        return RemoteFile(FileBytes(transport, repository.name, repository.commit, files[file]), access)

    return {name: files[name].size for name in names}, opened


class RemoteIndex(UnmappedIndex):
    """The tensors of files of which `read_bytes(name)` reads parts; `sizes` are their bytes by name."""

    def __init__(self, label: str, sizes: dict[str, int], open_file: Callable[[str], RemoteFile]) -> None:
        """Fetches the headers. `label` names the model in messages. Raises CheckpointError's kinds."""
        self._label = label
        self._open = open_file
        with ThreadPoolExecutor(AT_ONCE) as threads:
            headers = threads.map(lambda name: self._header(name, sizes[name]), sizes)
            self._homes = {
                tensor: _Home(name, entry)
                for name, header in zip(sizes, headers, strict=True)
                for tensor, entry in header.items()
            }

    def _header(self, name: str, size: int) -> Mapping[str, Entry]:
        return header_of(self._open(name).read, size, Path(self._label) / name).tensors

    @property
    def nbytes(self) -> int:
        """The bytes of all tensors."""
        return sum(home.entry.end - home.entry.begin for home in self._homes.values())

    def without(self, names: Iterable[str]) -> Self:
        """The same index, which no longer has these tensors."""
        for name in names:
            self._homes.pop(name, None)
        return self

    def names(self) -> Sequence[str]:
        """All tensors, file by file."""
        return tuple(self._homes)

    def __contains__(self, name: object) -> bool:
        return name in self._homes

    def info(self, name: str) -> TensorInfo:
        """Shape and element type. Raises WeightFileError naming the nearest names where there is no such tensor."""
        home = self._homes.get(name)
        if home is None:
            near = nearest(name, list(self._homes)[:200])[:3]
            raise WeightFileError(f"{self._label} lacks tensor {name!r}. Nearest there: {', '.join(near)}.")
        return TensorInfo(name, home.entry.shape, home.entry.dtype, Path(self._label) / home.file)

    def read(self, name: str, rows: slice | None = None, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """A small tensor, fetched. Raises Unsupported for a large one, and for a part of one."""
        info = self.info(name)
        if info.nbytes > READ_BYTES or rows is not None or shape is not None:
            raise Unsupported(self.whereabouts(name))
        home = self._homes[name]
        content = self._open(home.file).read(home.entry.begin, info.nbytes)
        if len(content) != prod(info.shape) * info.array_dtype.itemsize:
            raise WeightFileError(f"{self._label}/{home.file} ended inside of {name!r}. Ask again.")
        return np.frombuffer(content, info.array_dtype).reshape(info.shape)

    def whereabouts(self, name: str) -> str:
        """That it is on the hub."""
        return f"{name!r} of {self._label} is not on this machine. Download the model to read it."
