"""`causerie models leaderboard`: scores that models' pages publish, each with who says so."""

from __future__ import annotations

from typing import Any

from causerie.api.library.hub_search import BENCHMARKS, find_scores, name_fits
from causerie.api.machine.abilities import model_memory
from causerie.cli.models.columns import columns, precision


def gather(benchmark: str | None, *, derived: bool, most: int) -> list[dict[str, Any]]:
    """One row for each score. Raises ModelNotFound, HubUnavailable, CheckpointError, UsageError."""
    memory = model_memory()
    return [
        {
            "model": score.model,
            "benchmark": score.benchmark,
            "task": score.task,
            "value": score.value,
            "source": score.source,
            "verified": score.verified,
            "fits": name_fits(score.model, memory),
        }
        for score in find_scores(benchmark, derived=derived)[:most]
    ]


def as_lines(rows: list[dict[str, Any]], benchmark: str | None) -> str:
    """The rows for people."""
    known = f"Benchmarks with a leaderboard of their own: {', '.join(BENCHMARKS)}; or a dataset's id.\n"
    if not rows:
        return f"No page publishes a score{f' of {benchmark}' if benchmark else ''}. {known}"
    head = ("score", "model", "fits?", "benchmark", "verified", "said by")
    cells = [
        (
            f"{row['value']:g}",
            row["model"],
            precision(row["fits"]),
            f"{row['benchmark']} {row['task']}".strip(),
            "yes" if row["verified"] else "no",
            row["source"],
        )
        for row in rows
    ]
    note = "Scores are what somebody published, by methods of their own; whether a model fits is told by its name.\n"
    return columns(head, cells, right=(0,)) + "\n" + note + (known if benchmark is None else "")
