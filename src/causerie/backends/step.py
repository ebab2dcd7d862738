"""One step: what a single pass through the decoder reads. Flat, explicit arrays; nothing ambient.

Prefill, decode, a mix of both and the check of a draft are all one `Step`. It knows no request, no text and no
sampling; the engine builds it (engine/batch.py), a backend runs it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from causerie.errors import EngineError
from causerie.spec.decoder import Decoder

Int32 = NDArray[np.int32]


@dataclass(frozen=True)
class BlockTables:
    """Where the pages of one page group lie (Decoder.page_groups): position p of a sequence in block
    `table[p // block_size]` of its table, at offset `p % block_size`. An entry is -1 where the group's window lets no
    row of the step see any of its positions; then there may be no block.

    Before anything else every pair of `copies` copies a whole block (all layers of the group, keys and values).
    """

    blocks: Int32  # [t] block tables of all sequences, one after the other
    starts: Int32  # [s + 1] sequence i's table is blocks[starts[i] : starts[i + 1]]
    copies: Int32  # [c, 2] (from, to)


@dataclass(frozen=True)
class Step:
    """`n` tokens of `s` sequences. Rows of one sequence are consecutive, in order of position.

    A row at position p of a sequence attends to that sequence's positions 0..p, or to as many of the last as a layer's
    window lets it. Keys and values of the step's own tokens are written during the step. What convolutions and
    recurrences remember of the positions before a sequence's first row is read from one slot, and what they remember
    after its last row is written to another, or the same.
    """

    tokens: Int32  # [n] token ids
    positions: Int32  # [n] position of each token in its sequence, from 0
    starts: Int32  # [s + 1] sequence i owns rows starts[i] : starts[i + 1]
    tables: tuple[BlockTables, ...]  # one for each page group
    slots: Int32  # [s, 2] (read, written) of each sequence, read = -1 at position 0; [0, 2] where no layer keeps a slot
    rows: Int32  # [r] ascending rows whose logits are wanted; may be empty
    rope_lengths: Int32  # [n] length at which a length-dependent rotation is evaluated (see models/rope.py)
    state_rows: Int32 = field(default_factory=lambda: np.zeros(0, np.int32))
    """[h] ascending rows whose hidden states are wanted. In all at most as many rows may be wanted as a step may have
    tokens; one whose logits are wanted too counts twice."""
    tapped: bool = False  # whether what the model's taps give of every row is wanted (models/decoder.py)
    features: NDArray[np.float32] | None = None  # [n, width] of a model that reads rows beside its tokens: these rows

    @property
    def sequences(self) -> int:
        """How many sequences take part."""
        return len(self.starts) - 1


def check_positions(step: Step, spec: Decoder) -> None:
    """Raises EngineError where a token stands behind the last learned position."""
    if spec.positions is not None and step.positions.max(initial=0) >= spec.positions.context:
        raise EngineError(
            f"A step has a token at position {step.positions.max()}; the model has learned {spec.positions.context} "
            "positions, counted from 0. Shorten the text."
        )
