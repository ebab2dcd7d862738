"""Names of models: the built-in one, those that were downloaded, and what a name of another program means here.

Loads nothing and asks no network.
"""

from __future__ import annotations

from pathlib import Path

from causerie import builtin
from causerie.checkpoint import ollama_names

BUILTIN = builtin.NAME
"""The model that comes with the package."""
LARGER = builtin.LARGER
"""A model of the hub to name to those who want a larger one."""


def builtin_folder() -> Path:
    """The folder of the built-in model."""
    return Path(builtin.builtin_model_path())


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
