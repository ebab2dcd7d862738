"""Prints, as Markdown, how every tiny model of tests/parity/cases/ compares with transformers on each backend.

Usage: .venv/bin/python scripts/parity_table.py [--brief]. `--brief` prints one line per family instead of one per case.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from tests.parity.cases import CASES  # noqa: E402
from tests.parity.harness import BACKENDS, Parity, backend_or_none, measure, save_case  # noqa: E402

HEAD = (
    "| model | backend | largest difference of a logit | largest logit | greedy tokens equal |\n|---|---|---|---|---|"
)


def measured() -> list[tuple[str, Parity]]:
    """Family and result for each case and each backend that is here."""
    found = []
    names = [name for name in BACKENDS if backend_or_none(name) is not None]
    with tempfile.TemporaryDirectory() as scratch:
        for number, case in enumerate(CASES):
            folder = save_case(case, Path(scratch) / str(number))
            for name in names:
                backend = backend_or_none(name)
                assert backend is not None
                found.append((case.family, measure(case, folder, backend)))
    return found


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
    asked = parser.parse_args()
    print(HEAD)
    print("\n".join(lines(measured(), asked.brief)))
