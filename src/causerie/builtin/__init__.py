"""The small chat model that ships with the package; its folder is an ordinary checkpoint. Knows no engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAME = "builtin"
LARGER = "Qwen/Qwen2.5-0.5B-Instruct"
"""A model of the hub to name to those who have none: small enough for any machine, open, and far better than this."""


def builtin_model_path() -> str:
    """The folder of the built-in model (config.json, safetensors, tokenizer, template), as a string."""
    return str(Path(__file__).parent / "model")


def larger_config() -> dict[str, Any]:
    """What config.json of `LARGER` says of its shape, so that it can be told of before it is fetched."""
    values: dict[str, Any] = json.loads((Path(__file__).parent / "larger.json").read_text(encoding="utf-8"))
    return values


def heldout_path() -> str:
    """Dialogues that the built-in model was never trained on: in each line a JSON list of messages."""
    return str(Path(__file__).parent / "heldout.jsonl")
