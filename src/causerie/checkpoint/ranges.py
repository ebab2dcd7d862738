"""Bytes of a file on the hub, asked for by their place, so that a header can be read without its file.

The beginning is asked for once and remembered. Knows no file format; what an answer must be is `hub/file_bytes.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from causerie.hub.access import Access
    from causerie.hub.file_bytes import FileBytes

FIRST_BYTES = 2**18
"""Asked for at once: the headers of most files end within it."""


class RemoteFile:
    """One file of a model on the hub."""

    def __init__(self, file: FileBytes, access: Access) -> None:
        self._file = file
        self._access = access
        self._beginning = b""

    def read(self, offset: int, count: int) -> bytes:
        """So many bytes from `offset` on; fewer where the file ends. Raises CheckpointError's kinds."""
        if not self._beginning:
            self._beginning = self._ask(0, FIRST_BYTES)
        within = self._beginning[offset : offset + count]
        return within or self._ask(offset, count)

    def _ask(self, offset: int, count: int) -> bytes:
        what = f"{self._file.name}/{self._file.file.name} cannot be looked into"
        return self._file.read(offset, count, self._access.patience(what))
