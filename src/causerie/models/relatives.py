"""What is told of a family that is not built in: which family here is nearest to it, and what that one lacks.

Knows families by name only; relatives.toml has the facts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from causerie.models.unread_keys import short_json


@cache
def _facts() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("causerie.models").joinpath("relatives.toml").read_text(encoding="utf-8"))


def what_it_lacks(model_type: str, values: Mapping[str, Any]) -> str:
    """Sentences for the user whose config names `model_type`: the nearest family, what it lacks, and which keys of the
    config show layers that no family here has. Empty where nothing is known."""
    facts = _facts()
    if model_type in facts["encoders"]["names"]:
        return (
            "It has an encoder, or is one: it does not go on with a text by itself, as every model here does. "
            "For vectors of texts, take a decoder made for that."
        )
    sentences = []
    if relative := facts["decoders"].get(model_type):
        sentences.append(f"Its nearest relative here is {relative['like']!r}, which lacks this: {relative['lacks']}.")
    signs = [
        f"{key!r} = {short_json(values[key])} ({layers})" for key, layers in facts["keys"].items() if values.get(key)
    ]
    if signs:
        sentences.append(f"config.json asks for layers that no family here has: {', '.join(signs)}.")
    return " ".join(sentences)
