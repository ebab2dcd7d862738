"""The part of `causerie info` that is about one model: its family, its size, and how its weights would be held.

Knows no machine and reads no weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causerie.api.load_options import LoadOptions

Report = dict[str, Any]
"""JSON's values, nested."""


def gather(name: str, options: LoadOptions) -> Report:
    """All there is to say of a model that is loaded with these options. Raises CauserieError."""
    from causerie.api.inspection import inspect

    model = inspect(name, options)
    return {
        "model": name,
        "folder": str(model.folder),
        "family": model.spec.family,
        "layers": len(model.spec.layers),
        "context": model.spec.context,
        "parameters": model.spec.parameters,
        "active_parameters": round(model.spec.active_parameters),
        "read_bytes": model.read_bytes,
        "dtype": model.dtype,
        "stored_bytes": model.stored_bytes,
        "weights": [
            {
                "kind": part.kind,
                "format": part.format,
                "parameters": part.parameters,
                "bytes": part.nbytes,
                "bits_per_weight": round(part.bits_per_weight, 4),
            }
            for part in model.parts
        ],
        "bytes": model.nbytes,
        "bits_per_weight": round(model.bits_per_weight, 4),
    }


def as_lines(report: Report) -> str:
    """The report for people: facts, then a table with one row for each kind of weights."""
    stored = report["stored_bytes"]
    count, active = report["parameters"], report["active_parameters"]
    used = "" if active == count else f", of which each token uses {active / 1e6:,.1f} M"
    facts = [
        ("model", report["model"]),
        ("folder", report["folder"]),
        ("family", f"{report['family']}, {report['layers']} layers, context {report['context']}"),
        ("parameters", f"{count / 1e6:,.1f} M{used}"),
        ("read per token", _size(report["read_bytes"])),
        ("in its files", "not on this machine yet" if stored is None else _size(stored)),
    ]
    lines = [f"{name:<16}{text}" for name, text in facts]
    lines += ["", f"{'weights':<20}{'format':<12}{'parameters':>12}{'bytes':>11}{'bits/weight':>13}"]
    rows = [*report["weights"], report | {"kind": "together", "format": ""}]
    for row in rows:
        parameters = f"{row['parameters'] / 1e6:,.2f} M"
        size = f"{row['kind']:<20}{row['format']:<12}{parameters:>12}{_size(row['bytes']):>11}"
        lines.append(f"{size}{row['bits_per_weight']:>13.2f}")
    return "\n".join(lines) + "\n"


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.2f} MB"
