"""`/memory` and `/unload_model`: what the memory of this machine holds, and how a model is taken out of it.

The figures are those that a page draws as one bar: other programs, models, chats, and what is free. Knows no engine's
inside.
"""

from __future__ import annotations

import asyncio
from typing import Any

from causerie.plan.hardware import Hardware
from causerie.server.processes.engine_link import EngineLink
from causerie.server.processes.jobs import ModelState, Unload


async def memory_figures(link: EngineLink) -> dict[str, int | None]:
    """In bytes; `free` and `other` are null where the system does not say what is free."""
    machine = await asyncio.to_thread(Hardware.probe)
    models = sum(map(_held_bytes, link.models.values()))
    chats = 0 if link.beat is None else link.beat.chat_bytes
    total, free = machine.memory_total, machine.memory_free
    other = None if free is None else max(0, total - free - models - chats)
    return {"total": total, "other": other, "models": models, "chats": chats, "free": free}


async def unloaded(link: EngineLink, model: str) -> dict[str, Any]:
    """Has a model's memory freed. Raises UsageError where it is in use."""
    await link.value(lambda job: Unload(job, model))
    return {"model": model, "status": "unloaded"}


def _held_bytes(state: ModelState) -> int:
    """Of a model's weights in this machine's memory: so far, of one that is being loaded."""
    if state.facts.get("device", "cpu") != "cpu":
        return 0
    return int(state.facts.get("weight_bytes", state.read_bytes))
