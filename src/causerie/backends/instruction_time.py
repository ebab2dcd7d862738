"""What one instruction of a step cost, told by a backend that computes by instructions. A value; knows no backend."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InstructionTime:
    """One instruction of one step."""

    operation: str  # "linear", "attention", … in small letters; or "copy"
    detail: str  # of a linear: its matrices, such as "layers.0.mixer.q layers.0.mixer.k (int8)"
    seconds: float
    nbytes: int  # of weights and cache that it read
