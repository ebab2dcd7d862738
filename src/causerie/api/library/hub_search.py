"""What the hub has: models found by words, the page of one, and scores that pages publish.

Asks the network, and loads nothing. Whether something fits is said by sizes alone; api/fit/fitting.py knows more.
"""

from __future__ import annotations

from dataclasses import dataclass

from causerie.api.library.local_models import LibraryModel, library_model
from causerie.checkpoint.hub import hub_name
from causerie.errors import HubUnavailable, UsageError
from causerie.hub import scores, search
from causerie.hub.access import Access
from causerie.hub.repository import Repository
from causerie.hub.scores import BENCHMARKS, Score
from causerie.hub.search import DOMAINS, FORMATS, ORDERS, Hit, Query
from causerie.hub.size_range import SizeRange
from causerie.plan.fit import best_precision
from causerie.plan.memory_fit import FreeMemory, MemoryFit, fit_by_size
from causerie.plan.size_names import size_in

__all__ = [
    "BENCHMARKS",
    "DOMAINS",
    "FORMATS",
    "ORDERS",
    "Hit",
    "ModelPage",
    "Query",
    "Score",
    "SizeRange",
    "find_models",
    "find_scores",
    "hit_fits",
    "hit_memory_fit",
    "model_page",
    "name_fits",
]

_BFLOAT16 = 2


@dataclass(frozen=True)
class ModelPage:
    """All that is known of a model: what is here of it, and what the hub says."""

    name: str
    url: str | None
    """Its page; None for a folder and the built-in model."""
    here: LibraryModel | None
    repository: Repository | None
    offline: str | None
    """Why the hub said nothing, where it was asked."""


def find_models(query: Query) -> list[Hit]:
    """The models that the hub names, in its order. Raises HubUnavailable, CheckpointError."""
    return search.search(Access.read(), query)


def model_page(name: str) -> ModelPage:
    """Everything about a model: a hub id, a folder, or "builtin". Raises ModelNotFound, GatedModel, CheckpointError,
    UsageError; HubUnavailable where nothing of it is here and nobody answers."""
    here = library_model(name)
    if here is not None and here.place != "cache":
        return ModelPage(name, None, here, None, None)
    asked = hub_name(name)
    access = Access.read()
    url = f"{access.endpoint.url}/{asked.id}"
    try:
        return ModelPage(asked.id, url, here, access.repository(asked.id, asked.revision), None)
    except HubUnavailable as fault:
        if here is None:
            raise
        return ModelPage(asked.id, url, here, None, str(fault))


def find_scores(benchmark: str | None, *, derived: bool = False) -> list[Score]:
    """A benchmark's leaderboard, the best first; with None all scores that the pages of the models publish which are
    taken most just now. Raises ModelNotFound, HubUnavailable, CheckpointError, UsageError."""
    access = Access.read()
    if benchmark is None:
        if derived:
            raise UsageError("Models that were made from others are told apart on a leaderboard; name a benchmark.")
        return scores.published(access)
    if benchmark.casefold() in BENCHMARKS or "/" in benchmark:
        return scores.leaderboard(access, benchmark, derived=derived)
    matching = [score for score in scores.published(access) if benchmark.casefold() in score.benchmark.casefold()]
    return sorted(matching, key=lambda score: -score.value)


def hit_fits(hit: Hit, memory: int) -> str | None:
    """The most exact precision in which a model fits in so much memory; "no" where in none, None where its size is not
    known."""
    sizes = _sizes(hit)
    return None if sizes is None else best_precision(*sizes, memory) or "no"


def hit_memory_fit(hit: Hit, memory: FreeMemory) -> MemoryFit | None:
    """Whether a model finds room; None where its size is not known."""
    sizes = _sizes(hit)
    return None if sizes is None else fit_by_size(*sizes, memory)


def name_fits(name: str, memory: int) -> str | None:
    """As `hit_fits`, by the size that its name says, in bfloat16."""
    sizes = _sizes_in(name)
    return None if sizes is None else best_precision(*sizes, memory) or "no"


def _sizes(hit: Hit) -> tuple[int, int] | None:
    """How many numbers there are, and in how many bytes they are stored."""
    if hit.parameters is None:
        return _sizes_in(hit.name)
    return hit.parameters, hit.stored_bytes or _BFLOAT16 * hit.parameters


def _sizes_in(name: str) -> tuple[int, int] | None:
    size = size_in(name.rpartition("/")[2])
    if size is None:
        return None
    parameters = round(size.parameters * size.experts)
    return parameters, _BFLOAT16 * parameters
