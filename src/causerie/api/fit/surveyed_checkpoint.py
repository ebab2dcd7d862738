"""A checkpoint as far as it can be known without reading its weights: from the headers of its files, here or on the
hub, from config.json alone, or from what its name says of its size.

Knows how loading would hold the weights, and no backend.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from causerie.api.library.model_names import packaged_models
from causerie.api.model_files.gguf_model import open_index
from causerie.api.model_files.model_config import ModelConfig
from causerie.api.options.load_options import LoadOptions
from causerie.checkpoint.folder import Need
from causerie.checkpoint.gguf.remote import RemoteGguf, remote_gguf
from causerie.checkpoint.hub import hub_name, resolve
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.local_model import local_model
from causerie.checkpoint.remote import RemoteIndex, remote_index
from causerie.errors import CheckpointError, ConfigError, ConfigWarning, HubUnavailable, ModelNotFound, UsageError
from causerie.loading.load import Survey, formats_of, survey
from causerie.loading.packed.method import method_of
from causerie.loading.sources import PlainSource
from causerie.models.gguf.architecture import gguf_model
from causerie.models.registry import family, spec_from_config, text_values
from causerie.plan.size_names import size_in
from causerie.quant.weight import FORMATS
from causerie.spec.decoder import EMBEDDING, HEAD

KnownFrom = Literal["headers", "config", "name"]
_CONFIG: tuple[Need, ...] = ("config",)


@dataclass(frozen=True)
class Surveyed:
    """A model before it is loaded."""

    name: str
    folder: Path | None  # None where only the name is known
    weights: Survey
    known_from: KnownFrom
    stored_bytes: int | None  # of the weights in the files; None where nobody said it
    here: bool = True  # whether the files are on this machine
    remark: str | None = None  # why no more is known


def surveyed(name: str, options: LoadOptions, *, draft_head: bool = False) -> Surveyed:
    """A folder, "builtin" or hub id; on request with the head to guess with that its files may hold. Of a hub's model
    that was never downloaded config.json is fetched, and of its weights the headers. Raises what from_pretrained raises
    before it reads weights."""
    try:
        folder = resolve(name, needs=("config", "weights"), offline=True)
    except CheckpointError:
        if (remote := _remote_gguf(name)) is not None:
            return _of_remote_gguf(name, remote, options)
        folder = resolve(name, needs=_CONFIG, progress=False)
        return _without_weights(name, folder, options, draft_head)
    config = ModelConfig.from_folder(folder, name)
    with open_index(folder) as index:
        return Surveyed(name, folder, _survey(index, config, options, draft_head), "headers", index.nbytes)


def surveyed_or_estimated(name: str, options: LoadOptions) -> Surveyed:
    """The same, or an estimate where there is but a name, or nobody to ask, and the name says a size."""
    size = size_in(name)
    if size is None:
        try:
            return surveyed(name, options)
        except ModelNotFound as error:
            raise ModelNotFound(f"{error} A size will do as well: 8B, 8x7B or 30B-A3B.") from None
    try:
        return surveyed(name, options)
    except ModelNotFound as error:
        if Path(name).expanduser().is_absolute() or name.startswith("."):
            raise
        remark = str(error) if "/" in name else None
        weights = survey_of_config(ModelConfig(size.config, name, None), options)
        return Surveyed(name, None, weights, "name", None, here=False, remark=remark)


def _survey(index: TensorIndex, config: Mapping[str, Any], options: LoadOptions, draft_head: bool) -> Survey:
    quantization = options.format_named("telling of one")
    return survey(
        index, config, dtype=options.dtype, quantization=quantization, strict=options.strict, draft_head=draft_head
    )


def _remote_gguf(name: str) -> RemoteGguf | None:
    """The GGUF file that a name means on the hub; None where it means something else, or nobody answers."""
    if name in packaged_models() or local_model(name) is not None:
        return None
    try:
        asked = hub_name(name)
    except ModelNotFound:  # whoever looks for a folder of that name says more
        return None
    try:
        return remote_gguf(asked)
    except HubUnavailable:  # what comes next says so, and uses what the cache has
        return None


def _of_remote_gguf(name: str, index: RemoteGguf, options: LoadOptions) -> Surveyed:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConfigWarning)  # told when the weights are found
        config = ModelConfig(gguf_model(index.metadata, index).config, name, None)
    return Surveyed(name, None, _survey(index, config, options, False), "headers", index.nbytes, here=False)


def _without_weights(name: str, folder: Path, options: LoadOptions, draft_head: bool) -> Surveyed:
    config = ModelConfig.from_folder(folder, name)
    try:
        index = remote_index(hub_name(name).id, folder.name)
        weights = _survey(_without_twin_head(index, config, options), config, options, draft_head)
    except (ConfigError, UsageError):
        raise
    except CheckpointError as error:
        return Surveyed(name, folder, survey_of_config(config, options), "config", None, here=False, remark=str(error))
    return Surveyed(name, folder, weights, "headers", index.nbytes, here=False)


def _without_twin_head(index: RemoteIndex, config: Mapping[str, Any], options: LoadOptions) -> RemoteIndex:
    """A head that is stored although it is the embedding would be read to be compared with it: here it is believed."""
    values = text_values(config)
    if method_of(values) is not None:
        return index
    spec = spec_from_config(values, options.strict)
    names = family(values).names(spec).within(frozenset(index.names()))
    (embed,), (head,) = names.expression(EMBEDDING).tensors, names.expression(HEAD).tensors
    if not spec.tied or embed == head or embed not in index or head not in index:
        return index
    return index.without([head]) if index.info(embed).shape == index.info(head).shape else index


def survey_of_config(config: ModelConfig, options: LoadOptions) -> Survey:
    """From config.json alone, which says nothing certain of how tensors are stored. Raises CheckpointError for a
    quantized model, of which only the weights say how."""
    if method_of(config) is not None:
        raise CheckpointError(
            f"{config.name_or_path} is quantized, and how is said in its weights, which are not on this machine."
        )
    spec = spec_from_config(config, options.strict)
    said = config.get("dtype") or config.get("torch_dtype")
    plain = options.dtype if options.dtype != "auto" else said if said in FORMATS else "float32"
    names = family(config).names(spec)
    sources = tuple(PlainSource(weight, names.expression(weight.name)) for weight in spec.weights())
    formats = formats_of(spec, sources, plain, options.format_named("telling of one"))
    return Survey(spec, sources, plain, formats, config)
