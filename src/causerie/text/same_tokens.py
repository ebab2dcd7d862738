"""Whether the tokenizers of two model folders are the same, by what their files say. Loads no tokenizer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from causerie.checkpoint.json_object import read_json_object
from causerie.errors import CheckpointError


def same_tokens(folder: Path, other: Path) -> bool:
    """Whether both have a tokenizer.json with the same pieces under the same numbers, joined in the same order. What a
    model's makers added later, as for tools, may differ. False where a file cannot be read."""
    try:
        return _pieces(folder / "tokenizer.json") == _pieces(other / "tokenizer.json")
    except CheckpointError:
        return False


def _pieces(path: Path) -> bytes:
    """A digest of the vocabulary and the merges."""
    model: Any = read_json_object(path).get("model")
    if not isinstance(model, dict) or not model.get("vocab"):
        raise CheckpointError(f"{path} has no vocabulary. Download the file again.")
    merges = [each.split(" ") if isinstance(each, str) else each for each in model.get("merges") or []]
    return hashlib.sha256(json.dumps([model["vocab"], merges], sort_keys=True).encode()).digest()
