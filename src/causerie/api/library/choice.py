"""Which model to take: from what somebody wants and what this machine has to how large a model may be, and which of the
hub's and of those here are the ones to try.

By the rules of thumb that people go by: what an answer takes is the weights read once for each token, so speed is
bandwidth by size; a larger model in four bits is better than a smaller one in sixteen. api/fit/fitting.py knows more.
"""

from __future__ import annotations

from dataclasses import dataclass

from causerie.api.library.hub_search import Hit, Query, SizeRange, find_models
from causerie.api.library.local_models import LibraryModel, library
from causerie.errors import HubUnavailable

PURPOSES: dict[str, tuple[str, str | None]] = {
    "talk": ("talking, writing, questions", None),
    "code": ("programming", "code"),
    "medical": ("medicine", "medical"),
    "legal": ("law", "legal"),
    "finance": ("finance", "finance"),
    "biology": ("biology", "biology"),
}
"""What a model is for: in words, and the domain that pages are tagged with."""
LENGTHS: dict[str, tuple[str, float]] = {
    "short": ("messages, some paragraphs", 0.3e9),
    "pages": ("pages, long chats", 1e9),
    "books": ("whole documents", 4e9),
}
"""How long texts are: in words, and the memory that is left for them."""
PATIENCE: dict[str, tuple[str, float]] = {
    "none": ("faster than I read", 20.0),
    "reading": ("as fast as I read", 8.0),
    "much": ("I can wait", 1.0),
}
"""How fast an answer is to come: in words, and in tokens per second at least."""
_BITS = (("as stored", 16.0), ("int8", 8.25), ("int4", 4.5))
_LEAST_SHARE = 0.2
"""Of the largest size that may be: what is smaller is not proposed while there is something larger."""
_MOST = 3


@dataclass(frozen=True)
class Wish:
    """The three answers, by their names in the tables above."""

    purpose: str
    length: str
    patience: str


@dataclass(frozen=True)
class Room:
    """What a model may be on a machine for a wish."""

    weight_bytes: float
    limit: str
    """"memory" or "speed": which of them sets it."""

    @property
    def parameters(self) -> float:
        """In four bits."""
        return self.weight_bytes * 8 / _BITS[-1][1]

    def precision(self, parameters: float) -> str | None:
        """The most exact precision in which so many have room."""
        return next((name for name, bits in _BITS if parameters * bits / 8 <= self.weight_bytes), None)


@dataclass(frozen=True)
class Choice:
    """What is recommended."""

    room: Room
    hits: tuple[Hit, ...]
    here: tuple[LibraryModel, ...]
    offline: str | None
    """Why the hub named none."""


def room(wish: Wish, memory: int, bandwidth: float) -> Room:
    """By free memory in bytes and the bandwidth of reading it in bytes per second."""
    by_memory = max(0.0, 0.9 * memory - LENGTHS[wish.length][1])
    by_speed = 0.6 * bandwidth / PATIENCE[wish.patience][1]
    return Room(by_memory, "memory") if by_memory <= by_speed else Room(by_speed, "speed")


def choose(wish: Wish, memory: int, bandwidth: float) -> Choice:
    """The models to try, the likeliest first. Raises CheckpointError where the hub answers what cannot be."""
    space = room(wish, memory, bandwidth)
    here = tuple(
        model
        for model in library()
        if model.runs and model.lacks is None and (model.parameters or 0) <= space.parameters
    )
    largest = SizeRange(None, f"{max(space.parameters / 1e9, 0.1):.1f}B")
    query = Query(size=largest, domain=PURPOSES[wish.purpose][1], format="safetensors", most=100)
    try:
        hits, offline = find_models(query), None
    except HubUnavailable as fault:
        hits, offline = [], str(fault)
    return Choice(space, best(hits, space), here, offline)


def best(hits: list[Hit], space: Room) -> tuple[Hit, ...]:
    """The first few that have room, are made for chats, and are not much smaller than could be."""
    fitting = [
        hit for hit in hits if hit.parameters and space.precision(hit.parameters) and "conversational" in hit.tags
    ]
    largest = max((hit.parameters or 0 for hit in fitting), default=0)
    return tuple(hit for hit in fitting if (hit.parameters or 0) >= _LEAST_SHARE * largest)[:_MOST]
