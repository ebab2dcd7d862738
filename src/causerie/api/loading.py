"""From a model's folder to a `CausalLM`: opens the weights, chooses a backend with room, places them, starts the
engine.

Knows no names of models and no flags; auto.py resolves those.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from causerie.api.causal_lm import CausalLM
from causerie.api.generation.config import GenerationConfig
from causerie.api.loading_line import LoadingLine
from causerie.api.model_config import ModelConfig
from causerie.api.placement import Request, choose
from causerie.api.saving import Saving
from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.engine.engine import Engine
from causerie.engine.thread import EngineThread
from causerie.loading.load import load_surveyed, survey
from causerie.loading.sources import Progress
from causerie.plan.footprint import cache_sizer
from causerie.plan.hardware import Hardware
from causerie.quant.config import QuantConfig
from causerie.settings import Settings


def load(
    folder: Path,
    config: ModelConfig,
    request: Request,
    *,
    dtype: str,
    quantization: QuantConfig | None,
    generation_config: GenerationConfig | None,
    strict: bool,
    cache_dtype: str | None,
    max_cache_tokens: int | None,
    progress: bool | Progress,
    settings: Settings,
) -> CausalLM:
    """The model of `folder`. `progress`: True draws a line on a terminal, a callable is called with (bytes done, bytes
    in all, tensor). Raises what auto.AutoModelForCausalLM.from_pretrained says."""
    # Read first: a broken file should not cost the time of loading a model.
    generation = generation_config or GenerationConfig.from_checkpoint(folder, config)
    workers = request.threads or settings.threads or Hardware.probe().cores
    told = LoadingLine(sys.stderr, "Loading") if progress is True else progress or None
    with SafetensorsIndex.open(folder) as index:
        found = survey(index, config, dtype=dtype, quantization=quantization, strict=strict)
        if found.prepared_for is not None and request.backend is None and request.device == "auto":
            request = replace(request, backend=found.prepared_for)
        backend = choose(request, found.nbytes, settings)
        try:
            model = load_surveyed(
                found,
                index,
                backend=backend,
                size_cache=cache_sizer(
                    backend.block_size, _free_bytes(backend), max_cache_tokens, cache_dtype, weights=found.nbytes
                ),
                progress=told,
                workers=workers,
            )
        finally:
            if isinstance(told, LoadingLine):
                told.clear()
    engine = EngineThread(Engine(model))
    saved = Saving(folder, config, dtype, quantization, strict, workers)
    return CausalLM(model, engine, config=config, generation_config=generation, backend=backend.name, saving=saved)


def _free_bytes(backend: Backend) -> int:
    """What a model on this backend may take."""
    if backend.device != "cpu":
        from causerie.backends.torch.devices import free_bytes

        return free_bytes(backend.device)
    machine = Hardware.probe()
    return machine.memory_total if machine.memory_free is None else machine.memory_free
