"""The bench's own parts that need no peer: the ratios it reports, and the document it writes."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return import_module("peers.report")


def row(measure: str, peer: str, *values: float, **about: Any) -> dict[str, Any]:
    return {"measure": measure, "format": "bf16", "peer": peer, "values": list(values), **about}


def record(date: str, *rows: dict[str, Any]) -> dict[str, Any]:
    machine = {"processor": "Fast 9000", "cores": 2, "memory_bytes": 2**34, "threads": 2, "bandwidth_gbs": [30.0, 33.0]}
    return {
        "date": date,
        "model": "small",
        "command": "python bench/compare.py --quick",
        "machine": machine,
        "versions": {"causerie": "causerie 1", "llama_cpp": "llama.cpp 2"},
        "held": {"bf16": {"causerie": {"format": "bfloat16", "bytes": 10**9, "peak_bytes": 11 * 10**8}}},
        "rows": list(rows),
    }


DECODE = [
    row("decode", "causerie", 30, 33, 36, depth=0, tokens=8, probes=[33e9, 33e9, 36e9]),
    row("decode", "llama_cpp", 20, 22, 30, depth=0, tokens=8, probes=[33e9] * 3),
    row("decode", "transformers", 7, 7, 7, depth=0, tokens=8, probes=[33e9] * 3),
]


def test_a_ratio_is_against_the_best_peer_and_more_is_better(report: ModuleType) -> None:
    here = {each["peer"]: each for each in DECODE}
    assert report.ratio_of(here, "decode") == (1.5, 1.2, 1.5)
    seconds = {"causerie": row("first token", "causerie", 0.5), "llama_cpp": row("first token", "llama_cpp", 1.0)}
    assert report.ratio_of(seconds, "first token") == (2.0, 2.0, 2.0)
    assert report.ratio_of({"causerie": DECODE[0]}, "decode") is None
    assert report.ratio_of({"llama_cpp": DECODE[1]}, "decode") is None


def test_the_document_has_the_newest_run_and_keeps_what_else_it_says(report: ModuleType, tmp_path: Path) -> None:
    folder, target = tmp_path / "results", tmp_path / "results.md"
    folder.mkdir()
    refused = {"measure": "load", "format": "4-bit", "peer": "transformers", "refusal": "it cannot"}
    (folder / "1.json").write_text(json.dumps(record("2026-01-01 10:00 UTC", *DECODE)))
    (folder / "2.json").write_text(json.dumps(record("2026-01-01 14:00 UTC", *DECODE, refused)))
    target.write_text(f"# Mine\n\n{report.BEGIN}\nold\n{report.END}\n\n## Quality\n")
    for _ in range(2):  # writing it again changes nothing
        report.write_results(folder, target)
        text = target.read_text()
        assert text.startswith("# Mine\n") and text.endswith("\n## Quality\n") and "old" not in text
        assert "| bf16 | 0 | 33.0 (30.0–36.0) | 22.0 (20.0–30.0) | 7.00 (7.00–7.00) | 1.50 × (1.20–1.50) |" in text
        assert "100 % of 1.00 GB a token" in text and "bfloat16 1.00 / 1.10" in text
        assert "## small, 2026-01-01 14:00 UTC" in text
        assert "- 2026-01-01 10:00 UTC: decode bf16 at 0 1.50" in text
        assert "- transformers, 4-bit: it cannot" in text


def test_files_of_one_model_are_formats_of_one_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    subject = import_module("peers.subject")
    files = [tmp_path / name for name in ("Small-0.5B.Q4_0.gguf", "Small-0.5B-Q4_K_M.gguf", "own.gguf")]
    for file in files:
        file.touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "config.json").touch()
    small, other = subject.subjects([str(file) for file in files], ("bf16",))
    assert small.name == "Small-0.5B-GGUF" and list(small.places) == ["Q4_0", "Q4_K_M"]
    assert small.places["Q4_K_M"] == files[1] and small.asked("Q4_0") == "file"
    assert other.name == "own-GGUF" and list(other.places) == ["file"]
    (folder,) = subject.subjects([str(tmp_path / "folder")], ("bf16", "4-bit"))
    assert folder.name == "folder" and list(folder.places) == ["bf16", "4-bit"] and folder.asked("4-bit") == "4-bit"
    with pytest.raises(SystemExit, match=r"nowhere\.gguf is not there"):
        list(subject.subjects(["nowhere.gguf"], ("bf16",)))
