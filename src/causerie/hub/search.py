"""Models that the hub finds by words and by what its pages are tagged with.

What comes back is read with care: a field that is not as it must be is left out. Knows no model and no machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from causerie.hub.access import Access
from causerie.hub.patience import Interruption
from causerie.hub.refusal import Subject, judge
from causerie.hub.size_range import SizeRange

Order = Literal["trending", "downloads", "likes"]
ORDERS: dict[str, str] = {"trending": "trendingScore", "downloads": "downloads", "likes": "likes"}
DOMAINS = ("art", "biology", "chemistry", "climate", "code", "finance", "legal", "math", "medical", "music")
"""Fields of knowledge that pages are tagged with."""
FORMATS = ("safetensors", "gguf", "gptq", "awq", "mlx", "onnx")
_EXPANDED = ("downloads", "likes", "tags", "safetensors", "gguf", "gated", "pipeline_tag", "trendingScore")
_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "U32": 4, "BF16": 2, "F16": 2, "I16": 2, "U16": 2}
"""Of a number in safetensors; the other types have one, or less."""


@dataclass(frozen=True)
class Query:
    """What is looked for."""

    words: str = ""
    task: str | None = "text-generation"
    size: SizeRange | None = None
    licence: str | None = None
    language: str | None = None
    domain: str | None = None
    format: str | None = None
    order: str = "trending"
    most: int = 20

    def parameters(self, expanded: Sequence[str] = _EXPANDED) -> dict[str, Any]:
        """As the hub's API has it."""
        tags = [self.domain, self.language, self.format, f"license:{self.licence}" if self.licence else None]
        asked: dict[str, Any] = {
            "search": self.words or None,
            "pipeline_tag": self.task,
            "filter": [tag for tag in tags if tag] or None,
            "num_parameters": None if self.size is None else self.size.asked,
            "sort": ORDERS[self.order],
            "limit": self.most,
            "expand": list(expanded),
        }
        return {name: value for name, value in asked.items() if value is not None}


@dataclass(frozen=True)
class Hit:
    """A model that was found."""

    name: str
    downloads: int
    likes: int
    parameters: int | None
    stored_bytes: int | None
    """Of its safetensors, by the types of their numbers."""
    licence: str | None
    formats: tuple[str, ...]
    gated: bool
    tags: tuple[str, ...]


def search(access: Access, query: Query) -> list[Hit]:
    """The models that the hub names, in its order. Raises HubUnavailable, CheckpointError."""
    return [_hit(row) for row in rows(access, query.parameters()) if isinstance(row.get("id"), str)]


def rows(access: Access, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The hub's answer to a search, row by row."""
    transport, patience = access.transport(), access.patience("The hub gave no models")
    subject = Subject("what was looked for", "main", f"{access.endpoint.url}/models")
    while True:
        try:
            answer = transport.get("/api/models", query=asked)
            judge(answer, subject, logged_in=transport.logged_in)
            content = transport.json(answer)
            if isinstance(content, list):
                return [row for row in content if isinstance(row, dict)]
            raise Interruption("what it answered is no list of models")
        except Interruption as fault:
            patience.bear(fault)


def _hit(row: dict[str, Any]) -> Hit:
    tags = tuple(tag for tag in row.get("tags") or () if isinstance(tag, str))
    counts = _counts(row)
    licence = next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), None)
    return Hit(
        name=row["id"],
        downloads=_number(row.get("downloads")),
        likes=_number(row.get("likes")),
        parameters=sum(counts.values()) or _number(_within(row, "gguf", "total")) or None,
        stored_bytes=sum(_BYTES.get(kind, 1) * count for kind, count in counts.items()) or None,
        licence=licence,
        formats=tuple(name for name in FORMATS if name in tags),
        gated=row.get("gated") not in (None, False, "false"),
        tags=tags,
    )


def _counts(row: dict[str, Any]) -> dict[str, int]:
    """How many numbers of each type its safetensors hold."""
    counts = _within(row, "safetensors", "parameters")
    if not isinstance(counts, dict):
        return {}
    return {str(kind): count for kind, count in counts.items() if isinstance(count, int) and count > 0}


def _within(row: dict[str, Any], outer: str, inner: str) -> Any:
    value = row.get(outer)
    return value.get(inner) if isinstance(value, dict) else None


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
