"""What memory and arithmetic give on this machine, measured by kernels of the library that do nothing else.

A meter has threads and memory of its own, so that it can be read between the steps of any backend. Knows no model.
"""

from __future__ import annotations

import ctypes
import time

from causerie.backends.native.abi import Arithmetic
from causerie.backends.native.arena import Arena, aligned
from causerie.backends.native.machine import Machine

READ_BYTES = 256 * 2**20  # several times any processor's cache
ROUNDS = 20_000  # of the loop, in one item: about a millisecond


class Meter:
    """Reads the limits with `threads` threads and the named instruction set (None: the fastest that can run)."""

    def __init__(self, threads: int, instruction_set: str | None = None) -> None:
        """Takes `READ_BYTES` of memory in large pages. Raises UsageError, UnknownName, BackendUnavailable or
        OutOfMemory."""
        self.machine = Machine(threads, instruction_set)
        self._arena = Arena(aligned(READ_BYTES), "a measurement of memory bandwidth")
        self._address = self._arena.take(READ_BYTES)
        ctypes.memset(self._address, 1, READ_BYTES)

    def bandwidth(self, seconds: float = 0.1, *, sustained: bool = False) -> float:
        """Bytes per second that all threads together read from memory: the best pass of as many as fit into `seconds`,
        at least two; or, `sustained`, what all of them gave. Every byte is used (an XOR), or the compiler would leave
        out reading it."""
        passes: list[float] = []
        begun = time.perf_counter()
        while len(passes) < 2 or time.perf_counter() - begun < seconds:
            before = time.perf_counter()
            self.machine.read(self._address, READ_BYTES)
            passes.append(time.perf_counter() - before)
        return READ_BYTES * len(passes) / sum(passes) if sustained else READ_BYTES / min(passes)

    def operations(self, arithmetic: str, seconds: float = 0.05, *, sustained: bool = False) -> float | None:
        """Operations per second of all threads together, a product and its addition being two: the best pass of as many
        as fit into `seconds`, or what all of them gave. None where the instruction set has no instruction that
        multiplies such operands."""
        kind, items = Arithmetic[arithmetic.upper()], 4 * self.machine.threads
        best = total = spent = 0.0
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            before = time.perf_counter()
            done = self.machine.multiply(kind, items, ROUNDS)
            if not done:
                return None
            passed = time.perf_counter() - before
            best, total, spent = max(best, done / passed), total + done, spent + passed
        return total / spent if sustained else best
