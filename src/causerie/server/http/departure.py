"""Work for a client that may leave before it is done. Knows no route."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

Result = TypeVar("Result")


async def unless_left(request: Request, work: Coroutine[Any, Any, Result]) -> Result | None:
    """What `work` gives; None where the client goes first, which ends the work. Raises what it raises."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request))
    done, waiting = await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    return working.result() if working in done else None


async def _left(request: Request) -> None:
    """Returns when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
