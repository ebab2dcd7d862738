"""Hardware that somebody asks about by name, or by its bandwidth and memory, and does not have.

known_hardware.toml has the facts. Knows no model.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from causerie.errors import UsageError, unknown
from causerie.plan.computer import Computer, Kind, Span

CARD_SHARE = 0.94
"""Of a graphics card's memory, what its driver and the display leave."""
UNIFIED_SHARE = 0.75
"""Of memory that processor and graphics share, what the system lets graphics take."""
SYSTEM_SHARE = 0.85
"""Of a computer's memory, what its system and other programs leave."""


@cache
def _facts() -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads(files("causerie.plan").joinpath("known_hardware.toml").read_text(encoding="utf-8"))


def known_names() -> list[str]:
    """Every name that `computer_named` takes, classes first."""
    return [name for group in ("classes", "names") for name in _facts()[group]]


def computer_named(name: str, *, bandwidth: float | None = None, memory: float | None = None) -> Computer:
    """The hardware of that name; `bandwidth` (GB/s) and `memory` (GB) take the place of what is known of it. Raises
    UnknownName with the known ones, the nearest first."""
    _check(bandwidth, memory)
    spelled = {_plain(known): known for known in known_names()}
    known = spelled.get(_plain(name)) or spelled.get(_plain(_without_maker(name)))
    if known is None:
        raise unknown("hardware", name, known_names(), advice="Or say what it has: --bandwidth GB/s --memory GB.")
    facts = next(group[known] for group in _facts().values() if known in group)
    return _computer(known, facts, bandwidth, memory)


def computer_of(bandwidth: float, memory: float) -> Computer:
    """Hardware of this bandwidth (GB/s) and memory (GB); its arithmetic is that of the class it lies in, in the
    proportion of the bandwidths."""
    _check(bandwidth, memory)
    classes = _facts()["classes"]
    order = ["consumer CPU", "server CPU", "data-centre GPU"]
    like = next((each for each in order if bandwidth <= classes[each]["bandwidth"][1]), order[-1])
    facts, share = classes[like], bandwidth / (sum(classes[like]["bandwidth"]) / 2)
    scaled = {kind: [share * each for each in facts[kind]] for kind in ("bfloat16", "int8")}
    return _computer(f"{bandwidth:g} GB/s and {memory:g} GB, like a {like}", {**facts, **scaled}, bandwidth, memory)


def _computer(name: str, facts: dict[str, Any], bandwidth: float | None, memory: float | None) -> Computer:
    kind: Kind = facts["kind"]
    share = UNIFIED_SHARE if facts.get("unified") else CARD_SHARE if kind == "gpu" else SYSTEM_SHARE
    peaks = {each: _span(facts[each]).times(1e12) for each in ("bfloat16", "int8")}
    return Computer(
        name=name,
        kind=kind,
        memory=round((facts["memory"] if memory is None else memory) * 1e9 * share),
        bandwidth=_span(facts["bandwidth"] if bandwidth is None else bandwidth).times(1e9),
        operations={"float32": peaks["bfloat16"].times(0.5), **peaks},
    )


def _span(value: float | list[float]) -> Span:
    return Span(value[0], sum(value) / 2, value[1]) if isinstance(value, list) else Span.of(value)


def _check(bandwidth: float | None, memory: float | None) -> None:
    for option, value, unit in (("bandwidth", bandwidth, "GB/s"), ("memory", memory, "GB")):
        if value is not None and not 0 < value < 1e6:
            raise UsageError(f"{option} is {value:g} {unit}; it must be more than 0 and less than a million.")


def _plain(name: str) -> str:
    """A name as it is compared: small letters and digits."""
    return "".join(each for each in name.casefold() if each.isalnum())


def _without_maker(name: str) -> str:
    words = [
        word for word in name.split() if _plain(word) not in ("nvidia", "geforce", "amd", "radeon", "apple", "tesla")
    ]
    return " ".join(words)
