"""Scores that models' pages publish: the hub's leaderboards of benchmarks, and what single pages say of themselves.

A score is somebody's word. Each is told with who said it and whether the hub has verified it. Knows no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from causerie.errors import ModelNotFound
from causerie.hub.access import Access
from causerie.hub.patience import Interruption
from causerie.hub.refusal import Subject, judge
from causerie.hub.search import Query, rows

BENCHMARKS = {
    "aime": "MathArena/aime_2026",
    "gpqa": "Idavidrein/gpqa",
    "gsm8k": "openai/gsm8k",
    "hle": "cais/hle",
    "mmlu-pro": "TIGER-Lab/MMLU-Pro",
    "swe-bench": "SWE-bench/SWE-bench_Verified",
}
"""Short names of benchmarks whose datasets have a leaderboard on the hub."""
_PAGES = 100
"""How many models' pages are looked through."""


@dataclass(frozen=True)
class Score:
    """What one model is said to have reached."""

    model: str
    benchmark: str
    task: str
    value: float
    source: str
    """Who says so: an address, or the page itself."""
    verified: bool


def leaderboard(access: Access, benchmark: str, *, derived: bool = False) -> list[Score]:
    """The hub's leaderboard of a benchmark (a short name, or its dataset's id), the best first; with `derived` models
    that were made from others too. Raises ModelNotFound where it has none, HubUnavailable, CheckpointError."""
    dataset = BENCHMARKS.get(benchmark.casefold(), benchmark)
    transport, patience = access.transport(), access.patience(f"The hub gave no scores of {dataset}")
    page = f"{access.endpoint.url}/datasets/{dataset}"
    asked = {"base_model": "false"} if derived else {}
    while True:
        try:
            answer = transport.get(f"/api/datasets/{quote(dataset)}/leaderboard", query=asked)
            if answer.status == 404:
                answer.close()
                raise ModelNotFound(f"The hub has no leaderboard of {dataset}. Known names: {', '.join(BENCHMARKS)}.")
            judge(answer, Subject(dataset, "main", page), logged_in=transport.logged_in)
            content = transport.json(answer)
            if isinstance(content, list):
                return [score for row in content if (score := _ranked(row, dataset)) is not None]
            raise Interruption("what it answered is no list of scores")
        except Interruption as fault:
            patience.bear(fault)


def published(access: Access, words: str = "", task: str | None = "text-generation") -> list[Score]:
    """What the pages of the models say that people take most just now, or of those whose names have the words. Raises
    HubUnavailable, CheckpointError."""
    query = Query(words=words, task=task, most=_PAGES)
    asked = query.parameters(("evalResults", "model-index"))
    return [score for row in rows(access, asked) if isinstance(row.get("id"), str) for score in _of_page(row)]


def _ranked(row: Any, dataset: str) -> Score | None:
    if not isinstance(row, dict) or not isinstance(row.get("modelId"), str):
        return None
    value = _number(row.get("value"))
    if value is None:
        return None
    return Score(
        row["modelId"], dataset, "", value, _source(row.get("source"), row["modelId"]), bool(row.get("verified"))
    )


def _of_page(row: dict[str, Any]) -> Iterator[Score]:
    model = row["id"]
    for entry in _list(row.get("evalResults")):
        data = entry.get("data", entry)
        dataset = data.get("dataset") if isinstance(data, dict) else None
        value = _number(data.get("value")) if isinstance(data, dict) else None
        if isinstance(dataset, dict) and value is not None:
            verified = bool(data.get("verifyToken") or entry.get("verified"))
            source = _source(data.get("source"), model)
            yield Score(model, str(dataset.get("id")), str(dataset.get("task_id") or ""), value, source, verified)
    for index in _list(row.get("model-index")):
        for result in _list(index.get("results")):
            yield from _of_index(model, result)


def _of_index(model: str, result: dict[str, Any]) -> Iterator[Score]:
    dataset = result.get("dataset")
    name = dataset.get("name") or dataset.get("type") if isinstance(dataset, dict) else None
    for metric in _list(result.get("metrics")):
        value = _number(metric.get("value"))
        if name and value is not None:
            task = str(metric.get("name") or metric.get("type") or "")
            yield Score(
                model, str(name), task, value, _source(result.get("source"), model), bool(metric.get("verified"))
            )


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _source(source: Any, model: str) -> str:
    address = (source.get("url") or source.get("name")) if isinstance(source, dict) else None
    return address if isinstance(address, str) else f"the page of {model}"
