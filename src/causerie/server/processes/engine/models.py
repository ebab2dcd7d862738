"""The models that the engine's process holds: loaded when first asked for, freed when idle or when memory is needed.

Knows no HTTP and no chat; a model is loaded by the same call as in Python.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from causerie.errors import CauserieError, OutOfMemory, UsageError, unknown
from causerie.plan.footprint import CacheCost, cache_cost
from causerie.server.processes.jobs import EngineOptions, ModelState

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM
    from causerie.api.measurement.promise import Promise
    from causerie.engine.engine import EngineStats

TellState = Callable[[ModelState], None]
_SHARE_STEP = 0.02  # how much of a model is read between two reports
_TOUCHED_BYTES = 64 << 20
"""Of the cache, taken from the system while the model is loaded and not while somebody waits for an answer: a few
chats' worth. What more is needed comes as it is written."""


@dataclass
class LoadedModel:
    """A loaded model, what is to be expected of it, and how many jobs use it."""

    model: CausalLM
    promise: Promise | None = None
    jobs: int = 0
    last_use: float = field(default_factory=time.monotonic)

    def chat_bytes(self, stats: EngineStats) -> int:
        """What chats hold of its cache, with the beginnings of prompts that are kept."""
        cache, cost = self.model.step_model.cache, self._cost
        pages = zip(stats.groups, cost.groups, strict=True)
        pages_bytes = sum((group.total - group.free) * cache.block_size * nbytes for group, (_, nbytes) in pages)
        return pages_bytes + (stats.slots.total - stats.slots.free) * cost.slot

    @cached_property
    def _cost(self) -> CacheCost:
        steps = self.model.step_model
        return cache_cost(steps.spec, steps.cache.dtype)


class Models:
    """Models by the names that requests use."""

    def __init__(self, options: EngineOptions, tell: TellState) -> None:
        self._common = options.options
        self._models_folder = options.models_folder
        self._options = {
            name: options.options | ({"draft": options.drafts[name]} if name in options.drafts else {})
            for name in options.models
        }
        for name in options.added:
            self.add(name)
        self._tell = tell
        self._unload_after = options.unload_after
        self._entries: dict[str, LoadedModel] = {}
        self._arriving: set[str] = set()
        self._loading = asyncio.Lock()

    @property
    def loaded(self) -> dict[str, LoadedModel]:
        """Those in memory."""
        return self._entries

    def add(self, name: str) -> None:
        """From now on requests may name this model; it is held as the others, or, where nobody said how, in the most
        exact way that fits."""
        fitting = {} if self._common.get("quantization") else {"quantization": "auto"}
        self._options.setdefault(name, self._common | fitting)

    async def use(self, name: str) -> LoadedModel:
        """The model, loaded if it was not; the caller gives it back with `release`. Raises as from_pretrained."""
        if name not in self._options:
            raise unknown("model", name, self._options)
        async with self._loading:
            entry = self._entries.get(name)
            if entry is None:
                self._arriving.add(name)
                try:
                    entry = self._entries[name] = await self._load(name)
                finally:
                    self._arriving.remove(name)
        entry.jobs += 1
        return entry

    def release(self, entry: LoadedModel) -> None:
        """A job that used a model is over."""
        entry.jobs -= 1
        entry.last_use = time.monotonic()

    async def unload(self, name: str) -> None:
        """Frees a model, if it is in memory. Raises UsageError where a job uses it, or it is just being loaded."""
        if name in self._arriving:
            raise UsageError(f"{name} is being loaded. Unload it when it is there.", field="model")
        entry = self._entries.get(name)
        if entry is None:
            return
        if entry.jobs:
            requests = "a request" if entry.jobs == 1 else f"{entry.jobs} requests"
            raise UsageError(f"{name} is used by {requests}. Stop them, or wait until they end.", field="model")
        await self._free(name)

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

    async def _load(self, name: str) -> LoadedModel:
        loop = asyncio.get_running_loop()
        last = -1.0

        def progress(done: int, total: int, tensor: str) -> None:
            nonlocal last
            share = done / total if total else 1.0
            if share - last >= _SHARE_STEP:
                last = share
                loop.call_soon_threadsafe(self._tell, ModelState(name, min(share, 0.999), done, total))

        self._tell(ModelState(name, 0.0))
        try:
            while True:
                try:
                    model = await asyncio.to_thread(_open, name, self._options[name], progress, self._models_folder)
                    break
                except OutOfMemory:
                    idle = sorted((entry.last_use, other) for other, entry in self._entries.items() if not entry.jobs)
                    if not idle:
                        raise
                    await self._free(idle[0][1])  # the one unused for longest makes room
        except BaseException:
            self._tell(ModelState(name, None))
            raise
        promise = await asyncio.to_thread(promise_of, model, self._options[name].get("threads"))
        self._tell(ModelState(name, 1.0, facts=facts(model, promise), promise=sentence(model, promise)))
        return LoadedModel(model, promise)


def _open(
    name: str, options: dict[str, Any], progress: Callable[[int, int, str], None], models_folder: str | None
) -> CausalLM:
    from causerie.api.loading.load import open_model
    from causerie.api.options.load_options import LoadOptions

    folder = None if models_folder is None else Path(models_folder)
    model = open_model(name, msgspec.convert(options, LoadOptions), progress=progress, models_folder=folder)
    model.step_model.touch(_TOUCHED_BYTES)
    model.expect_chats()
    return model


def promise_of(model: CausalLM, threads: int | None) -> Promise | None:
    """What is to be expected of a loaded model."""
    from causerie.api.measurement.promise import Promise
    from causerie.settings import Settings

    return Promise.of(model, Settings.from_environment(), threads)


def sentence(model: CausalLM, promise: Promise | None) -> str | None:
    """What to say of it, beside that it is loaded."""
    from causerie.api.measurement.promise import load_sentence

    return load_sentence(model, promise)


def facts(model: CausalLM, promise: Promise | None) -> dict[str, Any]:
    """What the front tells of a loaded model."""
    from causerie.api.generation.resolution import own_values

    speed: dict[str, Any] = {}
    if promise is not None:
        speed["expected_tokens_per_second"] = vars(promise.speed)
        speed["expected_read_tokens_per_second"] = promise.reading
    return speed | {
        "context": model.capacity,  # what can be used of it
        "max_model_len": model.capacity,  # the same, as vLLM's clients read it
        "family": str(model.config.get("model_type") or ""),
        "embedding_length": model.config.get("hidden_size"),
        "parameters": model.num_parameters(),
        "weight_bytes": model.get_memory_footprint(),
        "format": model.format,
        "backend": model.backend,
        "device": str(model.device),
        "generation": own_values(model.generation_config),
        **_manner(model),
    }


def _manner(model: CausalLM) -> dict[str, Any]:
    """Whether it was made for chats, whether it reasons first and what it can be told of that; nothing where it has no
    tokenizer."""
    from causerie.api.generation.constraints import limits_reasoning
    from causerie.server.processes.engine.answer_form import AnswerForm

    try:
        tokenizer = model.tokenizer
    except CauserieError:  # whoever sends it text is told
        return {}
    thinks = tokenizer.chat.thinks_by_default
    return {
        "chats": tokenizer.chat_template is not None,
        "thinking_budget": limits_reasoning(tokenizer),  # whether one can be kept
        "tools": AnswerForm.of(model).reply.tools is not None,  # whether its template knows a way to call them
        **({} if thinks is None else {"thinks_by_default": thinks}),
    }
