"""Threads, and an instruction set of the kernels: what every call that computes goes through.

One call at a time, for there is one set of threads. Knows no decoder, and not what is computed.
"""

from __future__ import annotations

import ctypes
import threading
import weakref

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native import library, program
from causerie.backends.native.abi import Arithmetic, Fault, RecordFault
from causerie.errors import BackendUnavailable, UsageError

MOST_THREADS = 1024


class Machine:
    """`threads` threads that live as long as this does, and the named instruction set (None: the fastest that runs)."""

    def __init__(self, threads: int, instruction_set: str | None = None) -> None:
        """Raises UsageError, UnknownName or BackendUnavailable."""
        if not 1 <= threads <= MOST_THREADS:
            raise UsageError(f"threads is {threads}; 1 to {MOST_THREADS} can run the native kernels.")
        self.threads = threads
        self.instruction_set = library.choose(instruction_set)
        self.lock = threading.Lock()  # whoever holds it knows that no call runs
        kernels = library.kernels()
        self._pool: int | None = kernels.causerie_pool_new(threads)
        if self._pool is None:
            raise BackendUnavailable(f"The system refused {threads} threads. Ask for fewer: set CAUSERIE_THREADS.")
        weakref.finalize(self, kernels.causerie_pool_free, self._pool).atexit = False

    def run(self, traced: ctypes.Structure, step: ctypes.Structure, opened: int | None = None) -> tuple[Fault, int]:
        """Runs a Program for one StepArguments, unless there is a fault: which one, and the row, entry or sequence that
        has it. `opened` is the address of an int64 for each instruction and two more: when it began, in nanoseconds."""
        where = ctypes.c_int64()
        with self.lock:
            fault = library.kernels().causerie_run(
                self._pool,
                self.instruction_set.index,
                ctypes.byref(traced),
                ctypes.byref(step),
                ctypes.byref(where),
                opened,
            )
        return program.member(Fault, fault), where.value

    def measure(self, packing: ctypes.Structure) -> None:
        """Fills the table of a matrix that is to be packed losslessly, for the slice of this Packing."""
        with self.lock:
            library.kernels().causerie_measure(self._pool, self.instruction_set.index, ctypes.byref(packing))

    def pack(self, packing: ctypes.Structure) -> None:
        """Puts the slice where it belongs."""
        with self.lock:
            library.kernels().causerie_pack(self._pool, self.instruction_set.index, ctypes.byref(packing))

    def arrange_records(self, rows: NDArray[np.void]) -> tuple[RecordFault, int]:
        """Reads and arranges the matrices of an array of RECORD_ROWS, unless there is a fault: which one, and
        RECORD_ARRAYS times the number of the matrix, and that of its array."""
        where = ctypes.c_int64()
        with self.lock:
            fault = library.kernels().causerie_arrange_records(
                self._pool, self.instruction_set.index, rows.ctypes.data, len(rows), ctypes.byref(where)
            )
        return program.member(RecordFault, fault), where.value

    def read(self, address: int, nbytes: int) -> None:
        """Reads memory, a multiple of 256 bytes, and uses every one of them."""
        with self.lock:
            library.kernels().causerie_read(self._pool, self.instruction_set.index, address, nbytes // 8)

    def multiply(self, kind: Arithmetic, items: int, rounds: int) -> int:
        """Multiplies and adds in registers, `rounds` times in each of `items`. How many operations that was; 0 where
        the instruction set has no instruction for such operands."""
        with self.lock:
            done: int = library.kernels().causerie_peak(
                self._pool, self.instruction_set.index, program.number(kind), items, rounds
            )
        return done
