"""Prints, as Markdown, how the tiny models of tests/parity compare with transformers on each backend: every case
of each family, and text models of larger ones.

Usage: .venv/bin/python scripts/parity_table.py [--brief] [--record]. `--brief` prints one line per family instead of
one per case; `--record` writes each family's largest differences to scripts/families/parity.json, of which
docs/models.md is made.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from tests.parity.cases import CASES  # noqa: E402
from tests.parity.checkpoints import CASE_OF, WHOLE_OF, Checkpoint, known_families, save_checkpoint  # noqa: E402
from tests.parity.harness import BACKENDS, Parity, backend_or_none, measure, save_case  # noqa: E402

RECORD = ROOT / "scripts" / "families" / "parity.json"
HEAD = (
    "| model | backend | largest difference of a logit | largest logit | greedy tokens equal |\n|---|---|---|---|---|"
)


def models(scratch: Path) -> Iterator[tuple[str, str, Checkpoint]]:
    """Family, name and checkpoint of each model, written when it is asked for."""
    for number, case in enumerate(CASES):
        folder = save_case(case, scratch / str(number))
        yield case.family, case.name, Checkpoint(folder, folder)
    for family in known_families():
        if family not in CASE_OF:
            yield family, family, save_checkpoint(family, scratch / family)


def measured() -> list[tuple[str, Parity]]:
    """Family and result for each model and each backend that is here."""
    results = []
    names = [name for name in BACKENDS if backend_or_none(name) is not None]
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*left out")  # what larger models see with
        for family, model, checkpoint in models(Path(scratch)):
            for name in names:
                backend = backend_or_none(name)
                assert backend is not None
                results.append((family, measure(model, checkpoint.folder, backend, checkpoint.judged)))
    return results


def recorded(results: list[tuple[str, Parity]]) -> dict[str, Any]:
    """What docs/models.md says of them, and with which versions they were measured."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    )

    classes = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES | MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    families: dict[str, Any] = {}
    for family, result in results:
        whole = WHOLE_OF[family].name if family in WHOLE_OF else family.removesuffix("_text")
        known = families.setdefault(family, {"class": classes.get(family) or classes.get(whole)})
        known[result.backend] = max(known.get(result.backend, 0.0), float(f"{result.worst:.1e}"))
    greedy = {"equal": sum(each.greedy for _, each in results), "tokens": sum(each.tokens for _, each in results)}
    return {name: version(name) for name in ("transformers", "torch")} | {"greedy": greedy, "families": families}


def lines(results: list[tuple[str, Parity]], brief: bool) -> list[str]:
    """Rows of the table, one per case and backend, or one per family and backend."""
    if not brief:
        return [row(result.case, result.backend, [result]) for _, result in results]
    keys = dict.fromkeys((family, result.backend) for family, result in results)
    grouped = {key: [r for family, r in results if (family, r.backend) == key] for key in keys}
    return [row(f"{key[0]}, {len(group)} variants", key[1], group) for key, group in grouped.items()]


def row(name: str, backend: str, group: list[Parity]) -> str:
    """One row over some results."""
    worst, largest = max(r.worst for r in group), max(r.largest for r in group)
    equal, tokens = sum(r.greedy for r in group), sum(r.tokens for r in group)
    return f"| {name} | {backend} | {worst:.1e} | {largest:.1f} | {equal} of {tokens} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brief", action="store_true", help="one line per family")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.relative_to(ROOT)}")
    asked = parser.parse_args()
    measurements = measured()
    print(HEAD)
    print("\n".join(lines(measurements, asked.brief)))
    if asked.record:
        RECORD.write_text(json.dumps(recorded(measurements), indent=1, sort_keys=True) + "\n", encoding="utf-8")
