"""A smaller model among those that are here which can guess for one that is loaded: with the same tokenizer, and
so small that its guesses cost little. Nothing is downloaded, and no weight is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from causerie.api.machine.abilities import hardware
from causerie.api.model_files.gguf_model import open_index
from causerie.api.model_files.model_config import ModelConfig
from causerie.checkpoint.gguf.choice import gguf_models, parts_of
from causerie.checkpoint.gguf.index import open_gguf
from causerie.checkpoint.hub import cached, resolve
from causerie.checkpoint.json_object import read_json_object
from causerie.checkpoint.local_model import is_gguf_file
from causerie.engine.assistant.draft_model import alike
from causerie.errors import CauserieError
from causerie.loading.load import Survey, survey
from causerie.models.gguf.values import EMBEDDING
from causerie.models.model import Model
from causerie.models.registry import text_values
from causerie.plan.footprint import cache_cost
from causerie.text.tokens_digest import TokensDigest

_SHARE = 5  # times as many bytes the model has, at least, as one that guesses for it
_INSTRUCTED = ("instruct", "chat", "-it")  # of a name: the model was taught to answer


class Companion(NamedTuple):
    """A model that can guess for another."""

    name: str
    nbytes: int


def companion(
    model: Model, name: str, folder: Path, cache: Path | None, models_folder: Path | None = None
) -> Companion | None:
    """The one in the hub's cache, or in a folder of models, that fits best: one that was taught to answer, where the
    model's own name says that of it, and the smallest of these; None where there is none. What cannot be read is passed
    over."""
    fitting = []
    own: TokensDigest | None = None
    for other in (*cached(cache), *_models(models_folder)):
        try:
            candidate = resolve(other, offline=True, cache=cache)
            if not _is_likely(candidate, model):
                continue
            own = own or tokens_digest(folder)
            if tokens_digest(candidate).alike(own) and _fits(surveyed := _survey(candidate, other), model):
                fitting.append(Companion(other, surveyed.nbytes))
        except CauserieError:
            continue
    return min(fitting, key=lambda each: (_instructed(each.name) != _instructed(name), each.nbytes), default=None)


def _models(models_folder: Path | None) -> list[str]:
    """The models in a folder of models, by their paths: folders, and GGUF files there or in them."""
    if models_folder is None or not models_folder.is_dir():
        return []
    models: list[str] = _gguf_files(models_folder)
    for entry in sorted(entry for entry in models_folder.iterdir() if entry.is_dir()):
        models += [str(entry)] if (entry / "config.json").is_file() else _gguf_files(entry)
    return models


def _gguf_files(folder: Path) -> list[str]:
    """The models in GGUF files of a folder; none of one that may not be read."""
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return []
    return [str(folder / model.first) for model in gguf_models(names)]


def tokens_digest(place: Path) -> TokensDigest:
    """That of a model's folder, or of a GGUF file. Raises CheckpointError where it has no tokenizer."""
    if not is_gguf_file(place):
        return TokensDigest.of_folder(place)
    with open_gguf(place) as index:
        return TokensDigest.of_metadata(index.metadata, str(place))


def _is_likely(place: Path, model: Model) -> bool:
    """Whether its files are small enough and it has about as many tokens: digests take longer to compare. A GGUF file's
    header is read only where its size allows, as its weights stay as large as they are."""
    if is_gguf_file(place):
        nbytes = sum((place.parent / name).stat().st_size for name in parts_of(place.name))
        if nbytes * _SHARE > model.weight_bytes:
            return False
        with open_gguf(place) as index:
            return EMBEDDING in index and alike(index.info(EMBEDDING).shape[0], model.vocab)
    config = text_values(read_json_object(place / "config.json"))
    vocab, nbytes = config.get("vocab_size"), sum(path.stat().st_size for path in place.glob("*.safetensors"))
    return isinstance(vocab, int) and alike(vocab, model.vocab) and nbytes <= model.weight_bytes


def _survey(folder: Path, name: str) -> Survey:
    with open_index(folder) as index:
        return survey(index, ModelConfig.from_folder(folder, name))


def _fits(draft: Survey, model: Model) -> bool:
    """Whether it is small enough beside the model, remembers nothing but keys and values, and finds memory beside what
    the model may still fill."""
    if draft.nbytes * _SHARE > model.weight_bytes or draft.spec.slot_layers:
        return False
    free = hardware().memory_free
    positions = max((group.blocks for group in model.cache.groups), default=0) * model.cache.block_size
    own = positions * sum(nbytes for _, nbytes in cache_cost(model.spec, model.cache.dtype).groups)
    other = positions * sum(nbytes for _, nbytes in cache_cost(draft.spec, draft.plain).groups)
    return free is None or draft.nbytes + own + other <= free


def _instructed(name: str) -> bool:
    return any(word in name.casefold() for word in _INSTRUCTED)
