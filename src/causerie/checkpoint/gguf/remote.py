"""A GGUF file on the hub that is not here, or all parts of one, as a `TensorIndex`: what its headers say, of which
nothing else is fetched.

Knows the hub's addresses and the format's header, and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from causerie.checkpoint.gguf.block_types import BlockType
from causerie.checkpoint.gguf.header import GgufHeader, header_of
from causerie.checkpoint.header import Entry
from causerie.checkpoint.ranges import RemoteFile
from causerie.checkpoint.remote import RemoteIndex, remote_files

if TYPE_CHECKING:
    from causerie.checkpoint.hub import HubName


def remote_gguf(name: HubName) -> RemoteGguf | None:
    """The tensors of the GGUF file that a name means on the hub; None where the model it means is none. Raises
    CheckpointError's kinds."""
    from causerie.checkpoint.hub_model import gguf_files
    from causerie.hub.access import Access

    access = Access.read()
    repository = access.repository(name.id, name.revision)
    files = gguf_files(name.gguf, repository)
    if files is None:
        return None
    return RemoteGguf(name.id, *remote_files(repository, [file.name for file in files], access))


class RemoteGguf(RemoteIndex):
    """See RemoteIndex; `sizes` has the parts in their order."""

    def __init__(self, label: str, sizes: dict[str, int], open_file: Callable[[str], RemoteFile]) -> None:
        self._headers: dict[str, GgufHeader] = {}
        super().__init__(label, sizes, open_file)
        self._first = self._headers[next(iter(sizes))]
        self._blocks = {
            name: tensor.block
            for header in self._headers.values()
            for name, tensor in header.tensors.items()
            if tensor.block is not None
        }

    def _header(self, name: str, size: int) -> Mapping[str, Entry]:
        header = self._headers[name] = header_of(self._open(name).read, size, Path(self._label) / name)
        return {tensor: each.entry for tensor, each in header.tensors.items()}

    @property
    def metadata(self) -> Mapping[str, Any]:
        """That of the first part."""
        return self._first.metadata

    def block_type(self, name: str) -> BlockType | None:
        """The blocks that a tensor's rows of bytes are made of; None for one of plain numbers."""
        return self._blocks.get(name)
