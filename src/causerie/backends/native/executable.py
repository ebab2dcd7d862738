"""A traced decoder with its cache, ready to run steps: one call into C++ each.

Knows nothing of requests. The C++ side checks every index of a step before a kernel follows it; the faults it reports
become sentences here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native import library, trace
from causerie.backends.native.arena import Arena, aligned
from causerie.backends.native.cache import LayerCaches, sum_bytes
from causerie.backends.native.prepared import LAYOUT_VERSION, laid
from causerie.backends.native.profile import Timed, timed
from causerie.backends.native.program import ATTENDING, ROW_GROUP, WANTED, Program, StepArguments
from causerie.backends.ops import CacheShape, Forward, LaidOut, Rotations, Weights
from causerie.backends.step import Step
from causerie.errors import EngineError
from causerie.models.spec import Decoder

if TYPE_CHECKING:
    from causerie.backends.native.backend import NativeBackend

SUMS_BYTES = 4 * 2**20
"""Room for sums of attention that are done apart: a thousand chunks of 14 heads of 64."""

FAULTS: tuple[Callable[[int, Step, Program], str], ...] = (
    lambda at, step, program: f"it has {at} tokens and the model was compiled for at most {program.max_tokens}",
    lambda at, step, program: f"starts, table_starts and tables do not fit together at sequence {at}",
    lambda at, step, program: (
        f"row {at} has token {step.tokens[at]} and the vocabulary has {program.vocab}: "
        "the tokenizer belongs to another model"
    ),
    lambda at, step, program: f"row {at} has position {step.positions[at]}; positions count from 0",
    lambda at, step, program: f"row {at} is at position {step.positions[at]}, beyond its sequence's block table",
    lambda at, step, program: f"entry {at} of its tables or copies names a block outside the cache's {program.blocks}",
    lambda at, step, program: f"entry {at} of rows is not an ascending row of the step",
)
"""What is wrong with a step, by the number that src/run.h gives it, from 1."""


class NativeExecutable:
    """Implements `causerie.backends.ops.Executable`."""

    def __init__(
        self,
        backend: NativeBackend,
        spec: Decoder,
        weights: Weights,
        forward: Forward,
        cache: CacheShape,
        max_tokens: int,
    ) -> None:
        """Traces `forward`. Raises OutOfMemory for cache or activations."""
        self._backend = backend
        self._spec = spec
        self._weights: Weights | None = weights  # holds their memory
        caches = LayerCaches(spec, cache)
        ops = trace.NativeOps(spec, caches)
        logits = forward(ops, spec, weights)
        if (logits.width, logits.counted, logits.narrow) != (spec.vocab, WANTED, False):
            raise EngineError(
                f"The forward pass gave {logits}; one float32 row of {spec.vocab} per wanted row is needed."
            )
        lines = trace.fold_roundings(ops.lines)
        memory = trace.share_memory(lines, logits)
        lines = trace.with_merges(lines)
        room = sum(memory.strides[:-1]) * max_tokens
        activations = Arena(aligned(room) + SUMS_BYTES, "the activations of a step")
        self.instructions = trace.assemble(lines, memory)
        self._lines = lines
        self._buffers = trace.buffers(memory, max_tokens, activations.take(room))
        self._activations: Arena | None = activations
        self._row_sequence = np.zeros(max_tokens, np.int32)
        self._attending = _attending(spec, max_tokens)
        self._caches: LayerCaches | None = caches
        self._program = Program(
            instructions=self.instructions.ctypes.data,
            buffers=self._buffers.ctypes.data,
            layers=caches.layers.ctypes.data,
            row_sequence=self._row_sequence.ctypes.data,
            sums=activations.take(SUMS_BYTES),
            instruction_count=len(self.instructions),
            layer_count=len(caches.layers),
            logits_buffer=len(self._buffers) - 1,
            blocks=cache.blocks,
            max_tokens=max_tokens,
            vocab=spec.vocab,
            threads=backend.threads,
        )

    def run(self, step: Step, rotations: Rotations) -> NDArray[np.float32]:
        """Logits [r, vocab] of the step's rows. Raises EngineError for a step that does not fit the model."""
        return self._run(step, rotations, None)

    def profile(self, step: Step, rotations: Rotations) -> list[Timed]:
        """Runs a step and tells how long each instruction took, in order; the first is the copying of cache blocks.
        The same work as `run`, with one look at the clock between instructions. Raises as `run`."""
        opened = np.zeros(len(self.instructions) + 2, np.int64)
        self._run(step, rotations, opened.ctypes.data)
        seconds = np.diff(opened) / 1e9
        copies = Timed("copy", "", float(seconds[0]), 0)
        return [copies, *(timed(*each, step) for each in zip(self._lines, self.instructions, seconds[1:], strict=True))]

    def _run(self, step: Step, rotations: Rotations, opened: int | None) -> NDArray[np.float32]:
        if self._caches is None:
            raise EngineError("The model was closed and cannot run. Load it again.")
        arrays = self._arrays(step)
        turns = self._turns(rotations, len(step.tokens))
        addresses = np.array([turn.ctypes.data for turn in turns], np.uint64)
        logits = np.empty((len(step.rows), self._spec.vocab), np.float32)
        arguments = StepArguments(
            tokens_count=len(step.tokens),
            sequences=step.sequences,
            wanted_count=len(step.rows),
            copies_count=len(step.copies),
            tables_count=len(step.tables),
            rotations=addresses.ctypes.data,
            logits=logits.ctypes.data,
            attending=self._attending.ctypes.data,
            **{name: array.ctypes.data for name, array in arrays.items()},
        )
        where = ctypes.c_int64()
        with self._backend.lock:
            fault = library.kernels().causerie_run(
                self._backend.pool,
                self._backend.instruction_set.index,
                ctypes.byref(self._program),
                ctypes.byref(arguments),
                ctypes.byref(where),
                opened,
            )
        if fault:
            raise EngineError(f"A step cannot run: {FAULTS[fault - 1](where.value, step, self._program)}.")
        return logits

    def laid_out(self) -> LaidOut:
        """Views of its matrices. Raises EngineError where it was closed."""
        if self._weights is None:
            raise EngineError("The model was closed; its weights are gone. Load it again.")
        matrices = {name: laid(weight) for name, weight in self._weights.items() if len(weight.shape) == 2}
        return LaidOut(self._backend.name, LAYOUT_VERSION, matrices)

    def close(self) -> None:
        """Frees weights, cache and activations."""
        with self._backend.lock:
            self._weights = self._caches = self._activations = None
            self._lines = []

    def _arrays(self, step: Step) -> dict[str, NDArray[np.int32]]:
        """The step's arrays as C++ wants them, their lengths checked against each other."""
        arrays = {
            "tokens": step.tokens,
            "positions": step.positions,
            "starts": step.starts,
            "tables": step.tables,
            "table_starts": step.table_starts,
            "wanted": step.rows,
            "copies": step.copies,
        }
        rows, given, starts, tables = (len(arrays[name]) for name in ("tokens", "positions", "starts", "table_starts"))
        if rows != given or starts != tables or not starts:
            raise EngineError(
                f"A step cannot run: {rows} tokens with {given} positions, {starts} starts with {tables} table_starts; "
                "each pair must be equal, with one start at least."
            )
        return {name: np.ascontiguousarray(array, np.int32) for name, array in arrays.items()}

    def _turns(self, rotations: Rotations, tokens: int) -> list[NDArray[np.float32]]:
        """The rotations as C++ wants them, one per distinct rope of the decoder."""
        expected = [(tokens, 2, rope.dims // 2) for rope in self._spec.ropes]
        given = [tuple(each.shape) for each in rotations]
        if given != expected:
            raise EngineError(f"A step cannot run: rotations of shapes {given} were given, {expected} are needed.")
        return [np.ascontiguousarray(each, np.float32) for each in rotations]


def _attending(spec: Decoder, max_tokens: int) -> NDArray[np.uint8]:
    """Scratch in which a step notes how its attention is shared out: src/abi.h's Attending."""
    widest = max((layer.mixer.heads * sum_bytes(layer.mixer) for layer in spec.layers), default=SUMS_BYTES)
    attending = np.zeros(ATTENDING.itemsize + max_tokens * ROW_GROUP.itemsize, np.uint8)
    attending[: ATTENDING.itemsize].view(ATTENDING)["room"] = SUMS_BYTES // widest
    return attending
