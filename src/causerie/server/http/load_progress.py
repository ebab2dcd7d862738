"""`/load_model`: the progress of a load as a stream, in the events that transformers' own chat program reads.

Each is `{"status", "model", …}`: "loading" with a `stage` and a `progress` in hundredths, then "ready", whose `cached`
says that it was loaded before, or "error" with a message (transformers 5, cli/serving/model_manager.py). Beside them,
and in the list of models, are bytes: how many are read, and of how many. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from causerie.errors import CauserieError
from causerie.server.http.failure_responses import refusal_of
from causerie.server.processes.engine_link import EngineLink
from causerie.server.processes.jobs import Load, ModelState

_LOOK_SECONDS = 0.1


class LoadBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of /load_model and /unload_model."""

    model: str = ""  # none is named: the one that is served


def amounts(state: ModelState | None) -> dict[str, Any]:
    """How much of a model that is loading is read; nothing where that is not known."""
    if state is None or not state.total_bytes:
        return {}
    return {"read_bytes": state.read_bytes, "total_bytes": state.total_bytes}


async def progress(link: EngineLink, model: str) -> AsyncIterator[dict[str, Any]]:
    """The events of one load, until the model is ready or cannot be. Leaving early lets it go on."""
    state = link.models.get(model)
    if state is not None and state.share == 1:
        yield {"status": "ready", "model": model, "cached": True}
        return
    asked = asyncio.create_task(link.value(lambda job: Load(job, model)))
    last = -1
    try:
        while not asked.done():
            state = link.models.get(model)
            share = 0 if state is None or state.share is None else int(state.share * 100)
            if share != last:
                last = share
                hundredths = {"current": share, "total": 100}
                event = {"status": "loading", "model": model, "stage": "weights", "progress": hundredths}
                yield event | amounts(state)
            await asyncio.wait([asked], timeout=_LOOK_SECONDS)
        asked.result()
    except CauserieError as error:
        yield {"status": "error", "model": model, "message": refusal_of(error, {}).message}
        return
    finally:
        asked.cancel()
    yield {"status": "ready", "model": model, "cached": False}
