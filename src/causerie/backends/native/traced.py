"""The pass through the decoder as a program that C++ runs: recorded once, with room for what a step computes.

Knows no step.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native import assembly
from causerie.backends.native.abi import Counted
from causerie.backends.native.arena import Arena, aligned
from causerie.backends.native.cache import LayerCaches
from causerie.backends.native.expert_store import ExpertStore
from causerie.backends.native.line import WIDE, Line, Value
from causerie.backends.native.lookahead import stored_layers
from causerie.backends.native.program import Program
from causerie.backends.native.trace import NativeOps
from causerie.backends.ops import Forward
from causerie.errors import EngineError
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Weights

SUMS_BYTES = 4 * 2**20
"""Room for sums of attention that are done apart: a thousand chunks of 14 heads of 64."""

_EXITS = [(Counted.LOGITS, WIDE), (Counted.STATES, WIDE)]
_TAP = (Counted.TOKENS, WIDE)


@dataclass(frozen=True)
class Traced:
    """A program and all the memory that its addresses name, but for that of results and of features, which is the
    caller's."""

    program: ctypes.Structure
    instructions: NDArray[np.void]
    parts: NDArray[np.void]
    panels: NDArray[np.void]
    buffers: NDArray[np.void]
    lines: list[Line]
    widths: tuple[int, int]  # of a row of logits and of states
    tap_widths: tuple[int, ...]  # of the rows that it gives besides of each token
    features_width: int  # of the features that each token comes with; 0 where there are none
    activations: Arena
    scratch: tuple[NDArray[np.int32], ...]
    constants: list[NDArray[np.float32]]
    choices: list[NDArray[np.int64]]  # of each layer that has experts: how many rows have chosen each

    @staticmethod
    def of(
        forward: Forward,
        spec: Decoder,
        weights: Weights,
        caches: LayerCaches,
        *,
        max_tokens: int,
        threads: int,
        store: ExpertStore | None = None,
    ) -> Traced:
        """Records `forward`, which gives a float32 row for each row whose logits, and for each whose states are wanted,
        and for each token at each tap. Raises OutOfMemory."""
        ops = NativeOps(spec, caches, None if store is None else stored_layers(store, spec, weights))
        results = forward(ops, spec, weights)
        taps = results[len(_EXITS) :]
        if [(each.counted, each.form) for each in results] != [*_EXITS, *[_TAP] * len(taps)]:
            raise EngineError(f"The pass gave {results}; float32 rows of both exits and of taps are needed.")
        lines = assembly.fold_roundings(ops.lines, results)
        outer = _outer(results, ops.entry)
        memory = assembly.share_memory(lines, outer)
        lines = assembly.with_merges(lines)
        room = sum(memory.sizes(max_tokens))
        activations = Arena(aligned(room) + SUMS_BYTES, "the activations of a step")
        instructions, parts = assembly.assemble(lines, memory, ops.panels)
        panels = ops.panels.array()
        buffers = assembly.buffers(memory, max_tokens, activations.take(room))
        scratch = _scratch(max_tokens * max(memory.times, default=1), max_tokens, instructions, caches.shape.slots)
        program = Program(
            instructions=instructions.ctypes.data,
            parts=parts.ctypes.data,
            panels=panels.ctypes.data,
            buffers=buffers.ctypes.data,
            layers=caches.layers.ctypes.data,
            groups=caches.groups.ctypes.data,
            **{name: array.ctypes.data for name, array in scratch.items()},
            sums=activations.take(SUMS_BYTES),
            store=0 if store is None else store.connect(lines, instructions, parts),
            instruction_count=len(instructions),
            layer_count=len(caches.layers),
            group_count=len(caches.groups),
            slots=caches.shape.slots,
            logits_buffer=len(buffers) - len(outer),
            states_buffer=len(buffers) - len(outer) + 1,
            max_tokens=max_tokens,
            vocab=spec.vocab,
            threads=threads,
        )
        return Traced(
            program,
            instructions,
            parts,
            panels,
            buffers,
            lines,
            (results[0].width, results[1].width),
            tuple(tap.width for tap in taps),
            ops.entry.width if ops.entry is not None else 0,
            activations,
            tuple(scratch.values()),
            ops.constants,
            ops.choices,
        )

    def connect(self, taps: NDArray[np.float32] | None, features: NDArray[np.float32] | None) -> None:
        """Has the next run write what taps give, [n, taps, width], and read features [n, width]; both
        must live as long as it runs."""
        count = len(self.tap_widths)
        first = len(self.buffers) - count - (1 if self.features_width else 0)
        if taps is not None:
            offsets = np.arange(count, dtype=np.uint64) * np.uint64(4 * max(self.tap_widths))
            self.buffers["data"][first : first + count] = np.uint64(taps.ctypes.data) + offsets
        if features is not None:
            self.buffers["data"][-1] = features.ctypes.data


def _outer(results: Sequence[Value], entry: Value | None) -> dict[int, int]:
    """The bytes of a row of each buffer that is not the program's, in the order in which they lie behind these: of both
    exits, of taps, what these give of a token side by side, and of features."""
    exits, taps = results[: len(_EXITS)], results[len(_EXITS) :]
    widest = max((tap.width for tap in taps), default=0)
    outer = {each.number: 4 * each.width for each in exits}
    outer |= {tap.number: 4 * widest * len(taps) for tap in taps}
    return outer if entry is None else outer | {entry.number: 4 * entry.width}


def _scratch(places: int, rows: int, instructions: NDArray[np.void], slots: int) -> dict[str, NDArray[np.int32]]:
    """Room for what a step counts, by the program's fields."""
    counts = {
        "row_sequence": rows,
        "place_rows": places,
        "expert_starts": 1 + int(instructions["experts"].max(initial=0)),
        "expert_items": 1 + int(instructions["part_count"].max(initial=0)),
        "slot_writers": slots,
    }
    return {name: np.zeros(count, np.int32) for name, count in counts.items()}
