"""The models that the engine's process holds: loaded when first asked for, freed when idle or when memory is needed.

Knows no HTTP and no chat; a model is loaded by the same call as in Python.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from causerie.errors import OutOfMemory, unknown
from causerie.server.processes.jobs import EngineOptions, ModelState

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM

TellState = Callable[[ModelState], None]
_SHARE_STEP = 0.02  # how much of a model is read between two reports
_TOUCHED_BYTES = 64 << 20
"""Of the cache, taken from the system while the model is loaded and not while somebody waits for an answer: a few
chats' worth. What more is needed comes as it is written."""


@dataclass
class LoadedModel:
    """A loaded model and how many jobs use it."""

    model: CausalLM
    jobs: int = 0
    last_use: float = field(default_factory=time.monotonic)


class Models:
    """Models by the names that requests use."""

    def __init__(self, options: EngineOptions, tell: TellState) -> None:
        self._names = options.models
        self._options = {
            name: options.options | ({"draft": options.drafts[name]} if name in options.drafts else {})
            for name in options.models
        }
        self._tell = tell
        self._unload_after = options.unload_after
        self._entries: dict[str, LoadedModel] = {}
        self._loading = asyncio.Lock()

    @property
    def loaded(self) -> dict[str, LoadedModel]:
        """Those in memory."""
        return self._entries

    async def use(self, name: str) -> LoadedModel:
        """The model, loaded if it was not; the caller gives it back with `release`. Raises as from_pretrained."""
        if name not in self._names:
            raise unknown("model", name, self._names)
        async with self._loading:
            entry = self._entries.get(name)
            if entry is None:
                entry = self._entries[name] = LoadedModel(await self._load(name))
        entry.jobs += 1
        return entry

    def release(self, entry: LoadedModel) -> None:
        """A job that used a model is over."""
        entry.jobs -= 1
        entry.last_use = time.monotonic()

    async def tidy(self) -> None:
        """Frees what nobody used for `unload_after` seconds."""
        if self._unload_after is not None:
            for name, entry in list(self._entries.items()):
                if not entry.jobs and time.monotonic() - entry.last_use > self._unload_after:
                    await self._free(name)

    async def close(self) -> None:
        """Frees all of them."""
        for entry in self._entries.values():
            await asyncio.to_thread(entry.model.close)
        self._entries.clear()

    async def _free(self, name: str) -> None:
        """Frees a model that no job uses."""
        entry = self._entries.pop(name)
        await asyncio.to_thread(entry.model.close)
        self._tell(ModelState(name, None))

    async def _load(self, name: str) -> CausalLM:
        loop = asyncio.get_running_loop()
        told = -1.0

        def progress(done: int, total: int, tensor: str) -> None:
            nonlocal told
            share = done / total if total else 1.0
            if share - told >= _SHARE_STEP:
                told = share
                loop.call_soon_threadsafe(self._tell, ModelState(name, min(share, 0.999), done, total))

        self._tell(ModelState(name, 0.0))
        try:
            while True:
                try:
                    model = await asyncio.to_thread(_open, name, self._options[name], progress)
                    break
                except OutOfMemory:
                    idle = sorted((entry.last_use, other) for other, entry in self._entries.items() if not entry.jobs)
                    if not idle:
                        raise
                    await self._free(idle[0][1])  # the one unused for longest makes room
        except BaseException:
            self._tell(ModelState(name, None))
            raise
        self._tell(ModelState(name, 1.0, facts=facts(model)))
        return model


def _open(name: str, options: dict[str, Any], progress: Callable[[int, int, str], None]) -> CausalLM:
    from causerie.api.load_options import LoadOptions
    from causerie.api.loading import open_model

    model = open_model(name, msgspec.convert(options, LoadOptions), progress=progress)
    model.step_model.touch(_TOUCHED_BYTES)
    return model


def facts(model: CausalLM) -> dict[str, Any]:
    """What the front tells of a loaded model."""
    return {
        "context": model.capacity,  # what can be used of it
        "parameters": model.num_parameters(),
        "weight_bytes": model.get_memory_footprint(),
        "format": model.format,
        "backend": model.backend,
        "device": str(model.device),
    }
