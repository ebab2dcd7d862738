"""What memory and arithmetic give on this machine, measured by kernels of the library that do nothing else.

A meter has threads and memory of its own, so that it can be read between the steps of any backend. Knows no model.
"""

from __future__ import annotations

import ctypes
import time
import weakref

from causerie.backends.native import library
from causerie.backends.native.arena import Arena, aligned
from causerie.errors import BackendUnavailable, UsageError

READ_BYTES = 256 * 2**20  # several times any processor's cache
ARITHMETIC = ("float32", "bfloat16", "int8")  # in the order of src/peak.cpp
ROUNDS = 20_000  # of the loop, in one item: about a millisecond


class Meter:
    """Reads the limits with `threads` threads and the named instruction set (None: the fastest that can run)."""

    def __init__(self, threads: int, instruction_set: str | None = None) -> None:
        """Takes `READ_BYTES` of memory in large pages. Raises UsageError, UnknownName, BackendUnavailable or
        OutOfMemory."""
        if not 1 <= threads <= 1024:
            raise UsageError(f"threads is {threads}; 1 to 1024 can be measured with.")
        self.threads = threads
        self.instruction_set = library.choose(instruction_set)
        kernels = library.kernels()
        self._pool: int | None = kernels.causerie_pool_new(threads)
        if self._pool is None:
            raise BackendUnavailable(f"The system refused {threads} threads. Ask for fewer.")
        weakref.finalize(self, kernels.causerie_pool_free, self._pool).atexit = False
        self._arena = Arena(aligned(READ_BYTES), "a measurement of memory bandwidth")
        self._address = self._arena.take(READ_BYTES)
        ctypes.memset(self._address, 1, READ_BYTES)

    def bandwidth(self, seconds: float = 0.1) -> float:
        """Bytes per second that all threads together read from memory: the best pass of as many as fit into `seconds`,
        at least two. Every byte is used (an XOR), or the compiler would leave out reading it."""
        passes: list[float] = []
        begun = time.perf_counter()
        while len(passes) < 2 or time.perf_counter() - begun < seconds:
            before = time.perf_counter()
            library.kernels().causerie_read(self._pool, self.instruction_set.index, self._address, READ_BYTES // 8)
            passes.append(time.perf_counter() - before)
        return READ_BYTES / min(passes)

    def operations(self, arithmetic: str, seconds: float = 0.05) -> float | None:
        """Operations per second of all threads together, a product and its addition being two: the best pass of as many
        as fit into `seconds`. None where the instruction set has no instruction that multiplies such operands."""
        peak = getattr(library.kernels(), "causerie_peak", None)
        if peak is None:  # a library that was built before there was one
            return None
        peak.restype = ctypes.c_int64
        peak.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
        variant, kind, items = self.instruction_set.name.encode(), ARITHMETIC.index(arithmetic), 4 * self.threads
        best = 0.0
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            before = time.perf_counter()
            done = peak(self._pool, variant, kind, items, ROUNDS)
            if not done:
                return None
            best = max(best, done / (time.perf_counter() - before))
        return best
