"""A model in one GGUF file, or in its parts, as a `TensorIndex`. Checks everything as it opens, reads bytes when asked.

Tensors have their names and, from the outermost axis on, their shapes; those of blocks are rows of bytes, and
`block_type` says which blocks. Knows the format and no model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from causerie.checkpoint.extent import identity_of
from causerie.checkpoint.file_index import CheckedFile, FileIndex, opened
from causerie.checkpoint.gguf.block_types import BlockType
from causerie.checkpoint.gguf.choice import parts_of
from causerie.checkpoint.gguf.header import GgufHeader, read_header
from causerie.errors import MissingFile, WeightFileError

PART, PARTS, ALL_TENSORS = "split.no", "split.count", "split.tensors.count"
MOST_PARTS = 10_000


@dataclass(frozen=True)
class _File(CheckedFile):
    """A file and what it says about itself."""

    header: GgufHeader


class GgufIndex(FileIndex):
    """The tensors of a GGUF file, or of all parts of one. `header` is the first file's."""

    def __init__(self, files: Sequence[_File]) -> None:
        super().__init__((file, {name: tensor.entry for name, tensor in file.header.tensors.items()}) for file in files)
        self.header = files[0].header
        self._blocks = {
            name: tensor.block
            for file in files
            for name, tensor in file.header.tensors.items()
            if tensor.block is not None
        }

    @property
    def path(self) -> Path:
        """The first file."""
        return self.files[0]

    @property
    def metadata(self) -> Mapping[str, Any]:
        """That of the first file."""
        return self.header.metadata

    def block_type(self, name: str) -> BlockType | None:
        """The blocks that a tensor's rows of bytes are made of; None for one of plain numbers."""
        return self._blocks.get(name)


def open_gguf(path: str | Path) -> GgufIndex:
    """Opens a GGUF file with, where it is a part, all others. Reads the headers only. Raises WeightFileError,
    MissingFile or Unsupported, one sentence naming file, field, value and limit."""
    named = Path(path)
    names = parts_of(named.name)
    if len(names) > MOST_PARTS:
        raise WeightFileError(f"{named} says that it is one of {len(names)} parts; at most {MOST_PARTS} can be.")
    for name in names:
        if len(names) > 1 and not (named.parent / name).exists():
            raise MissingFile(
                f"{named.parent} lacks {name}, one of the {len(names)} parts of the model. Download it to the others."
            )
    files = [_opened(named.parent / name) for name in names]
    index = GgufIndex(files)
    _check_parts(files, index)
    return index


def _opened(path: Path) -> _File:
    descriptor = opened(path)
    try:
        identity = identity_of(descriptor)
    finally:
        os.close(descriptor)
    return _File(path, identity, _header(path, identity))


@lru_cache(maxsize=2)  # config, tokenizer and weights are read one after the other; a vocabulary takes a while
def _header(path: Path, identity: tuple[int, ...]) -> GgufHeader:
    descriptor = opened(path)
    try:
        if identity_of(descriptor) != identity:
            raise WeightFileError(f"{path} changed while it was opened; do not change a model that is loading.")
        return read_header(descriptor, path)
    finally:
        os.close(descriptor)


def _check_parts(files: Sequence[_File], index: GgufIndex) -> None:
    """That files which say of which model they are a part say what their names do."""
    for i, file in enumerate(files):
        said = [file.header.metadata.get(key, default) for key, default in ((PART, i), (PARTS, len(files)))]
        if said != [i, len(files)]:
            raise WeightFileError(
                f"{file.path} says {PART} = {said[0]!r} of {PARTS} = {said[1]!r}, and by its name it is part {i} of "
                f"{len(files)}. Give it the name that it was published under, with the other parts beside it."
            )
    whole = files[0].header.metadata.get(ALL_TENSORS)
    if whole is not None and whole != len(index.names()):
        raise WeightFileError(
            f"{files[0].path} says {ALL_TENSORS} = {whole!r}, and its {len(files)} files hold {len(index.names())}. "
            "Download all of them again."
        )
