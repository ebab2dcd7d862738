"""`causerie models search`: what the hub has, and what of it fits here."""

from __future__ import annotations

from typing import Any

from causerie.api.library.hub_search import Query, find_models, hit_fits
from causerie.api.machine.abilities import model_memory
from causerie.cli.models.columns import columns, count, precision, size


def gather(query: Query) -> list[dict[str, Any]]:
    """One row for each model, in the hub's order. Raises HubUnavailable, CheckpointError."""
    memory = model_memory()
    return [
        {
            "name": hit.name,
            "parameters": hit.parameters,
            "stored_bytes": hit.stored_bytes,
            "fits": hit_fits(hit, memory),
            "formats": list(hit.formats),
            "licence": hit.licence,
            "gated": hit.gated,
            "downloads": hit.downloads,
            "likes": hit.likes,
        }
        for hit in find_models(query)
    ]


def as_lines(rows: list[dict[str, Any]]) -> str:
    """The rows for people."""
    if not rows:
        return "The hub has no such model. Fewer words or filters give more.\n"
    head = ("model", "parameters", "size", "fits?", "formats", "licence", "downloads", "likes")
    cells = [
        (
            row["name"],
            count(row["parameters"]),
            size(row["stored_bytes"]),
            precision(row["fits"]),
            ", ".join(row["formats"]) or "?",
            (row["licence"] or "?") + (" (gated)" if row["gated"] else ""),
            count(row["downloads"]),
            count(row["likes"]),
        )
        for row in rows
    ]
    return columns(head, cells, right=(1, 2, 6, 7))
