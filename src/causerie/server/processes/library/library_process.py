"""A process that looks up models, downloads one or measures the machine: `python -m …library_process FD ORDER`.

It does what the one order says, tells how far it is over the socket FD, and ends; what it downloads is kept wherever it
is ended. Knows no HTTP.
"""

from __future__ import annotations

import socket
import sys
import warnings
from typing import Any

import msgspec

from causerie.errors import CauserieError, EngineError, print_warning
from causerie.server.processes.child_limits import leave_interrupts
from causerie.server.processes.frames import LENGTH
from causerie.server.processes.library.library_orders import (
    FetchModel,
    FetchProgress,
    LibraryAnswer,
    LibraryEvent,
    LibraryFailure,
    LibraryOrder,
    ListModels,
    MeasureMachine,
    SearchHub,
)

_MOST_HITS = 20


def main() -> None:
    """Does the order in the second argument over the connection whose file descriptor is the first."""
    leave_interrupts()
    warnings.showwarning = print_warning
    connection = socket.socket(fileno=int(sys.argv[1]))
    order: LibraryOrder = msgspec.json.decode(sys.argv[2], type=LibraryOrder)
    try:
        end: LibraryEvent = LibraryAnswer(value_of(order, connection))
    except CauserieError as fault:
        end = LibraryFailure(type(fault).__name__, str(fault))
    except Exception as fault:  # noqa: BLE001 - a fault of ours is told, too
        end = LibraryFailure(EngineError.__name__, f"{type(fault).__name__}: {fault}")
    _tell(connection, end)


def value_of(order: LibraryOrder, connection: socket.socket) -> Any:
    """What comes of an order. Raises CauserieError."""
    if isinstance(order, ListModels):
        return offered(order)
    if isinstance(order, SearchHub):
        return hits(order)
    if isinstance(order, MeasureMachine):
        return measured()
    return fetched(order, connection)


def offered(order: ListModels) -> dict[str, Any]:
    """What a terminal offers too, as JSON has it."""
    from pathlib import Path

    from causerie.api.library.local_models import library
    from causerie.api.library.offer import larger_offer, offers
    from causerie.api.machine.abilities import model_memory
    from causerie.api.machine.measurements import kept_record
    from causerie.settings import Settings

    folder = None if order.models_folder is None else Path(order.models_folder)
    memory, settings = model_memory() + order.spare, Settings.from_environment()
    larger = larger_offer(memory, settings)
    return {
        "models": [
            {
                "id": row.model.name,
                "parameters": row.model.parameters,
                "bytes": row.model.nbytes,
                "precision": row.model.precision,
                "fits": row.fit,
                "expected_tokens_per_second": None if row.speed is None else vars(row.speed),
            }
            for row in offers(library(folder), memory, settings)
        ],
        "larger": {
            "id": larger.name,
            "parameters": larger.parameters,
            "bytes": larger.nbytes,
            "fits": larger.fit,
            "expected_tokens_per_second": None if larger.speed is None else vars(larger.speed),
        },
        "measured": kept_record(settings) is not None,
    }


def hits(order: SearchHub) -> list[dict[str, Any]]:
    """What the hub has, in its order, as JSON has it."""
    from causerie.api.library.hub_search import Query, find_models, hit_fits
    from causerie.api.machine.abilities import model_memory

    memory = model_memory() + order.spare
    return [
        {
            "id": hit.name,
            "parameters": hit.parameters,
            "bytes": hit.stored_bytes,
            "fits": hit_fits(hit, memory),
            "formats": list(hit.formats),
            "licence": hit.licence,
            "gated": hit.gated,
            "downloads": hit.downloads,
        }
        for hit in find_models(Query(words=order.words, most=_MOST_HITS))
    ]


def measured() -> None:
    """Measures this machine, where it never was. Raises BackendUnavailable."""
    from causerie.api.machine.measurements import machine_record
    from causerie.settings import Settings

    machine_record(Settings.from_environment())


def fetched(order: FetchModel, connection: socket.socket) -> dict[str, Any]:
    """Downloads, and tells how far it is."""
    from causerie.api.library.local_models import pull

    model = pull(order.model, lambda done, total, note: _tell(connection, FetchProgress(done, total, note)))
    return {"commit": model.commit}


def _tell(connection: socket.socket, event: LibraryEvent) -> None:
    body = msgspec.json.encode(event)
    connection.sendall(LENGTH.pack(len(body)) + body)


if __name__ == "__main__":
    main()
