"""A GGUF file that holds nothing but the head that guesses for a model: found by what is in it, or beside the model's
file, and made a drafter.

Knows files, backends and memory; not who asks for guesses.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from causerie.api.drafting.draft_checkpoint import DraftCheckpoint, check_room
from causerie.api.loading.placement import choose
from causerie.api.machine.abilities import thread_count
from causerie.api.options.load_options import LoadOptions
from causerie.checkpoint.gguf.choice import head_beside
from causerie.checkpoint.gguf.index import open_gguf
from causerie.checkpoint.local_model import is_gguf_file
from causerie.engine.assistant.draft_model import cache_for
from causerie.engine.assistant.lone_heads import LoneHeadsDrafter
from causerie.errors import UsageError
from causerie.loading.lone_heads import load_lone_heads, survey_lone_heads
from causerie.models.gguf.architecture import is_lone_head
from causerie.settings import Settings

if TYPE_CHECKING:
    from causerie.models.model import Model
    from causerie.spec.decoder import Decoder


class HeadFile(DraftCheckpoint):
    """One that is no model by itself; `folder` is the file."""

    @staticmethod
    def of(folder: Path, name: str) -> HeadFile | None:
        """The file, where it is of such a head. Raises as `open_gguf`."""
        if not is_gguf_file(folder):
            return None
        with open_gguf(folder) as index:
            return HeadFile(name, folder) if is_lone_head(index.metadata, index) else None

    @staticmethod
    def beside(model: Path) -> HeadFile | None:
        """The one that lies beside the file of a model and is named like it."""
        if not is_gguf_file(model):
            return None
        name = head_beside(model.name, (entry.name for entry in model.parent.iterdir()))
        return None if name is None else HeadFile(name, model.parent / name)

    def nbytes(self, target: Decoder) -> int:
        """Of its weights, as they would be held beside a model. Raises as `drafter`."""
        with open_gguf(self.folder) as index:
            return survey_lone_heads(index, target).nbytes

    def drafter(self, model: Model, backend: str) -> LoneHeadsDrafter:
        """What guesses for a model that is on that backend. Raises UsageError and Unsupported for one that it cannot
        guess for, ConfigError and CheckpointError for a head that is damaged, OutOfMemory."""
        if model.draft_head is not None:
            raise UsageError("The model holds a head to guess with already, which its own file ships. Leave this out.")
        settings = Settings.from_environment()
        with open_gguf(self.folder) as index:
            dtype = "auto" if backend == "native" else model.format  # torch computes in one format
            heads = survey_lone_heads(index, model.spec, dtype)
            cache = cache_for(model.cache, heads.one, model.cache.dtype)
            check_room("head", heads.nbytes, heads.one, cache, model.device, heads.count)
            place = choose(LoadOptions(backend=backend, device=model.device), heads.nbytes, settings)
            workers = thread_count(None, settings)
            passes = load_lone_heads(heads, index, backend=place, target=model, cache=cache, workers=workers)
        return LoneHeadsDrafter(passes, model, len(model.spec.layers))
