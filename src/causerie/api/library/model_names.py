"""Names of models: those that come in packages, those that were downloaded, and what another program's name means.

Loads nothing and asks no network.
"""

from __future__ import annotations

from pathlib import Path

from causerie import builtin
from causerie.builtin import smollm2
from causerie.checkpoint import ollama_names

BUILTIN = builtin.NAME
"""The model that comes with this package: the program's own help."""
SMOLLM2 = smollm2.NAME
"""A small open model, where the package that carries it is installed."""
LARGER = builtin.LARGER
"""A model of the hub to name to those who want a larger one."""


def builtin_folder() -> Path:
    """The folder of the built-in model."""
    return Path(builtin.builtin_model_path())


def packaged_models() -> dict[str, Path]:
    """Names and places of the models that need no download, the one to talk to first."""
    file = smollm2.smollm2_file()
    return {**({} if file is None else {SMOLLM2: file}), BUILTIN: builtin_folder()}


def first_model() -> str:
    """The model of a chat where nobody names one."""
    return next(iter(packaged_models()))


def downloads_folder() -> Path:
    """Where huggingface_hub keeps what it downloads."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def downloads() -> list[str]:
    """The ids of the models that were downloaded."""
    from causerie.checkpoint.hub import cached

    return cached(downloads_folder())


def hub_id_of_ollama(name: str) -> str | None:
    """The hub's id of a model of Ollama's library; None where it is not known."""
    return ollama_names.hub_id(name)
