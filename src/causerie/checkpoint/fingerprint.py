"""Which files a model was read from, as a digest that changes when one of them does. Knows no model.

A file of the hub's cache is named by what is in it. Another is taken by its size, its time and its two ends: a file
that is written again has another time, and reading all of it would take as long as loading.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from causerie.checkpoint.gguf.choice import is_gguf, parts_of

_END = 1 << 16
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def files_fingerprint(place: Path) -> str:
    """Of the weights in a folder, or of a GGUF file with its other parts. Raises OSError."""
    if is_gguf(place.name):
        files = [place.parent / name for name in parts_of(place.name)]
    else:
        files = sorted(path for path in place.iterdir() if path.suffix == ".safetensors" and path.is_file())
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.name}\0{_identity(file)}\0".encode())
    return whole.hexdigest()


def _identity(file: Path) -> str:
    """What a file is, wherever it lies."""
    target = file.resolve()
    if target.parent.name == "blobs" and _HASH.fullmatch(target.name):
        return target.name
    state = target.stat()
    with target.open("rb") as opened:
        ends = hashlib.sha256(opened.read(_END))
        opened.seek(max(0, state.st_size - _END))
        ends.update(opened.read(_END))
    return f"{state.st_size} {state.st_mtime_ns} {ends.hexdigest()}"
