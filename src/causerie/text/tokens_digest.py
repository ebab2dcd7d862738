"""By what the tokenizers of two model folders are known to be the same. Loads no tokenizer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from causerie.checkpoint.json_object import read_json_object
from causerie.errors import CheckpointError


def tokens_digest(folder: Path) -> bytes:
    """The same for all folders whose tokenizer.json has the same pieces under the same numbers, joined in the same
    order. What a model's makers added later, as for tools, may differ. Raises CheckpointError where there is none."""
    path = folder / "tokenizer.json"
    model: Any = read_json_object(path).get("model")
    if not isinstance(model, dict) or not model.get("vocab"):
        raise CheckpointError(f"{path} has no vocabulary. Download the file again.")
    merges = [each.split(" ") if isinstance(each, str) else each for each in model.get("merges") or []]
    return hashlib.sha256(json.dumps([model["vocab"], merges], sort_keys=True).encode()).digest()
