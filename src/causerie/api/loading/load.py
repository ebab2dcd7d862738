"""From a model's name to a `CausalLM`: finds its folder, opens the weights, chooses a backend with room, places them,
starts the engine.

Knows options as LoadOptions has them; auto.py reads the field's.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from causerie.api.causal_lm import CausalLM
from causerie.api.drafting.draft_checkpoint import DraftCheckpoint
from causerie.api.drafting.draft_search import companion
from causerie.api.drafting.head_file import HeadFile
from causerie.api.fit.precisions import MatrixHolding, fitting_precision, needed_bytes, precisions, weight_bytes
from causerie.api.generation.config import GenerationConfig
from causerie.api.library.model_names import builtin_folder
from causerie.api.loading.calibration import calibrated_as_asked
from causerie.api.loading.kept_cache import kept_cache
from causerie.api.loading.placement import InFewerBits, choose, packs_bfloat16
from causerie.api.loading.progress_line import LoadingLine
from causerie.api.loading.saving import Saving
from causerie.api.machine.abilities import hardware, thread_count
from causerie.api.model_files.gguf_model import open_index
from causerie.api.model_files.model_config import ModelConfig
from causerie.api.options.load_options import AUTO_DRAFT, LoadOptions
from causerie.backends.ops import Backend, encoders_of
from causerie.checkpoint.folder import Need
from causerie.checkpoint.hub import resolve
from causerie.decoding.drafting.drafter import Drafter
from causerie.decoding.drafting.lookup import PromptLookup
from causerie.decoding.drafting.other_chats import OtherChats
from causerie.engine.assistant.head_drafter import HeadDrafter
from causerie.engine.assistant.shadow import ShadowDrafter
from causerie.engine.engine import Engine
from causerie.engine.thread import EngineThread
from causerie.errors import CauserieError, DraftNotice, DraftWarning, Unsupported
from causerie.loading.load import Survey, load_surveyed, survey
from causerie.loading.sources import Progress
from causerie.models.model import Model
from causerie.plan.expert_memory import expert_memory
from causerie.plan.footprint import cache_sizer, least_tokens
from causerie.plan.hardware import give_back_memory
from causerie.settings import Settings

_ASSISTANT_TOKENS = 64  # of the cache that a model has itself that is loaded to guess, and which it does not use
_NEEDS: tuple[Need, ...] = ("config", "weights")


def open_model(
    name: str,
    options: LoadOptions,
    *,
    revision: str | None = None,
    cache: Path | None = None,
    offline: bool = False,
    token: str | None = None,
    config: Mapping[str, Any] | None = None,
    generation_config: GenerationConfig | None = None,
    progress: bool | Progress = True,
    models_folder: Path | None = None,
) -> CausalLM:
    """The model of a folder, "builtin" or hub id; `config` stands for its config.json, `generation_config` for its
    flags. `progress`: True draws a line on a terminal, a callable is called with (bytes done, bytes in all, tensor).
    `models_folder` has models beside the hub's cache that may guess for it. Raises
    what auto.AutoModelForCausalLM.from_pretrained says."""
    folder = resolve(
        name, revision, needs=_NEEDS, offline=offline, token=token, cache=cache, progress=progress is not False
    )
    stored = ModelConfig.from_folder(folder, name)
    model_config = stored if config is None else ModelConfig(config, name, folder)
    model = _load(folder, model_config, options, generation_config, progress, Settings.from_environment())
    if options.draft == AUTO_DRAFT:
        _assist_from(cache, models_folder, model)
    elif options.draft is not None:
        _assist(model, options.draft)
    return model


def _assist(model: CausalLM, draft: str) -> None:
    """Has the model of that name guess for this one, or says why it does not."""
    try:
        model.assist(draft)
    except CauserieError as fault:
        warnings.warn(f"{draft} does not guess for {model.name_or_path}: {fault}", DraftWarning, stacklevel=4)


def _assist_from(cache: Path | None, models_folder: Path | None, model: CausalLM) -> None:
    """Has a head beside the model's file guess for it, or a model of the hub's cache, or of a folder of models, where
    there is one that can, and says so."""
    folder = model.config.folder
    if model.backend != "native" or folder is None or folder == builtin_folder():
        return
    if _assist_beside(model, folder):
        return
    draft = companion(model.step_model, model.name_or_path, folder, cache, models_folder)
    if draft is None:
        return
    try:
        model.assist(_open_assistant(draft.name, cache, offline=True))
    except CauserieError:  # it was nobody's wish
        return
    sentence = (
        f"{draft.name} is here and has the same tokenizer: it guesses tokens for {model.name_or_path}, which "
        "come sooner and are the same. draft='none' (--draft none) turns that off."
    )
    warnings.warn(sentence, DraftNotice, stacklevel=4)


def _assist_beside(model: CausalLM, file: Path) -> bool:
    """Has the head that lies beside the file of a model guess for it, and says so, or why it does not; whether it
    does."""
    head = HeadFile.beside(file) if model.step_model.draft_head is None else None
    if head is None:
        return False
    try:
        model.assist(head)
    except CauserieError as fault:
        said = f"{head.folder} lies beside the model and does not guess for it: {fault}"
        warnings.warn(said, DraftWarning, stacklevel=5)
        return False
    sentence = (
        f"{head.name_or_path} lies beside the model and is a head for it: it guesses tokens, which come sooner and are "
        "the same. draft='none' (--draft none) turns that off."
    )
    warnings.warn(sentence, DraftNotice, stacklevel=5)
    return True


def _load(
    folder: Path,
    config: ModelConfig,
    options: LoadOptions,
    generation_config: GenerationConfig | None,
    progress: bool | Progress,
    settings: Settings,
) -> CausalLM:
    # Read first: a broken file should not cost the time of loading a model.
    generation = generation_config or GenerationConfig.from_checkpoint(folder, config)
    workers = thread_count(options.threads, settings)
    told = LoadingLine(sys.stderr, "Loading") if progress is True else progress or None
    with open_index(folder) as index:
        weights = survey(
            index,
            config,
            dtype=options.dtype,
            quantization=None if options.quantization == "auto" else options.quantization,
            strict=options.strict,
            draft_head=options.holds_head,
        )
        place = options
        if weights.prepared_for is not None and options.backend is None and options.device == "auto":
            place = replace(options, backend=weights.prepared_for)
        backend = choose(place, _needed_of_gpu(weights, options), settings, lambda: _in_fewer_bits(weights, options))
        free, tokens = _free_bytes(backend), options.max_cache_tokens
        weights = _with_head_or_not(weights, options, backend, free)
        weights = _fitting(weights, config.name_or_path, options, free, backend)
        experts = expert_memory(
            weights,
            free,
            backend.block_size,
            asked=options.expert_memory,
            tokens=tokens,
            cache_dtype=options.cache_dtype,
        )
        on_disk = 0 if experts is None else max(0, weights.expert_bytes - experts)
        if experts is not None:  # then there is one pass alone over the weights
            weights = weights.without_draft_head()
        weights = calibrated_as_asked(weights, index, backend, options, folder, workers=workers)
        shadow = weights.shadow(backend) if options.speculation == "shadow" else None
        nbytes = weight_bytes(weights, _holding(backend)) + (0 if shadow is None else shadow.nbytes)
        try:
            model = load_surveyed(
                weights,
                index,
                backend=backend,
                size_cache=cache_sizer(
                    backend.block_size,
                    free,
                    tokens,
                    options.cache_dtype,
                    weights=nbytes - on_disk,
                ),
                shadow=shadow,
                progress=told,
                workers=workers,
                expert_memory=experts,
            )
        finally:
            if isinstance(told, LoadingLine):
                told.clear()
    if weights.prepared_for is None:
        give_back_memory()
    disk = kept_cache(model, folder, options, settings)
    engine = Engine(model, drafters=_drafters(model), drafts_unasked=_drafts_unasked(options, backend), disk=disk)
    saving = Saving(folder, config, weights, workers, encoders_of(backend))
    return CausalLM(
        model,
        EngineThread(engine),
        config=config,
        generation_config=generation,
        backend=backend.name,
        saving=saving,
        opener=_open_assistant,
    )


def _drafters(model: Model) -> list[Drafter]:
    """Who guesses for a model without another one."""
    drafters: list[Drafter] = [PromptLookup(), OtherChats()]
    if model.shadow is not None:
        drafters.append(ShadowDrafter(model.shadow))
    if model.draft_head is not None:
        drafters.append(HeadDrafter(model.draft_head, model, len(model.spec.layers), model.further_heads))
    return drafters


def _open_assistant(name: str, cache: Path | None = None, offline: bool = False) -> CausalLM | DraftCheckpoint:
    """A model that is to guess for another, which gives it its cache, or a head that is."""
    folder = resolve(name, None, needs=_NEEDS, offline=offline, token=None, cache=cache, progress=False)
    head = HeadFile.of(folder, name) or DraftCheckpoint.of(folder, name)
    if head is not None:
        return head
    options = LoadOptions(backend="native", speculation="off", max_cache_tokens=_ASSISTANT_TOKENS)
    return open_model(name, options, cache=cache, offline=offline, progress=False)


def _with_head_or_not(weights: Survey, options: LoadOptions, backend: Backend, free: int) -> Survey:
    """The checkpoint's head to guess with is held where requests are drafted for that do not ask, and the model has
    room beside it. Raises Unsupported where it was asked for and is not there."""
    if options.speculation != "mtp":
        if weights.spec.draft_head is None:
            return weights
        needed = needed_bytes(
            weights, _holding(backend), cache_dtype=options.cache_dtype, tokens=options.max_cache_tokens
        )
        room = backend.name == "native" and needed <= free
        return weights if room else weights.without_draft_head()
    if weights.spec.draft_head is None:
        raise Unsupported(
            f"This {weights.spec.family} checkpoint ships no head to guess with that is known here. Leave "
            "speculation out, or use speculation='lookup'."
        )
    return weights


def _drafts_unasked(options: LoadOptions, backend: Backend) -> bool:
    """Whether requests are drafted for that do not ask for it. Where the last bits of a row depend on how many rows a
    step has they are not: how many there are depends on time, and so might an answer then."""
    if options.speculation == "auto":
        return backend.name == "native"
    return options.speculation != "off"


def _free_bytes(backend: Backend) -> int:
    """What a model on this backend may take."""
    if backend.device != "cpu":
        from causerie.backends.torch.devices import free_bytes

        return free_bytes(backend.device)
    machine = hardware()
    return machine.memory_total if machine.memory_free is None else machine.memory_free


def _fitting(weights: Survey, name: str, options: LoadOptions, free: int, backend: Backend) -> Survey:
    """The weights as they will be held. Raises ModelTooLarge."""
    if weights.prepared_for is not None:
        return weights
    return fitting_precision(
        weights,
        name,
        free,
        _holding(backend),
        quantizes=options.quantization == "auto",
        cache_dtype=options.cache_dtype,
        tokens=options.max_cache_tokens,
    )


def _needed_of_gpu(weights: Survey, options: LoadOptions) -> int:
    """What torch would take for a model, with the smallest cache that it may have."""
    least = least_tokens(weights.spec)
    tokens = min(options.max_cache_tokens or least, least)
    return needed_bytes(weights, MatrixHolding(False, False), cache_dtype=options.cache_dtype, tokens=tokens)


def _in_fewer_bits(weights: Survey, options: LoadOptions) -> InFewerBits | None:
    """The least that it would take for a model that may be quantized; None for another."""
    ways = {} if weights.prepared_for is not None else dict(precisions(weights))
    needed = {name: _needed_of_gpu(way, options) for name, way in ways.items()}
    least = min(needed, key=lambda name: needed[name], default=None)
    return None if least is None or len(needed) < 2 else InFewerBits(least, needed[least])


def _holding(backend: Backend) -> MatrixHolding:
    if backend.name != "native":  # torch's needs no library of the native one's
        return MatrixHolding(False, False)
    return MatrixHolding(True, packs_bfloat16(backend))
