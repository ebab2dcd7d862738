"""A process that looks up models, downloads one or measures the machine: `python -m …library_process FD ORDER`.

It does what the one order says, tells how far it is over the socket FD, and ends; what it downloads is kept wherever it
is ended. Knows no HTTP.
"""

from __future__ import annotations

import socket
import sys
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from causerie.errors import CauserieError, EngineError, print_warning
from causerie.server.processes.child_limits import leave_interrupts
from causerie.server.processes.frames import frame_of
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

if TYPE_CHECKING:
    from causerie.api.library.local_models import LibraryModel
    from causerie.api.library.outlook import Outlook
    from causerie.plan.memory_fit import MemoryFit

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
    """Each with what it would be here, as JSON has it."""
    from pathlib import Path

    from causerie.api.library.local_models import library
    from causerie.api.library.outlook import Outlooks
    from causerie.api.machine.abilities import model_memory
    from causerie.api.machine.measurements import kept_record
    from causerie.api.options.load_options import LoadOptions
    from causerie.builtin import LARGER
    from causerie.plan.memory_fit import FreeMemory
    from causerie.settings import Settings

    settings = Settings.from_environment()
    options = msgspec.convert(order.options, LoadOptions)
    if options.quantization == "auto":  # which is what a model that nobody said anything of is held by
        options = replace(options, quantization=None)
    outlooks = Outlooks(FreeMemory(model_memory(), order.spare), settings, options)
    models = {
        model.name: model for model in library(None if order.models_folder is None else Path(order.models_folder))
    }
    served = [models.pop(name, None) or _model(name) for name in order.served]
    every = [*filter(None, served), *models.values()]
    weights, larger = outlooks.larger()
    return {
        "models": [
            {
                "id": model.name,
                "parameters": model.parameters,
                "bytes": model.nbytes,
                "precision": model.precision,
                **_outlook(outlook),
            }
            for model, outlook in outlooks.of_models(every)
        ],
        "larger": {
            "id": LARGER,
            "parameters": weights.spec.parameters,
            "bytes": weights.nbytes,
            **_outlook(larger),
        },
        "measured": kept_record(settings) is not None,
    }


def _model(name: str) -> LibraryModel | None:
    """One that is served and in none of the folders that are looked through."""
    from causerie.api.library.local_models import library_model

    try:
        return library_model(name)
    except CauserieError:  # whoever asks it for an answer is told
        return None


def _outlook(outlook: Outlook) -> dict[str, Any]:
    return {
        **_memory(outlook.memory),
        "context": outlook.context,
        "expected_tokens_per_second": None if outlook.speed is None else vars(outlook.speed),
        "expected_read_tokens_per_second": outlook.reading,
    }


def _memory(fit: MemoryFit | None) -> dict[str, Any]:
    if fit is None:
        return {"format": None, "needed_bytes": None, "fits": None, "missing_bytes": None}
    return {
        "format": fit.precision,
        "needed_bytes": fit.needed_bytes,
        "fits": fit.fits,
        "missing_bytes": fit.missing_bytes,
    }


def hits(order: SearchHub) -> list[dict[str, Any]]:
    """What the hub has, in its order, as JSON has it."""
    from causerie.api.library.hub_search import Query, find_models, hit_memory_fit
    from causerie.api.machine.abilities import model_memory
    from causerie.plan.memory_fit import FreeMemory

    memory = FreeMemory(model_memory(), order.spare)
    return [
        {
            "id": hit.name,
            "parameters": hit.parameters,
            "bytes": hit.stored_bytes,
            **_memory(hit_memory_fit(hit, memory)),
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
    connection.sendall(frame_of(body))


if __name__ == "__main__":
    main()
