"""Architectures of GGUF: which there are, and a file's metadata → the values of a config.json and what its tensors are
of the weights.

An architecture is a file in archs/ with its name, - written as _; it is imported when a file asks for it. This module
knows none, and no backend.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from causerie.checkpoint.index import TensorIndex
from causerie.errors import UsageError, unknown
from causerie.models.gguf import archs
from causerie.models.gguf.config_keys import origin_of
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import plain_names
from causerie.models.gguf.values import layer_count
from causerie.models.names import Names, Table
from causerie.models.registry import spec_from_config
from causerie.spec.decoder import Decoder

Values = Callable[[Metadata], dict[str, Any]]
Weights = Callable[[Metadata, Decoder], Table]


@dataclass(frozen=True)
class GgufArchitecture:
    """One architecture: how its metadata becomes the values of a config.json, and what its tensors are of the weights
    of the decoder that these make."""

    name: str
    values: Values
    weights: Weights


@dataclass(frozen=True)
class GgufModel:
    """The model of one file."""

    config: Mapping[str, Any]  # what its config.json would say
    continued: frozenset[str]  # tensors that are no weights of its layers: the config was read from them, or they draft
    _metadata: Metadata
    _weights: Weights

    def names(self, spec: Decoder) -> Names:
        """What the file calls the weights of the decoder that its config makes."""
        return Names(self._weights(self._metadata, spec))


_registered: dict[str, GgufArchitecture] = {}


def gguf_architecture(name: str, weights: Weights = plain_names) -> Callable[[Values], Values]:
    """Registers the decorated function as the reader of the metadata of this architecture; it belongs in
    archs/<name>.py."""

    def register(values: Values) -> Values:
        _registered[name] = GgufArchitecture(name, values, weights)
        return values

    return register


def gguf_architectures() -> list[str]:
    """Every known name, sorted."""
    for module in pkgutil.iter_modules(archs.__path__):
        import_module(f"{archs.__name__}.{module.name}")
    return sorted(_registered)


def gguf_architecture_named(name: str) -> GgufArchitecture:
    """The one of that name. Raises UnknownName for one that is not built in."""
    file = name.replace("-", "_")
    if any(module.name == file for module in pkgutil.iter_modules(archs.__path__)):
        import_module(f"{archs.__name__}.{file}")
    if name not in _registered:
        raise unknown(
            "architecture (general.architecture of the GGUF file)",
            name,
            gguf_architectures(),
            advice="Take a file of a known one, the safetensors checkpoint of the same model, or another program.",
        )
    return _registered[name]


def gguf_model(metadata: Mapping[str, Any], index: TensorIndex) -> GgufModel:
    """The model of a file with this metadata and these tensors, of which it reads a few small ones. Raises UnknownName
    for an architecture that is not built in, ConfigError for values out of bounds and for keys that mean arithmetic and
    that the architecture does not read. Warns (ConfigWarning) about other keys that it does not read."""
    m = Metadata(metadata, index)
    architecture = gguf_architecture_named(m.architecture)
    values = architecture.values(m)
    m.finish()
    spec_from_config(values, origin=origin_of(m))  # so that what the family finds wrong is said of this file
    return GgufModel(values, m.continued | drafting_tensors(m, index), m, architecture.weights)


def is_lone_head(metadata: Mapping[str, Any], index: TensorIndex) -> bool:
    """Whether a file holds nothing of a model but the layers that propose tokens ahead, and what they share with it."""
    drafting = metadata.get(f"{metadata.get('general.architecture')}.nextn_predict_layers")
    return bool(drafting) and not any(name.startswith("blk.0.") for name in index.names())


def refuse_lone_head(metadata: Mapping[str, Any], index: TensorIndex) -> None:
    """Raises UsageError for such a file where a model is wanted."""
    if is_lone_head(metadata, index):
        raise UsageError(
            "The GGUF file holds only the head of a model, which guesses for that and cannot answer. Load the model, "
            "and pass this file as assistant_model (--draft)."
        )


def drafting_tensors(m: Metadata, index: TensorIndex) -> frozenset[str]:
    """Those of the layers behind the model's own, which propose tokens ahead."""
    last = layer_count(m)
    behind = tuple(f"blk.{i}." for i in range(last, last + m.integer("nextn_predict_layers", 0, least=0)))
    return frozenset(name for name in index.names() if name.startswith(behind))
