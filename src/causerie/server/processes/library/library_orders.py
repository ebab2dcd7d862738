"""What a process that knows models is asked, and what it says: data types only.

Every type is a JSON object with its name in `type`.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class ListModels(Struct, tag=True, frozen=True):
    """The models of this machine: those downloaded, those in `models_folder`, the built-in one and those that are
    `served`; the one of the hub to name besides; and whether this machine was measured. `spare` bytes of memory would
    be free beside what is, where models that are loaded went. `options` are LoadOptions as plain values, by which all
    are held."""

    models_folder: str | None = None
    spare: int = 0
    served: list[str] = []
    options: dict[str, Any] = {}


class SearchHub(Struct, tag=True, frozen=True):
    """The models that the hub finds by words, each with whether it would find room."""

    words: str
    spare: int = 0


class FetchModel(Struct, tag=True, frozen=True):
    """Download what the hub has of a model."""

    model: str


class MeasureMachine(Struct, tag=True, frozen=True):
    """Measure what memory and arithmetic of this machine give, and keep it with what tells the machine apart."""


LibraryOrder = ListModels | SearchHub | FetchModel | MeasureMachine


class FetchProgress(Struct, tag=True, frozen=True):
    """Bytes that are there, of all that there will be, and what is waited for."""

    bytes: int
    total: int
    note: str = ""


class LibraryAnswer(Struct, tag=True, frozen=True):
    """The end: what came of it."""

    value: Any = None


class LibraryFailure(Struct, tag=True, frozen=True):
    """The end of what could not be done; `kind` is the name of the error's class."""

    kind: str
    message: str


LibraryEvent = FetchProgress | LibraryAnswer | LibraryFailure
