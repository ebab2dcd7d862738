"""What Ollama's clients are told of models (`/api/tags`, `/api/ps`, `/api/show`), and the bodies that are about one;
names as these clients write them. Pure: no HTTP, no model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from causerie.errors import nearest
from causerie.server.http.failure_responses import Refusal
from causerie.server.protocols.ollama_time import moment

PROTOCOL_VERSION = "0.12.0"
"""Of Ollama, whose protocol this is: its clients look at the version before they use tools, forms and reasoning."""
_LATEST = ":latest"
_HUBS = ("hf.co/", "huggingface.co/")
_MOST_NEAR = 5
_PARAMETERS = {"repetition_penalty": "repeat_penalty", "max_new_tokens": "num_predict"}  # as Ollama calls them


class ModelBody(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of a route about one model, which old clients call `name`."""

    model: str = ""
    name: str = ""
    stream: bool = True
    verbose: bool = False  # /api/show tells all that it knows either way
    insecure: bool = False  # no connection without a certificate's check is ever made

    @property
    def asked(self) -> str:
        """The name, by whichever field."""
        return self.model or self.name


def hub_name(asked: str) -> str:
    """A name without the hub's address in front of it and `:latest` behind it."""
    for hub in _HUBS:
        asked = asked.removeprefix(hub)
    return asked.removesuffix(_LATEST)


def known_name(asked: str, known: Collection[str]) -> str | None:
    """The name that a client means, which may write `:latest` behind one and the hub's address in front of it; None
    where there is none such."""
    name = hub_name(asked)
    return next((each for each in (asked, name, name + _LATEST) if each in known), None)


def not_found(asked: str, known: Iterable[str]) -> Refusal:
    """There is no such model, but some with names like it."""
    near = ", ".join(nearest(asked[:200], known)[:_MOST_NEAR])
    # Clients look for "not found".
    sentence = f"model {asked[:200]!r} not found. Served here, nearest first: {near}."
    return Refusal(404, sentence, param="model", code="model_not_found")


def tag_row(name: str, facts: Mapping[str, Any], since: datetime) -> dict[str, Any]:
    """A model in the list of those that are served. What is not known before it is loaded is 0 or empty."""
    return {
        "name": name,
        "model": name,
        "modified_at": moment(since),
        "size": int(facts.get("weight_bytes", 0)),
        "digest": hashlib.sha256(name.encode()).hexdigest(),  # of its name: clients tell models apart by it
        "details": _details(facts),
    }


def loaded_row(name: str, facts: Mapping[str, Any], expiry: datetime) -> dict[str, Any]:
    """A model in the list of those in memory, and when it goes."""
    row = tag_row(name, facts, expiry)
    del row["modified_at"]
    on_device = facts.get("device", "cpu") != "cpu"
    return row | {
        "expires_at": moment(expiry),
        "size_vram": row["size"] if on_device else 0,
        "context_length": int(facts.get("context", 0)),
    }


def shown_model(facts: Mapping[str, Any], since: datetime) -> dict[str, Any]:
    """All that is known of one model."""
    family = str(facts.get("family", ""))
    known = {
        "general.architecture": family or None,
        "general.parameter_count": facts.get("parameters"),
        f"{family}.context_length": facts.get("context"),
        f"{family}.embedding_length": facts.get("embedding_length"),
    }
    return {
        "modelfile": "",
        "parameters": _parameters(facts.get("generation", {})),
        "template": "",  # in the language of Ollama's own templates, in which there is none
        "details": _details(facts),
        "model_info": {key: value for key, value in known.items() if value is not None},
        "capabilities": _capabilities(facts),
        "modified_at": moment(since),
    }


def _details(facts: Mapping[str, Any]) -> dict[str, Any]:
    family = str(facts.get("family", ""))
    return {
        "parent_model": "",
        "format": "safetensors",
        "family": family,
        "families": [family] if family else [],
        "parameter_size": _size(int(facts.get("parameters", 0))),
        "quantization_level": str(facts.get("format", "")),
    }


def _capabilities(facts: Mapping[str, Any]) -> list[str]:
    thinks = facts.get("thinking_budget") or "thinks_by_default" in facts
    return ["completion", *(["tools"] if facts.get("tools") else []), *(["thinking"] if thinks else [])]


def _parameters(generation: Mapping[str, Any]) -> str:
    """What an answer gets whose request sets nothing, a line for each."""
    rows = {_PARAMETERS.get(name, name): value for name, value in generation.items() if value is not None}
    return "\n".join(f"{name:<30} {value}" for name, value in rows.items())


def _size(parameters: int) -> str:
    """Such as "1.5B"."""
    for unit, name in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if parameters >= unit:
            return f"{parameters / unit:.1f}{name}"
    return str(parameters) if parameters else ""
