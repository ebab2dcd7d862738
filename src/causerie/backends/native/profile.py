"""What one instruction of a step cost: its time, and the bytes of memory that it had to read.

Only what does not stay in a processor's caches is counted: weights, and the keys and values of past tokens.
"""

from __future__ import annotations

import re

import numpy as np

from causerie.backends.instruction_time import InstructionTime
from causerie.backends.native.abi import Counted, Op
from causerie.backends.native.program import BLOCK
from causerie.backends.native.trace import Line
from causerie.backends.step import Step
from causerie.spec.experts import unread_share

_EXPERT = re.compile(r"\bexperts\.\d+\.")


def instruction_time(line: Line, instruction: np.void, seconds: float, step: Step) -> InstructionTime:
    """The cost of an instruction of `step` that took `seconds`."""
    detail = ""
    if line.parts:
        formats = ", ".join(dict.fromkeys(part.weight.format for part in line.parts))
        names = dict.fromkeys(_EXPERT.sub("experts.", part.weight.name) for part in line.parts)
        detail = f"{' '.join(names)} ({formats})"
    return InstructionTime(line.op.name.lower(), detail, float(seconds), _bytes_read(line, instruction, step))


def _rows(step: Step, counted: Counted) -> int:
    """How many of what an instruction counts a step has."""
    logits, states = len(step.rows), len(step.state_rows)
    return {
        Counted.TOKENS: len(step.tokens),
        Counted.OUTPUTS: logits + states,
        Counted.LOGITS: logits,
        Counted.STATES: states,
    }[counted]


def _bytes_read(line: Line, instruction: np.void, step: Step) -> int:
    rows = _rows(step, line.outputs[0].counted)
    if not rows:
        return 0
    if line.op is Op.LINEAR:
        return sum(part.weight.nbytes for part in line.parts)
    if line.op is Op.EXPERT_LINEAR:  # not told which experts it was: as many as are to be expected
        unread = unread_share(int(instruction["experts"]), int(instruction["active"]), rows)
        return int(sum(part.weight.nbytes for part in line.parts) * (1 - unread))
    if line.op is not Op.ATTENTION:
        return 0
    ends = step.positions[step.starts[1:] - 1] + 1
    firsts = np.maximum(step.positions[step.starts[:-1]] - int(instruction["window"]) + 1, 0)
    positions = ends - firsts if instruction["window"] else ends
    return int(positions.sum()) * int(instruction["block_bytes"]) // BLOCK
