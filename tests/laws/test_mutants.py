"""The faults of `make mutants` are those that its words say, the same each time, and their lists are whole."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from scripts.mutants.mutations import mutants
from scripts.mutants.nearest_tests import FOLDERS, SOURCE, files, importers

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "scripts" / "mutants"


def changes(text: str) -> set[tuple[str, str]]:
    return {(each.old, each.new) for each in mutants("x.py", text)}


@pytest.mark.parametrize(
    ("line", "new"),
    [
        ("x = a < b", {"x = a <= b", "x = a > b"}),
        ("x = a == b", {"x = a != b"}),
        ("x = a is not None", {"x = a is None"}),
        ("x = a not in b", {"x = a in b"}),
        ("x = a and b or c", {"x = a or b or c", "x = a and b and c"}),
        ("x = not a", {"x = (a)"}),
        ("x = a + b", {"x = a - b"}),
        ("x = 5", {"x = 6"}),
        ("x = 0.5", {"x = 0.75"}),
        ("x = True", {"x = False"}),
        ("x = d['é']", {"x = d['Xé']"}),
        ("x.append(a)", {"pass"}),
        ("x.a = b", {"pass"}),
        ("x += a", {"pass"}),
        ("x = a if b else c", {"x = a if (not (b)) else c"}),
        ("x = [a for a in b if a]", {"x = [a for a in b if True]"}),
        ("x = min(a, b)", {"x = max(a, b)"}),
        # What people read and what only type checkers read stays.
        ("x = 'two words'", set()),
        ("x: Literal['a'] = b", set()),
        ("X: TypeAlias = Literal['a']", set()),
        ("assert a < b", set()),
        ("x = zip(a, b, strict=True)", set()),
        ("x = f'{a + 1}'", set()),
        ('"""says so"""', set()),
    ],
)
def test_the_faults_of_a_line(line: str, new: set[str]) -> None:
    assert changes(line) == {(line, each) for each in new}


def test_the_faults_of_a_function() -> None:
    text = "def f(a: int = 1) -> int:\n    'Says.'\n    if a:\n        raise E('no good')\n    return g(a,\n      2)\n"
    assert [(each.line, each.kind, each.new) for each in mutants("x.py", text)] == [
        (1, "constant", "def f(a: int = 2) -> int:"),
        (3, "negation", "if (not (a)):"),
        (4, "removed", "pass"),
        (5, "return", "return None"),
        (6, "constant", "3)"),
    ]
    assert all(each.text != text for each in mutants("x.py", text))


def test_every_file_has_tests_that_exist() -> None:
    assert [
        name for name, tests in FOLDERS.items() if not (tests and all((ROOT / test).exists() for test in tests))
    ] == []
    assert [name for name in FOLDERS if not (ROOT / SOURCE / name).exists()] == []
    assert "src/causerie/text/stream.py" in files(ROOT) and "src/causerie/cli/main.py" not in files(ROOT)
    assert "tests/chat/test_stream.py" in importers(ROOT, "src/causerie/text/stream.py")


def test_the_lists_say_what_and_why() -> None:
    equivalent = tomllib.loads((FOLDER / "equivalent.toml").read_text(encoding="utf-8")).get("equivalent", [])
    for entry in equivalent:
        assert entry.keys() == {"file", "old", "new", "why"} and all(entry.values()) and entry["old"] != entry["new"]
    native = tomllib.loads((FOLDER / "native.toml").read_text(encoding="utf-8"))["mutant"]
    assert len(native) >= 24
    for entry in native:
        assert entry.keys() == {"file", "old", "new"} and entry["old"] != entry["new"]


def test_every_fault_of_the_kernels_fits_its_source() -> None:
    # A fault whose text has moved would never be tried again.
    listed = tomllib.loads((FOLDER / "native.toml").read_text(encoding="utf-8"))["mutant"]
    sources = ROOT / SOURCE / "backends/native/src"
    wrong = [
        (each["file"], each["old"])
        for each in listed
        if (sources / each["file"]).read_text(encoding="utf-8").count(each["old"]) != 1
    ]
    assert listed and not wrong
