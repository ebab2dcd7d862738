"""Instructions added up by kind, and a real step's against the clock around it."""

from __future__ import annotations

from causerie.backends.instruction_time import InstructionTime
from causerie.plan.breakdown import InstructionGroup, breakdown


def run(*seconds: float) -> list[InstructionTime]:
    kinds = [
        ("linear", "layers.0.mixer.q layers.0.mixer.k (int8)", 10),
        ("norm", "", 0),
        ("linear", "layers.11.mixer.q layers.11.mixer.k (int8)", 20),
        ("linear", "head (int8)", 5),
    ]
    return [InstructionTime(*kind[:2], value, kind[2]) for kind, value in zip(kinds, seconds, strict=True)]


def test_layers_are_added_up_and_the_quickest_of_each_counts() -> None:
    assert breakdown([run(1, 9, 4, 0.5), run(2, 8, 3, 0.25)]) == [
        InstructionGroup("norm", 1, 8, 0),
        InstructionGroup("linear mixer.q mixer.k (int8)", 2, 4, 30),
        InstructionGroup("linear head (int8)", 1, 0.25, 5),
    ]


def test_nothing_is_nothing() -> None:
    assert breakdown([]) == []
