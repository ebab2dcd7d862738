"""Where bytes lie in a file that was checked, for whoever reads them later and more than once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from causerie.errors import WeightFileError


def identity_of(descriptor: int) -> tuple[int, ...]:
    """What tells an open file from another, and from itself once it was changed."""
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class Extent:
    """`nbytes` bytes from `begin` on of the file that was opened when the checkpoint was checked."""

    path: Path
    begin: int
    nbytes: int
    identity: tuple[int, ...] = field(repr=False)

    def open(self, *, cached: bool = False) -> int:
        """A descriptor of the file, which reads past the system's cache of files where that can be had, unless that is
        wanted: whoever keeps what was read needs no second copy. Raises WeightFileError where the file is not the one
        that was checked."""
        flags = os.O_RDONLY | os.O_CLOEXEC
        try:
            descriptor = os.open(self.path, flags | (0 if cached else getattr(os, "O_DIRECT", 0)))
        except OSError:  # file systems in memory have no such way
            try:
                descriptor = os.open(self.path, flags)
            except OSError as error:
                raise WeightFileError(f"{self.path} cannot be opened any more: {error.strerror}.") from None
        if identity_of(descriptor) != self.identity:
            os.close(descriptor)
            raise WeightFileError(f"{self.path} changed while it was loading; do not change a model that is loading.")
        return descriptor
