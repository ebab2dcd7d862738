"""The fields of instructions that say what a recurrence is, from the values of spec/. Knows no program."""

from __future__ import annotations

from causerie.spec.mamba2 import Mamba2


def mamba2_numbers(spec: Mamba2) -> dict[str, float]:
    """Of a MAMBA2, but for addresses."""
    return {
        "heads": spec.heads,
        "head_dim": spec.head_dim,
        "groups": spec.groups,
        "length": spec.state,
        "eps": spec.least_step,
        "limit": spec.most_step,
        "scale": spec.scales.step,
    }
