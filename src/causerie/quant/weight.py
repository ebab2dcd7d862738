"""A weight as a backend holds it: its format, its shape, and the buffers only that backend understands.

Models hand weights from the loader to operations without looking inside; formats are named here, packed by backends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from causerie.quant.transform import Transform

FORMATS = ("float32", "float16", "bfloat16")
"""Plain formats: a number for each weight. Vectors (norms, biases) are always held so; quantized ones are in
`formats.QUANTIZED`."""

BYTES = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0}
"""Bytes per parameter of each plain format."""


@dataclass(frozen=True)
class Weight:
    """One weight of a model, held by one backend."""

    name: str  # canonical, as Decoder.weights() gives it
    shape: tuple[int, ...]  # (outputs, inputs) or (length,)
    format: str  # a key of formats.ALL
    data: Any  # the backend's own: a tensor, or an address in its arena
    nbytes: int
    transform: Transform | None = None  # what its inputs go through first
