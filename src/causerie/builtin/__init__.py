"""The small chat model that ships with the package; its folder is an ordinary checkpoint. Knows no engine."""

from __future__ import annotations

from pathlib import Path

NAME = "builtin"
LARGER = "Qwen/Qwen2.5-0.5B-Instruct"
"""A model of the hub to name to those who have none: small enough for any machine, open, and far better than this."""


def builtin_model_path() -> str:
    """The folder of the built-in model (config.json, safetensors, tokenizer, template), as a string."""
    return str(Path(__file__).parent / "model")


def heldout_path() -> str:
    """Dialogues that the built-in model was never trained on: in each line a JSON list of messages."""
    return str(Path(__file__).parent / "heldout.jsonl")
