"""A small JSON file of a model folder that holds one object. It knows no key of any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from causerie.errors import CauserieError, CheckpointError

MOST_BYTES = 64 * 2**20
"""Files of configuration stay far below this; a larger one is damaged or hostile."""


def read_json_object(
    path: Path, *, error: type[CauserieError] = CheckpointError, most_bytes: int = MOST_BYTES
) -> dict[str, Any]:
    """The object in `path`. Raises `error` where it cannot be read, is too large, is not JSON, or not an object."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= most_bytes else b""
    except OSError as fault:
        raise error(f"{path} cannot be read: {fault.strerror or fault}.") from fault
    if size > most_bytes:
        raise error(f"{path} has {size} bytes, more than the {most_bytes} that a file of its kind may have.")
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as fault:
        raise error(f"{path} is not JSON: {fault}. Download or copy the file again.") from fault
    if not isinstance(value, dict):
        raise error(f"{path} holds a {type(value).__name__}; an object was expected. Download or copy the file again.")
    return value


def read_optional_json(path: Path) -> dict[str, Any]:
    """As `read_json_object`, and an empty object where there is no such file."""
    return read_json_object(path) if path.is_file() else {}
