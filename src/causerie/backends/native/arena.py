"""Memory for weights, cache and activations: one mapping with large pages, given out from the front.

Large pages are worth half the bandwidth of a decode step. Knows nothing of what is kept in it.
"""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from causerie.errors import OutOfMemory

LARGE_PAGE = 2 * 2**20
_PAGE = 4096  # the smallest that a system gives
ALIGNMENT = 256  # of every piece: whole cache lines, and a row of a panel


def aligned(size: int) -> int:
    """`size` bytes as an arena counts them."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def available_bytes() -> int | None:
    """What the system could give without swapping, or None where it does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


class Arena:
    """`size` bytes, zero until written. Freed when nothing refers to it any more."""

    def __init__(self, size: int, purpose: str, expected: int | None = None) -> None:
        """Raises OutOfMemory; `purpose` names what the memory is for in its message. `expected` is how much of `size`
        is likely to be used, where that is less: memory that is never written costs nothing."""
        self._purpose = purpose
        self._size = size
        self._length = 0
        free = available_bytes()
        if free is not None and (size if expected is None else expected) > free:
            raise self._refusal(f"{free / 1e9:.2f} GB are free")
        try:
            # Private and anonymous: pages come when first written, and a fork shares them until one side writes.
            mapping = mmap.mmap(-1, size + LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except (OSError, ValueError, OverflowError) as fault:
            raise self._refusal(f"the system refused it ({fault})") from None
        if hasattr(mmap, "MADV_HUGEPAGE"):
            try:
                mapping.madvise(mmap.MADV_HUGEPAGE)
            except OSError:
                pass  # a kernel without large pages: slower, not wrong
        self._bytes = np.frombuffer(mapping, dtype=np.uint8)
        address = self._bytes.ctypes.data
        self._begin = -(-address // LARGE_PAGE) * LARGE_PAGE

    def take(self, size: int) -> int:
        """The address of `size` fresh bytes, aligned to a cache line."""
        begin = self._length
        if begin + aligned(size) > self._size:
            raise OutOfMemory(
                f"{aligned(size)} bytes more were asked of the memory for {self._purpose}, of which {begin} of "
                f"{self._size} are taken. Reserve room for all of them first."
            )
        self._length = begin + aligned(size)
        return self._begin + begin

    def since(self, start: int) -> NDArray[np.uint8]:
        """The bytes taken since `start` of them were."""
        begin = self._begin - self._bytes.ctypes.data
        return self._bytes[begin + start : begin + self._length]

    def view(self, address: int, size: int) -> NDArray[np.uint8]:
        """The bytes at an address that was given out."""
        begin = address - self._bytes.ctypes.data
        return self._bytes[begin : begin + size]

    def touch(self, most: int, first: int = 0) -> None:
        """Has the system give `most` bytes from byte `first` on now. They become zero: for memory that nothing uses
        yet."""
        begin = self._begin - self._bytes.ctypes.data + first
        end = begin + min(most, self._length - first)
        for page in range(begin, end, LARGE_PAGE):  # other threads of Python get their turn between two
            self._bytes[page : min(page + LARGE_PAGE, end) : _PAGE] = 0

    @property
    def length(self) -> int:
        """Bytes taken so far."""
        return self._length

    def _refusal(self, reason: str) -> OutOfMemory:
        return OutOfMemory(
            f"{self._purpose.capitalize()} needs {self._size / 1e9:.2f} GB and {reason}. "
            "Close other programs, take a smaller model or a smaller cache."
        )
