"""`causerie models`: what is on this machine, and what of it fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from causerie.api.library.local_models import LibraryModel, fits, library
from causerie.api.machine.abilities import model_memory
from causerie.cli.models.columns import ago, columns, count, precision, size


def gather(models_folder: Path | None) -> list[dict[str, Any]]:
    """One row for each model. Raises UsageError."""
    memory = model_memory()
    return [row_of(model, memory) for model in library(models_folder)]


def row_of(model: LibraryModel, memory: int) -> dict[str, Any]:
    """A model as JSON has it."""
    return {
        "name": model.name,
        "place": model.place,
        "folder": str(model.folder),
        "commit": model.commit,
        "bytes": model.nbytes,
        "family": model.family,
        "runs": model.runs and model.lacks is None,
        "precision": model.precision,
        "parameters": model.parameters,
        "fits": fits(model, memory),
        "last_used": model.last_used,
        "lacks": model.lacks,
    }


def as_lines(rows: list[dict[str, Any]]) -> str:
    """The rows for people, and below them why some cannot run."""
    head = ("model", "size", "family", "precision", "parameters", "fits?", "last used")
    cells = [
        (
            row["name"],
            size(row["bytes"]),
            row["family"] or "?",
            row["precision"] or "?",
            count(row["parameters"]),
            precision(row["fits"]) if row["runs"] else "–",
            ago(row["last_used"]),
        )
        for row in rows
    ]
    reasons = [_reason(row) for row in rows if not row["runs"]]
    return columns(head, cells, right=(1, 4)) + "".join(f"\n{reason}" for reason in reasons) + ("\n" if reasons else "")


def _reason(row: dict[str, Any]) -> str:
    if row["lacks"] is None:
        return f"{row['name']}: its family {row['family']!r} is not built in; docs/models.md lists those that are."
    repair = f" `causerie models pull {row['name']}` fetches it." if row["place"] == "cache" else ""
    return f"{row['name']} is not whole: {row['lacks']}{repair}"
