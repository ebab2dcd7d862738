"""What this machine gave when it was measured, kept as JSON in the user's cache folder with what tells the machine
apart from others.

Measuring takes seconds and is done once; whoever asks later reads the file. Knows no model.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from causerie.plan.computer import Computer, Span
from causerie.plan.hardware import Hardware, Probe

FILE = "machine.json"
VERSION = 2
"""Of the file's form; another one is measured again."""
ROUNDS = 12
"""Of bandwidth and peaks, one after the other: about three seconds."""
BELIEF = 0.2
"""How much of what one answer teaches is believed, as an exponent of its ratio."""
FLIPPING = 1.25
"""Highest over lowest from which on a bandwidth is said to move."""


@dataclass(frozen=True)
class Fingerprint:
    """What tells one machine, as this process may use it, from another."""

    processor: str
    cores: int
    physical_cores: int
    memory_total: int
    threads: int
    instruction_set: str

    @staticmethod
    def of(machine: Hardware, threads: int, instruction_set: str) -> Fingerprint:
        """That of a machine of which so many threads are used."""
        return Fingerprint(
            machine.processor, machine.cores, machine.physical_cores, machine.memory_total, threads, instruction_set
        )


@dataclass(frozen=True)
class Card:
    """A graphics card, or another device of torch's: bytes, bytes and operations per second."""

    name: str  # "cuda:0"
    label: str  # what its maker calls it
    memory: int  # that was free
    bandwidth: float
    operations: dict[str, float]


@dataclass(frozen=True)
class MachineRecord:
    """Measurements of one machine, each the rounds in their order."""

    fingerprint: Fingerprint
    measured: str  # date and time, UTC
    bandwidth: tuple[float, ...]
    operations: dict[str, tuple[float, ...]]
    cards: tuple[Card, ...] = ()
    lasted: float = field(default=0.0, compare=False)  # seconds
    learnt: dict[str, float] = field(default_factory=dict)  # see Computer.learnt

    @staticmethod
    def measure(
        fingerprint: Fingerprint, cards: Sequence[Card] = (), clock: Callable[[], float] = time.perf_counter
    ) -> MachineRecord:
        """Measures now. Raises BackendUnavailable where the native library cannot run."""
        begun = clock()
        probe = Probe(fingerprint.threads, fingerprint.instruction_set)
        bandwidth: list[float] = []
        operations: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            bandwidth.append(probe.sustained_bandwidth())
            for kind, value in probe.sustained_peaks().items():
                operations.setdefault(kind, []).append(value)
        return MachineRecord(
            fingerprint,
            time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            tuple(bandwidth),
            {kind: tuple(values) for kind, values in operations.items()},
            tuple(cards),
            clock() - begun,
        )

    @property
    def bandwidth_span(self) -> Span:
        """The lowest, the median and the highest round."""
        return _span(self.bandwidth)

    @property
    def moves(self) -> bool:
        """Whether bandwidth changed so much from round to round that speeds are told as a range."""
        return max(self.bandwidth) > FLIPPING * min(self.bandwidth)

    def computer(self, memory: int, *, packs: bool) -> Computer:
        """The processor as a computer for models, with so much memory free."""
        return Computer(
            name=f"this machine ({self.fingerprint.processor}, {self.fingerprint.threads} threads)",
            kind="cpu",
            memory=memory,
            bandwidth=self.bandwidth_span,
            operations={kind: _span(values) for kind, values in self.operations.items()},
            instruction_set=self.fingerprint.instruction_set,
            packs=packs,
            measured=True,
            learnt=self.learnt,
        )

    def taught(self, lesson: str, ratio: float) -> MachineRecord:
        """The same record after an answer that was `ratio` times as fast as predicted, with what was learnt before: a
        part of it is believed, as one answer may have met a busy machine."""
        factor = self.learnt.get(lesson, 1.0) * min(2.0, max(0.5, ratio)) ** BELIEF
        return replace(self, learnt={**self.learnt, lesson: min(2.0, max(0.5, factor))})

    def save(self, folder: Path) -> None:
        """Writes the file, whole or not at all; where the folder cannot be written nothing is kept."""
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder, prefix=f".{FILE}.")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, **asdict(self)}, file, indent=1)
            os.replace(name, folder / FILE)

    @staticmethod
    def load(folder: Path, fingerprint: Fingerprint) -> MachineRecord | None:
        """What was kept of this very machine; None where there is nothing that can be read."""
        try:
            values = json.loads((folder / FILE).read_text(encoding="utf-8"))
            record = _record(values)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return record if values.get("version") == VERSION and record.fingerprint == fingerprint else None


def _record(values: dict[str, Any]) -> MachineRecord:
    """Raises ValueError, TypeError, KeyError or AttributeError for what is no record."""
    rounds = tuple(float(each) for each in values["bandwidth"])
    operations = {str(kind): tuple(map(float, each)) for kind, each in values["operations"].items()}
    if not rounds or not all(operations.values()) or min(rounds) <= 0:
        raise ValueError("a measurement without rounds")
    cards = tuple(Card(**each) for each in values["cards"])
    fingerprint = Fingerprint(**values["fingerprint"])
    learnt = {str(lesson): float(factor) for lesson, factor in values["learnt"].items()}
    measured, lasted = str(values["measured"]), float(values["lasted"])
    return MachineRecord(fingerprint, measured, rounds, operations, cards, lasted, learnt)


def _span(rounds: Sequence[float]) -> Span:
    return Span(min(rounds), median(rounds), max(rounds))
