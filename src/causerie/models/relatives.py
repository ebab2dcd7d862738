"""Families that are not built in: which family here is nearest to each, and what that one lacks.

Knows families by name only; relatives.toml has the facts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from causerie.models.unread_keys import short_json


class Relative(NamedTuple):
    """The nearest family here, and what it lacks."""

    like: str
    lacks: str


@cache
def _facts() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("causerie.models").joinpath("relatives.toml").read_text(encoding="utf-8"))


def decoders() -> dict[str, Relative]:
    """The relative of every family that writes text, as transformers knows them."""
    return {name: Relative(**relative) for name, relative in _facts()["decoders"].items()}


def encoders() -> list[str]:
    """Families that have an encoder, or are one."""
    return list(_facts()["encoders"]["names"])


def absent_layers() -> dict[str, str]:
    """Keys of a config that ask for layers which no family here has, and what these are."""
    return dict(_facts()["keys"])


def what_it_lacks(model_type: str, values: Mapping[str, Any]) -> str:
    """Sentences for the user whose config names `model_type`: the nearest family, what it lacks, and which keys of the
    config ask for layers that no family here has. Empty where nothing is known."""
    if model_type in encoders():
        return (
            "It has an encoder, or is one: it does not go on with a text by itself, as every model here does. "
            "For vectors of texts, take a decoder made for that."
        )
    sentences = []
    if relative := decoders().get(model_type):
        sentences.append(f"Its nearest relative here is {relative.like!r}, which lacks this: {relative.lacks}.")
    keys = [
        f"{key!r} = {short_json(values[key])} ({layers})" for key, layers in absent_layers().items() if values.get(key)
    ]
    if keys:
        sentences.append(f"config.json asks for layers that no family here has: {', '.join(keys)}.")
    return " ".join(sentences)
