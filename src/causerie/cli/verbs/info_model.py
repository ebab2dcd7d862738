"""The part of `causerie info` that is about one model: its family, its size, and how its weights would be held.

Knows no machine and reads no weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causerie.api.options.load_options import LoadOptions

Report = dict[str, Any]
"""JSON's values, nested."""


def gather(name: str, options: LoadOptions) -> Report:
    """All there is to say of a model that is loaded with these options. Raises CauserieError."""
    from causerie.api.fit.inspection import inspect

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
        "cache": {
            "dtype": model.cache_dtype,
            "bytes_per_token": model.cache.per_token,
            "pages": [
                {"layers": layers, "latent_layers": latents, "window": window, "bytes_per_token": nbytes}
                for layers, latents, (window, nbytes) in zip(
                    model.page_layers, model.latent_layers, model.cache.groups, strict=True
                )
            ],
            "slots": {"layers": len(model.spec.slot_layers), "bytes_per_chat": model.cache.slot},
        },
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
        "speculation": dict(model.drafters),
    }


def as_lines(report: Report) -> str:
    """The report for people: facts, then a table with one row for each kind of weights."""
    stored = report["stored_bytes"]
    count, active = report["parameters"], report["active_parameters"]
    share = "" if active == count else f", of which each token uses {active / 1e6:,.1f} M"
    facts = [
        ("model", report["model"]),
        ("folder", report["folder"]),
        ("family", f"{report['family']}, {report['layers']} layers, context {report['context']}"),
        ("parameters", f"{count / 1e6:,.1f} M{share}"),
        ("read per token", _size(report["read_bytes"])),
        ("in its files", "not on this machine yet" if stored is None else _size(stored)),
        *zip(("cache", *[""] * len(report["cache"]["pages"])), _cache_lines(report["cache"]), strict=False),
        ("speculation", ", ".join(_drafter(name, count) for name, count in report["speculation"].items())),
    ]
    lines = [f"{name:<16}{text}" for name, text in facts]
    lines += ["", f"{'weights':<20}{'format':<12}{'parameters':>12}{'bytes':>11}{'bits/weight':>13}"]
    rows = [*report["weights"], report | {"kind": "together", "format": ""}]
    for row in rows:
        parameters = f"{row['parameters'] / 1e6:,.2f} M"
        size = f"{row['kind']:<20}{row['format']:<12}{parameters:>12}{_size(row['bytes']):>11}"
        lines.append(f"{size}{row['bits_per_weight']:>13.2f}")
    return "\n".join(lines) + "\n"


def _cache_lines(cache: Report) -> list[str]:
    """What the layers keep of a chat: one line for each way to keep it."""
    lines = []
    for group in cache["pages"]:
        layers, nbytes = _keepers(group["layers"]), group["bytes_per_token"]
        if group["window"] is None:
            latents = ", latents of which keys and values are made" if group["latent_layers"] == group["layers"] else ""
            lines.append(f"{layers} {nbytes:,} bytes per token{latents}")
        else:
            most = _size(group["window"] * nbytes)
            lines.append(f"{layers} {nbytes:,} bytes for each of the last {group['window']} tokens, {most} in all")
    if cache["slots"]["layers"]:
        lines.append(f"{_keepers(cache['slots']['layers'])} {cache['slots']['bytes_per_chat']:,} bytes per chat")
    return lines


def _drafter(name: str, count: int) -> str:
    return f"{name} ({_size(count)} more)" if count else name


def _keepers(layers: int) -> str:
    return "1 layer keeps" if layers == 1 else f"{layers} layers keep"


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.2f} MB"
