"""An EAGLE3 checkpoint that is to guess for a loaded model: found by its folder, and made a drafter beside the model.

Knows files, backends and memory; not who asks for guesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from causerie.api.loading.placement import choose
from causerie.api.machine.abilities import hardware, thread_count
from causerie.api.model_files.gguf_model import open_index
from causerie.api.model_files.model_config import ModelConfig
from causerie.api.options.load_options import LoadOptions
from causerie.engine.assistant.draft_model import cache_for
from causerie.engine.assistant.eagle3 import Eagle3Drafter
from causerie.errors import OutOfMemory
from causerie.loading.eagle3 import load_head, survey_head
from causerie.models.eagle3 import head_kind
from causerie.plan.footprint import cache_cost, cache_format
from causerie.settings import Settings

if TYPE_CHECKING:
    from causerie.backends.ops import CacheShape
    from causerie.decoding.drafting.drafter import Drafter
    from causerie.models.model import Model
    from causerie.spec.decoder import Decoder

_ROWS = 256  # in one of its steps: it reads prompts in such chunks


@dataclass(frozen=True)
class DraftCheckpoint:
    """One that is no model by itself."""

    name_or_path: str  # how the caller named it
    folder: Path

    @staticmethod
    def of(folder: Path, name: str) -> DraftCheckpoint | None:
        """The checkpoint of that folder, where it is of such a head. Raises as `survey`."""
        with open_index(folder) as index:
            kind = head_kind(ModelConfig.from_folder(folder, name), index.names())
        return DraftCheckpoint(name, folder) if kind == "EAGLE3" else None

    def drafter(self, model: Model, backend: str) -> Drafter:
        """What guesses for a model that is on that backend. Raises UsageError and Unsupported for one that it cannot
        guess for, ConfigError and CheckpointError for a head that is damaged, OutOfMemory."""
        config = ModelConfig.from_folder(self.folder, self.name_or_path)
        settings = Settings.from_environment()
        with open_index(self.folder) as index:
            dtype = "auto" if backend == "native" else model.format  # torch computes in one format
            survey = survey_head(index, config, model.spec, dtype)
            cache = cache_for(model.cache, survey.spec, cache_format(survey.plain))
            check_room("EAGLE3 head", survey.nbytes, survey.spec, cache, model.device)
            place = choose(LoadOptions(backend=backend, device=model.device), survey.nbytes, settings)
            workers = thread_count(None, settings)
            head = load_head(survey, index, backend=place, target=model, cache=cache, max_tokens=_ROWS, workers=workers)
        return Eagle3Drafter(*head, model)


def check_room(what: str, weights: int, spec: Decoder, cache: CacheShape, device: str, count: int = 1) -> None:
    """Raises OutOfMemory where a head, or so many, which have so many bytes of `weights` in all, find no memory beside
    the model with a cache each."""
    costs = cache_cost(spec, cache.dtype).groups
    each = sum(group.blocks * cache.block_size * cost for group, (_, cost) in zip(cache.groups, costs, strict=True))
    free = hardware().memory_free if device == "cpu" else None
    if free is not None and weights + count * each > free:
        raise OutOfMemory(
            f"The {what} needs {weights / 1e9:.2f} GB and its cache {count * each / 1e9:.2f} GB beside the model, and "
            f"{free / 1e9:.2f} GB are free. Give the model a smaller cache (max_cache_tokens), or go without the head."
        )
