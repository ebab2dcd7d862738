"""Causerie: chat with open models on your own machine. Public names, imported when first used; nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causerie.api.auto import AutoConfig, AutoModelForCausalLM, AutoTokenizer
    from causerie.api.causal_lm import CausalLM
    from causerie.api.fit.fitting import fit
    from causerie.api.generation.async_streamer import AsyncTextIteratorStreamer
    from causerie.api.generation.config import GenerationConfig
    from causerie.api.generation.logits_processors import LogitsProcessor, LogitsProcessorList
    from causerie.api.generation.seeds import set_seed
    from causerie.api.generation.stopping_criteria import (
        EosTokenCriteria,
        MaxLengthCriteria,
        MaxTimeCriteria,
        StoppingCriteria,
        StoppingCriteriaList,
        StopStringCriteria,
    )
    from causerie.api.generation.streamers import TextIteratorStreamer, TextStreamer
    from causerie.api.options.quantization import BitsAndBytesConfig
    from causerie.api.pipeline.text_generation import TextGenerationPipeline, pipeline
    from causerie.builtin import builtin_model_path
    from causerie.errors import CauserieError

__version__ = "0.1.0"

_HOMES = {
    "AsyncTextIteratorStreamer": "causerie.api.generation.async_streamer",
    "AutoConfig": "causerie.api.auto",
    "AutoModelForCausalLM": "causerie.api.auto",
    "AutoTokenizer": "causerie.api.auto",
    "BitsAndBytesConfig": "causerie.api.options.quantization",
    "CausalLM": "causerie.api.causal_lm",
    "CauserieError": "causerie.errors",
    "EosTokenCriteria": "causerie.api.generation.stopping_criteria",
    "GenerationConfig": "causerie.api.generation.config",
    "LogitsProcessor": "causerie.api.generation.logits_processors",
    "LogitsProcessorList": "causerie.api.generation.logits_processors",
    "MaxLengthCriteria": "causerie.api.generation.stopping_criteria",
    "MaxTimeCriteria": "causerie.api.generation.stopping_criteria",
    "StopStringCriteria": "causerie.api.generation.stopping_criteria",
    "StoppingCriteria": "causerie.api.generation.stopping_criteria",
    "StoppingCriteriaList": "causerie.api.generation.stopping_criteria",
    "TextGenerationPipeline": "causerie.api.pipeline.text_generation",
    "TextIteratorStreamer": "causerie.api.generation.streamers",
    "TextStreamer": "causerie.api.generation.streamers",
    "builtin_model_path": "causerie.builtin",
    "fit": "causerie.api.fit.fitting",
    "pipeline": "causerie.api.pipeline.text_generation",
    "set_seed": "causerie.api.generation.seeds",
}

__all__ = [
    "AsyncTextIteratorStreamer",
    "AutoConfig",
    "AutoModelForCausalLM",
    "AutoTokenizer",
    "BitsAndBytesConfig",
    "CausalLM",
    "CauserieError",
    "EosTokenCriteria",
    "GenerationConfig",
    "LogitsProcessor",
    "LogitsProcessorList",
    "MaxLengthCriteria",
    "MaxTimeCriteria",
    "StopStringCriteria",
    "StoppingCriteria",
    "StoppingCriteriaList",
    "TextGenerationPipeline",
    "TextIteratorStreamer",
    "TextStreamer",
    "__version__",
    "builtin_model_path",
    "fit",
    "pipeline",
    "set_seed",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'causerie' has no attribute {name!r}; it has {', '.join(sorted(_HOMES))}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
