"""A traced decoder with its cache, ready to run steps: one call into C++ each.

Knows nothing of requests. The C++ side checks every index of a step before a kernel follows it; the faults it reports
become sentences here.
"""

from __future__ import annotations

import ctypes
import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.backends.instruction_time import InstructionTime
from causerie.backends.native import library
from causerie.backends.native.abi import Fault
from causerie.backends.native.cache import LayerCaches, sum_bytes
from causerie.backends.native.expert_store import ExpertStore
from causerie.backends.native.machine import Machine
from causerie.backends.native.prepared import LAYOUT_VERSION, kernel_matrix
from causerie.backends.native.profile import instruction_time
from causerie.backends.native.program import ATTENDING, PAGE_GROUP, ROW_GROUP, StepArguments, TableArguments
from causerie.backends.native.traced import SUMS_BYTES, Traced
from causerie.backends.ops import (
    CacheShape,
    Excerpt,
    Executable,
    ExpertReads,
    Forward,
    KernelMatrices,
    Rotations,
    StepOutput,
)
from causerie.backends.step import Step, check_positions
from causerie.errors import EngineError, Unsupported
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Weights

FAULTS: dict[Fault, Callable[[int, Step, ctypes.Structure], str]] = {
    Fault.TOO_MANY_TOKENS: lambda at, step, program: (
        f"it has {at} tokens and the model was compiled for at most {program.max_tokens}"
    ),
    Fault.BAD_STARTS: lambda at, step, program: f"starts and tokens do not fit together at sequence {at}",
    Fault.BAD_TABLE_STARTS: lambda at, step, program: (
        "the starts and blocks of page group {} do not fit together at sequence {}".format(
            *divmod(at, step.sequences + 1)
        )
    ),
    Fault.TOKEN_OUTSIDE_VOCABULARY: lambda at, step, program: (
        f"row {at} has token {step.tokens[at]} and the vocabulary has {program.vocab}: "
        "the tokenizer belongs to another model"
    ),
    Fault.NEGATIVE_POSITION: lambda at, step, program: (
        f"row {at} has position {step.positions[at]}; positions count from 0"
    ),
    Fault.TABLE_TOO_SHORT: lambda at, step, program: (
        f"row {at} is at position {step.positions[at]}, beyond its sequence's block table"
    ),
    Fault.BLOCK_OUTSIDE_CACHE: lambda at, step, program: (
        _outside(at, [tables.blocks for tables in step.tables], "the block tables", program)
        + "; -1 is for entries that the group's window hides from every row of the sequence"
    ),
    Fault.COPY_OUTSIDE_CACHE: lambda at, step, program: _outside(
        at, [tables.copies.ravel() for tables in step.tables], "the copies", program
    ),
    Fault.SLOT_OUTSIDE_CACHE: lambda at, step, program: (
        f"sequence {at} reads and writes slots {step.slots[at].tolist()}, and the cache has {program.slots}; only what "
        "is read may be -1, for none"
    ),
    Fault.SLOT_SHARED: lambda at, step, program: (
        f"sequence {at} reads and writes slots {step.slots[at].tolist()}, and another sequence writes one of these or "
        "the same"
    ),
    Fault.ROW_OUTSIDE_STEP: lambda at, step, program: (
        f"entry {at} of rows and state_rows is not an ascending row of the step"
    ),
    Fault.TOO_MANY_ROWS: lambda at, step, program: (
        f"it wants something of {at} rows, some of them twice, and the model was compiled for at most "
        f"{program.max_tokens}"
    ),
    Fault.EXPERT_UNREAD: lambda at, step, program: (
        f"an expert could not be read from the model's file ({os.strerror(at)}); if that was moved, changed or lies "
        "on a disk that is gone, load the model again"
    ),
}
"""What is wrong with a step, in words: its row, entry or sequence (src/check.cpp says how they are counted), the step,
and the Program."""

_CLOSED = "The model was closed and cannot run. Load it again."


def _outside(at: int, groups: Sequence[NDArray[np.int32]], kind: str, program: ctypes.Structure) -> str:
    """What is said of a block that is not there: the number at place `at` of all groups' numbers."""
    ends = list(accumulate(len(numbers) for numbers in groups))
    group = bisect_right(ends, at)
    entry = at - (ends[group] - len(groups[group]))
    told = ctypes.string_at(program.groups, program.group_count * PAGE_GROUP.itemsize)
    blocks = np.frombuffer(told, PAGE_GROUP)["blocks"][group]
    return f"entry {entry} of {kind} of page group {group} names block {groups[group][entry]}, and it has {blocks}"


class NativeExecutable:
    """Implements `causerie.backends.ops.Executable`."""

    def __init__(
        self,
        machine: Machine,
        spec: Decoder,
        weights: Weights,
        forward: Forward,
        caches: LayerCaches,
        max_tokens: int,
        store: ExpertStore | None = None,
    ) -> None:
        """Traces the pass; `store` has the experts that stay in their file. Raises OutOfMemory for activations."""
        self._machine = machine
        self._spec = spec
        self._weights: Weights | None = weights  # holds their memory
        self._caches: LayerCaches | None = caches  # others may run over them too
        self._store = store
        self._attending = _attending(spec, max_tokens)
        self._attending_at = self._attending.ctypes.data
        self._traced: Traced | None = Traced.of(
            forward, spec, weights, caches, max_tokens=max_tokens, threads=machine.threads, store=store
        )

    def run(self, step: Step, rotations: Rotations) -> StepOutput:
        """Logits and hidden states. Raises EngineError for a step that does not fit the model."""
        return self._run(self._open(), step, rotations)

    @property
    def caches(self) -> LayerCaches:
        """What it keeps of the past. Raises EngineError where it was closed."""
        if self._caches is None:
            raise EngineError(_CLOSED)
        return self._caches

    @property
    def cache_memory(self) -> LayerCaches:
        """See KeepingExecutable."""
        return self.caches

    @property
    def arithmetic(self) -> str:
        """See KeepingExecutable: the kernels, and which of them."""
        return f"native {library.fingerprint()} {self._machine.instruction_set.name}"

    @property
    def instructions(self) -> NDArray[np.void]:
        """As C++ reads them."""
        return self._open().instructions

    def profile(self, step: Step, rotations: Rotations) -> list[InstructionTime]:
        """Runs a step and tells how long each instruction took, in order; the first is the copying of cache blocks.
        The same work as `run`, with one look at the clock between instructions. Raises as `run`."""
        traced = self._open()
        opened = np.zeros(len(traced.instructions) + 2, np.int64)
        self._run(traced, step, rotations, opened.ctypes.data)
        seconds = np.diff(opened) / 1e9
        copies = InstructionTime("copy", "", float(seconds[0]), 0)
        each = zip(traced.lines, traced.instructions, seconds[1:], strict=True)
        return [copies, *(instruction_time(*one, step) for one in each)]

    def _open(self) -> Traced:
        if self._traced is None:
            raise EngineError(_CLOSED)
        return self._traced

    def _run(self, traced: Traced, step: Step, rotations: Rotations, opened: int | None = None) -> StepOutput:
        check_positions(step, self._spec)
        _arrays, addresses = _flat(step, traced.program.group_count, traced.program.slots)
        turns = self._turns(rotations, len(step.tokens))
        turned = np.array([turn.ctypes.data for turn in turns], np.uint64)
        logits = np.empty((len(step.rows), traced.widths[0]), np.float32)
        states = np.empty((len(step.state_rows), traced.widths[1]), np.float32)
        taps = _tap_rows(len(step.tokens), traced.tap_widths)
        features = _features(step, traced.features_width)
        traced.connect(taps, features)
        arguments = StepArguments(
            tokens_count=len(step.tokens),
            sequences=step.sequences,
            wanted_count=len(step.rows) + len(step.state_rows),
            logits_count=len(step.rows),
            rotations=turned.ctypes.data,
            logits=logits.ctypes.data,
            states=states.ctypes.data,
            attending=self._attending_at,
            **addresses,
        )
        fault, where = self._machine.run(traced.program, arguments, opened)
        if fault is not Fault.STEP_OK:
            raise EngineError(f"A step cannot run: {FAULTS[fault](where, step, traced.program)}.")
        return StepOutput(logits, states, taps)

    def expert_choices(self) -> list[NDArray[np.int64]]:
        """See Executable. Raises EngineError where it was closed."""
        return [each.copy() for each in self._open().choices]

    def expert_reads(self) -> ExpertReads | None:
        """See ExpertReader. Raises EngineError where it was closed."""
        self._open()
        return None if self._store is None else self._store.reads

    def touch(self, cache_bytes: int) -> None:
        """See TouchingExecutable. Raises EngineError where it was closed."""
        activations = self._open().activations
        activations.touch(activations.length)
        if self._caches is not None:  # as where it is open
            self._caches.touch(cache_bytes)

    def kernel_matrices(self) -> KernelMatrices:
        """Views of its matrices. Raises EngineError where it was closed."""
        if self._weights is None:
            raise EngineError(_CLOSED)
        matrices = {name: kernel_matrix(weight) for name, weight in self._weights.items() if len(weight.shape) == 2}
        return KernelMatrices("native", LAYOUT_VERSION, matrices)

    def host(self, other: Executable, forward: Forward, cache: CacheShape, max_tokens: int) -> NativeExecutable:
        """See HostingExecutable."""
        if not isinstance(other, NativeExecutable):
            raise EngineError(f"A native model cannot run the weights of a {type(other).__name__}.")
        if other._weights is None:
            raise EngineError(_CLOSED)
        if other._store is not None:
            raise Unsupported(
                "A model whose experts stay in their file cannot guess for another. Take a smaller one, or load it "
                "with a larger expert_memory."
            )
        caches = LayerCaches(other._spec, cache)
        return NativeExecutable(self._machine, other._spec, other._weights, forward, caches, max_tokens)

    def lend(
        self,
        names: Sequence[str],
        spec: Decoder,
        weights: Weights,
        forward: Forward,
        cache: CacheShape,
        max_tokens: int,
    ) -> NativeExecutable:
        """See LendingExecutable."""
        if self._weights is None:
            raise EngineError(_CLOSED)
        both = {**weights, **{name: self._weights[name] for name in names}}
        return NativeExecutable(self._machine, spec, both, forward, LayerCaches(spec, cache), max_tokens)

    def beside(self, forward: Forward, max_tokens: int, excerpt: Excerpt | None = None) -> NativeExecutable:
        """See SharingExecutable."""
        if self._weights is None:
            raise EngineError(_CLOSED)
        if self._store is not None:
            raise Unsupported("A model whose experts stay in their file makes one pass alone over its weights.")
        spec, weights, caches = self._spec, self._weights, self.caches
        if excerpt is not None:
            spec, caches = excerpt.spec, caches.excerpt(excerpt.layers)
            weights = {name: weights[other] for name, other in excerpt.names.items()}
        return NativeExecutable(self._machine, spec, weights, forward, caches, max_tokens)

    def close(self) -> None:
        """Frees weights, cache and activations."""
        with self._machine.lock:
            self._weights = self._caches = self._traced = self._store = None

    def _turns(self, rotations: Rotations, tokens: int) -> list[NDArray[np.float32]]:
        """The rotations as C++ wants them, one per distinct rope of the decoder."""
        expected = [(tokens, 2, rope.dims // 2) for rope in self._spec.ropes]
        shapes = [tuple(each.shape) for each in rotations]
        if shapes != expected:
            raise EngineError(f"A step cannot run: rotations of shapes {shapes} were given, {expected} are needed.")
        return [np.ascontiguousarray(each, np.float32) for each in rotations]


def _flat(step: Step, groups: int, slots: int) -> tuple[tuple[Any, ...], dict[str, int]]:
    """The step's numbers one after the other and its TableArguments, to be held while C++ reads them, and the addresses
    that StepArguments wants; lengths checked against each other, and against what the cache has."""
    _check_lengths(step, groups, slots)
    arrays = {
        "tokens": step.tokens,
        "positions": step.positions,
        "starts": step.starts,
        "slots": step.slots.ravel(),
        "wanted": np.concatenate((step.rows, step.state_rows)) if len(step.state_rows) else step.rows,
    }
    paged = [array for tables in step.tables for array in (tables.blocks, tables.starts, tables.copies.ravel())]
    numbers = np.concatenate((*arrays.values(), *paged), dtype=np.int32)
    begins = list(accumulate((4 * len(array) for array in (*arrays.values(), *paged)), initial=numbers.ctypes.data))
    tables = (TableArguments * groups)()
    for i, (table, pages) in enumerate(zip(tables, step.tables, strict=True)):
        table.blocks, table.starts, table.copies = begins[len(arrays) + 3 * i :][:3]
        table.blocks_count, table.copies_count = len(pages.blocks), len(pages.copies)
    return (numbers, tables), dict(zip(arrays, begins, strict=False)) | {"tables": ctypes.addressof(tables)}


def _tap_rows(tokens: int, widths: tuple[int, ...]) -> NDArray[np.float32] | None:
    """Room for what taps give, as wide as the widest; what is behind a narrower one stays 0."""
    if not widths:
        return None
    shape = (tokens, len(widths), max(widths))
    return np.empty(shape, np.float32) if len(set(widths)) == 1 else np.zeros(shape, np.float32)


def _features(step: Step, width: int) -> NDArray[np.float32] | None:
    """The rows that a step comes with, as C++ reads them. Raises EngineError where they are not what the pass reads."""
    shape = None if step.features is None else step.features.shape
    if shape != ((len(step.tokens), width) if width else None):
        raise EngineError(
            f"A step cannot run: {len(step.tokens)} tokens come with rows of shape {shape}, and rows of {width} are "
            "read with each."
        )
    return None if step.features is None else np.ascontiguousarray(step.features, np.float32)


def _check_lengths(step: Step, groups: int, slots: int) -> None:
    rows, positions, starts = len(step.tokens), len(step.positions), len(step.starts)
    tables = [len(each.starts) for each in step.tables]
    if rows != positions or not starts or tables != [starts] * groups:
        raise EngineError(
            f"A step cannot run: {rows} tokens with {positions} positions, {starts} starts with {tables} starts of "
            f"block tables; the first must be equal, the second of each of {groups} page groups, one start at least."
        )
    pairs = starts - 1 if slots else 0
    if step.slots.shape != (pairs, 2):
        raise EngineError(
            f"A step cannot run: {starts - 1} sequences have slots of shape {step.slots.shape}; ({pairs}, 2) is needed "
            f"where a cache has {slots}."
        )


def _attending(spec: Decoder, max_tokens: int) -> NDArray[np.uint8]:
    """Scratch in which a step notes how its attention is shared out: src/abi.h's Attending."""
    widest = max((mixer.heads * sum_bytes(mixer) for mixer in spec.attending), default=SUMS_BYTES)
    attending = np.zeros(ATTENDING.itemsize + max_tokens * ROW_GROUP.itemsize, np.uint8)
    attending[: ATTENDING.itemsize].view(ATTENDING)["room"] = SUMS_BYTES // widest
    return attending
