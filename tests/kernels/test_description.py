"""What the library tells of its structures, and that one which disagrees with Python is not used."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from causerie.backends.native import abi, executable, library, program
from causerie.backends.native.description import Description
from causerie.errors import BackendUnavailable
from causerie.spec.mlp import Activation
from causerie.spec.router import MOST_EXPERTS, Scoring

Told = dict[str, Any]
TOLD: bytes = library.kernels().causerie_description()


def altered(change: Callable[[Told], object]) -> bytes:
    told = json.loads(TOLD)
    change(told)
    return json.dumps(told).encode()


def swap_fields(told: Told, structure: str, one: str, other: str) -> None:
    fields = told["structures"][structure]["fields"]
    fields[one], fields[other] = fields[other], fields[one]


def load(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Loads the library anew, as if it told `text`."""

    class Other(ctypes.CDLL):
        def __getattr__(self, name: str) -> Any:
            return (lambda: text) if name == "causerie_description" else super().__getattr__(name)

    monkeypatch.setattr(library.ctypes, "CDLL", Other)
    library.kernels.__wrapped__()


def test_swapped_fields_are_found_where_they_lie() -> None:
    """Two i4 fields in each other's place have the same sizes, and once passed for the old order."""
    own = Description.parse(TOLD).structures
    other = Description.parse(altered(lambda told: swap_fields(told, "Instruction", "x", "out"))).structures
    assert own["Instruction"].nbytes == other["Instruction"].nbytes
    line = np.zeros(1, other["Instruction"].dtype())
    line["x"], line["out"] = 7, 9
    read = line.view(own["Instruction"].dtype())
    assert (read["x"], read["out"]) == (9, 7)

    swapped = Description.parse(altered(lambda told: swap_fields(told, "Program", "vocab", "slots"))).structures
    made = swapped["Program"].ctype()(vocab=7, slots=9)
    again = own["Program"].ctype().from_buffer_copy(made)
    assert (again.vocab, again.slots) == (9, 7)


def test_types_lie_as_the_library_says() -> None:
    structures = Description.parse(TOLD).structures
    for structure in structures.values():
        dtype, ctype = structure.dtype(), structure.ctype()
        assert dtype.itemsize == ctypes.sizeof(ctype) == structure.nbytes
        for name, field in structure.fields.items():
            assert dtype.fields is not None
            there = getattr(ctype, name)
            assert dtype.fields[name][1] == there.offset == field.offset
            assert dtype.fields[name][0].itemsize == there.size == field.nbytes


def test_the_own_library_agrees() -> None:
    assert abi.disagreements(Description.parse(TOLD)) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda told: told["structures"].pop("Escape"), "it lacks Escape.at; it lacks Escape.value"),
        (lambda told: told["enumerations"]["Op"].pop("MERGE"), "it lacks Op.MERGE"),
        (lambda told: told["enumerations"]["Op"].update(CONVOLVE=10), "it has Op.CONVOLVE, which Python does not know"),
        (lambda told: told["enumerations"]["Fault"].pop("BAD_STARTS"), "it lacks Fault.BAD_STARTS"),
        (lambda told: told["enumerations"]["Fault"].update(NO_PAGE=8), "it has Fault.NO_PAGE, which Python does"),
        (lambda told: told["enumerations"].pop("Narrow"), "it lacks Narrow.BFLOAT16; it lacks Narrow.CODES; it lacks"),
        (lambda told: told["constants"].pop("PANEL"), "it lacks the constant PANEL"),
        (lambda told: told["constants"].update(ABI_VERSION=99), f"its version is 99 and not {abi.ABI_VERSION}"),
        (lambda told: told.pop("constants"), "it describes itself in another way"),
        (
            lambda told: told["structures"]["Buffer"]["fields"].update(stride=["i8", 1, 16]),
            "Buffer.stride lies at byte 16; the fields before it end at 8",
        ),
        (
            lambda told: told["structures"]["Buffer"].update(
                bytes=24, fields={"data": ["u8", 1, 0], "pace": ["u8", 2, 8]}
            ),
            "it lacks Buffer.stride; it has Buffer.pace, which Python does not know",
        ),
    ],
)
def test_a_library_that_disagrees_is_refused(
    change: Callable[[Told], object], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackendUnavailable, match=says) as refusal:
        load(monkeypatch, altered(change))
    assert "built from other sources than these Python files" in str(refusal.value)
    assert "Build it again: make native in a checkout" in str(refusal.value)


def test_all_disagreements_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(told: Told) -> None:
        told["constants"].pop("BLOCK")
        told["enumerations"]["Op"].update(CONVOLVE=10)
        told["structures"].pop("Buffer")

    with pytest.raises(BackendUnavailable) as refusal:
        load(monkeypatch, altered(change))
    assert "constant BLOCK; it has Op.CONVOLVE, which Python does not know; it lacks Buffer.data" in str(refusal.value)


def test_a_library_from_before_it_described_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Older(ctypes.CDLL):
        def __getattr__(self, name: str) -> Any:
            if name == "causerie_description":
                raise AttributeError(name)
            return super().__getattr__(name)

    monkeypatch.setattr(library.ctypes, "CDLL", Older)
    with pytest.raises(BackendUnavailable, match=r"it lacks the function causerie_description.* Build it again"):
        library.kernels.__wrapped__()


def test_every_fault_has_its_words() -> None:
    assert set(executable.FAULTS) == set(abi.Fault) - {abi.Fault.STEP_OK}


def test_numbers_and_members_are_each_others() -> None:
    for enumeration in abi.ENUMERATIONS:
        numbers = [program.number(each) for each in enumeration]
        assert sorted(numbers) == list(range(len(numbers)))
        assert [program.member(enumeration, each) for each in numbers] == list(enumeration)


def test_activations_and_formats_have_numbers() -> None:
    from typing import get_args

    from causerie.quant.cache_format import CACHE_FORMATS
    from causerie.quant.formats import QUANTIZED
    from causerie.quant.weight import FORMATS

    assert {name.upper() for name in (*get_args(Activation), "clamped_swish", "limited_swish")} == set(
        abi.Activation.__members__
    )
    assert {name.upper() for name in get_args(Scoring)} == set(abi.Scoring.__members__)
    assert program.EXPERT_ROOM >= MOST_EXPERTS
    assert {name.upper() for name in CACHE_FORMATS} == set(abi.CacheNumber.__members__)
    numbers = {program.format_number(name) for name in (*FORMATS, *QUANTIZED)}
    assert numbers == {program.number(each) for each in abi.Number}
