"""From a model's folder to a `CausalLM`: opens the weights, chooses a backend with room, places them, starts the
engine.

Knows no names of models and no flags; auto.py resolves those.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TextIO

from causerie.api.causal_lm import CausalLM
from causerie.api.generation import GenerationConfig
from causerie.api.model_config import ModelConfig
from causerie.api.placement import Request, choose
from causerie.backends.ops import Backend
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.engine.engine import Engine
from causerie.engine.thread import EngineThread
from causerie.models.load import Progress, load_model, weight_format
from causerie.models.sources import STORED
from causerie.plan.footprint import cache_sizer
from causerie.plan.hardware import Hardware
from causerie.quant.weight import BYTES
from causerie.settings import Settings

PATIENCE = 1.0
"""Seconds of loading after which a line says how far it is."""


def load(
    folder: Path,
    config: ModelConfig,
    request: Request,
    *,
    dtype: str,
    generation_config: GenerationConfig | None,
    strict: bool,
    max_cache_tokens: int | None,
    progress: bool | Progress,
    settings: Settings,
) -> CausalLM:
    """The model of `folder`. `progress`: True draws a line on a terminal, a callable is called with (bytes done, bytes
    in all, tensor). Raises what auto.AutoModelForCausalLM.from_pretrained says."""
    # Read first: a broken file should not cost the time of loading a model.
    generation = generation_config or GenerationConfig.from_checkpoint(folder, config)
    told = LoadingLine(sys.stderr) if progress is True else progress or None
    with SafetensorsIndex.open(folder) as index:
        backend = choose(request, _bytes_as_held(index, weight_format(config, index, dtype)), settings)
        try:
            model = load_model(
                index,
                config,
                backend=backend,
                size_cache=cache_sizer(backend.block_size, _free_bytes(backend), max_cache_tokens),
                dtype=dtype,
                strict=strict,
                progress=told,
            )
        finally:
            if isinstance(told, LoadingLine):
                told.clear()
    engine = EngineThread(Engine(model))
    return CausalLM(model, engine, config=config, generation_config=generation, backend=backend.name)


def _bytes_as_held(index: TensorIndex, format: str) -> int:
    infos = [index.info(name) for name in index.names()]
    # Anything else than these formats is refused when the model loads.
    return sum(int(info.nbytes / BYTES[STORED[info.dtype]] * BYTES[format]) for info in infos if info.dtype in STORED)


def _free_bytes(backend: Backend) -> int:
    """What a model on this backend may take."""
    if backend.device != "cpu":
        from causerie.backends.torch.devices import free_bytes

        return free_bytes(backend.device)
    machine = Hardware.probe()
    return machine.memory_total if machine.memory_free is None else machine.memory_free


class LoadingLine:
    """One line on a terminal that says how far loading is, once it has taken a while; nothing on anything else."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._begun = time.monotonic()
        self._shown = ""

    def __call__(self, done: int, total: int, name: str) -> None:
        if not self._live or time.monotonic() - self._begun < PATIENCE:
            return
        text = f"Loading {done / 1e9:.1f} of {total / 1e9:.1f} GB"
        if text != self._shown:
            self._out.write(f"\r\x1b[K{text}")
            self._out.flush()
            self._shown = text

    def clear(self) -> None:
        """Takes the line away."""
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._shown = ""
