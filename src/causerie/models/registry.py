"""Families of models: which there are, and config.json → spec.

A family is a file in archs/ named after its `model_type`; it is imported when a config asks for it, so adding one edits
nothing here. This module knows no weights and no backend.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from causerie.errors import ConfigError, unknown
from causerie.models import archs
from causerie.models.config import Config
from causerie.models.config_origin import CONFIG_JSON, ConfigOrigin
from causerie.models.names import Names, Table
from causerie.spec.decoder import Decoder

Build = Callable[[Config], Decoder]


@dataclass(frozen=True)
class Architecture:
    """One family: how its config becomes a spec, and what its checkpoints call the weights (see names.py); a table may
    depend on the spec, where sizes decide which rows of a tensor a weight is, and several where programs differ in
    how they arrange the same weights; it is the first's that is meant where no file is there."""

    model_type: str
    build: Build
    weights: Table | Callable[[Decoder], Table | Sequence[Table]]

    def names(self, spec: Decoder) -> Names:
        """What checkpoints call the weights of a model of this family."""
        said = self.weights(spec) if callable(self.weights) else self.weights
        first, *others = [said] if isinstance(said, Mapping) else said
        return Names(first, tuple(others))


_registered: dict[str, Architecture] = {}


def architecture(
    model_type: str, *, weights: Table | Callable[[Decoder], Table | Sequence[Table]]
) -> Callable[[Build], Build]:
    """Registers the decorated function as the reader of `model_type`; it belongs in archs/<model_type>.py."""

    def register(build: Build) -> Build:
        _registered[model_type] = Architecture(model_type, build, weights)
        return build

    return register


def families() -> list[str]:
    """Every known model_type, sorted. Imports none of them."""
    return sorted(module.name for module in pkgutil.iter_modules(archs.__path__))


# What the whole of a multimodal config says for its text model, where that does not say it itself.
_SHARED = ("tie_word_embeddings", "dtype", "torch_dtype", "quantization_config", "quantization")


def text_values(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config of the model that writes text: of a multimodal one its part `text_config`, else all of it."""
    text = values.get("text_config")
    if not isinstance(text, Mapping) or "model_type" not in text:
        return values
    return {key: values[key] for key in _SHARED if values.get(key) is not None} | {
        key: value for key, value in text.items() if value is not None
    }


def family(values: Mapping[str, Any]) -> Architecture:
    """The family that a config names. Raises ConfigError without a name, UnknownName for one that is not built in."""
    said = text_values(values)
    model_type = said.get("model_type")
    if not isinstance(model_type, str):
        raise ConfigError(
            f"config.json says model_type = {model_type!r}; it must name a family: {', '.join(families())}. "
            "Add it if you know which one the checkpoint belongs to."
        )
    if model_type not in families():
        from causerie.models.relatives import what_it_lacks  # its facts are parsed for this error alone

        advice = (
            "The family is not built in yet, and no code that comes with a checkpoint stands in for it: take a model "
            "of a known family, or run this one with transformers. docs/adding-a-model.md says how a family is added."
        )
        advice = " ".join(filter(None, (what_it_lacks(model_type, said), advice)))
        raise unknown("model family (model_type of config.json)", model_type, families(), advice=advice)
    import_module(f"{archs.__name__}.{model_type}")
    return _registered[model_type]


def spec_from_config(
    values: Mapping[str, Any], strict: bool = False, draft_head: bool = False, origin: ConfigOrigin = CONFIG_JSON
) -> Decoder:
    """The spec of a config, whose values are from `origin`. Raises UnknownName for a family that is not built in,
    ConfigError for values out of bounds and for keys that mean arithmetic and that the family does not read. Warns
    (ConfigWarning) about other keys that it does not read; where `strict`, refuses them too. It has the draft head that
    files may hold only where that is asked for."""
    known = family(values)
    config = Config(text_values(values), family=known.model_type, origin=origin)
    spec = known.build(config)
    config.finish(strict)
    return spec if draft_head else replace(spec, draft_head=None)
