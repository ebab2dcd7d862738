"""Safetensors files, one or sharded, as a `TensorIndex`. Checks everything when it opens, reads bytes when asked.

Knows the format and no model; how bytes are read is file_index.py.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from causerie.checkpoint.extent import identity_of
from causerie.checkpoint.file_index import CheckedFile, FileIndex, opened
from causerie.checkpoint.header import Header, read_header, shown
from causerie.checkpoint.shards import weight_files
from causerie.errors import WeightFileError


@dataclass(frozen=True)
class _File(CheckedFile):
    """A file and what it says about itself."""

    header: Header


class SafetensorsIndex(FileIndex):
    """The tensors of one or more safetensors files."""

    def __init__(self, files: Sequence[_File]) -> None:
        super().__init__((file, file.header.tensors) for file in files)
        self._metadata = {key: value for file in files for key, value in file.header.metadata.items()}

    @staticmethod
    def open(source: str | Path | Sequence[str | Path]) -> SafetensorsIndex:
        """Opens a folder (its `model.safetensors` or its index and shards), one file, or several files.

        Reads the headers only. Raises MissingFile, PickledWeights or WeightFileError, one sentence naming file and
        tensor; a folder without a usable set of files is never half opened.
        """
        if not isinstance(source, str | Path):
            return SafetensorsIndex([_opened(Path(file)) for file in source])
        path = Path(source)
        if not path.is_dir():
            return SafetensorsIndex([_opened(path)])
        files = weight_files(path)
        opened_files = [_opened(path / name) for name in files.names]
        heads = [_opened(path / name) for name in files.heads]
        index = SafetensorsIndex([*opened_files, *_further(heads, opened_files)])
        for name, home in (files.homes or {}).items():
            holder = index._homes.get(name)
            if holder is None or holder[0].path.name != home:
                raise WeightFileError(
                    f"{path / str(files.index)} says that {shown(name)} is in {home}, and it is not there; download "
                    "the model again."
                )
        return index

    @property
    def metadata(self) -> dict[str, str]:
        """The `__metadata__` of all files together; a later file's value wins."""
        return dict(self._metadata)


def _further(heads: Sequence[_File], files: Sequence[_File]) -> list[_File]:
    """Those of the heads that hold no tensor which other files have as well: of these the files that were named are
    meant."""
    present = {name for file in files for name in file.header.tensors}
    further = []
    for head in heads:
        if present.isdisjoint(head.header.tensors):
            further.append(head)
            present.update(head.header.tensors)
    return further


def _opened(path: Path) -> _File:
    descriptor = opened(path)
    try:
        return _File(path, identity_of(descriptor), read_header(descriptor, path))
    finally:
        os.close(descriptor)
