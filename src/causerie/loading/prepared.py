"""Matrices that files hold as one backend's kernels read them, so that a start maps the file and does no work.

`save_pretrained(folder, prepared=True)` writes them: the bytes of a matrix are the tensor `<tensor>.prepared`, and
config.json says for which backend, in which version of its layouts, and for each matrix its format and layout. Knows no
layout; the backend checks what it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from causerie.backends.ops import Backend
from causerie.checkpoint.index import TensorIndex
from causerie.errors import ConfigError, Unsupported, WeightFileError
from causerie.loading.input_factors import factors_tensor
from causerie.loading.packed.method import KEY
from causerie.quant.formats import ALL

PREPARED = "prepared"
ALIGNMENT = 256  # bytes, at multiples of which prepared matrices begin in a file


@dataclass(frozen=True)
class Layouts:
    """How a backend reads the matrices of a file: in `each` the layout of every one, by canonical name."""

    backend: str
    version: int  # of its layouts
    each: Mapping[str, str]


@dataclass(frozen=True)
class Prepared:
    """One matrix as a backend reads it."""

    format: str
    layout: str  # the backend's own name for it
    tensor: str  # its bytes
    nbytes: int
    factors: str | None = None  # a tensor: see input_factors.py


def prepared_for(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Which backend and version of its layouts a folder was prepared for: {"backend": …, "version": …}; None where its
    weights are read in the usual way. Raises ConfigError where it is said wrongly."""
    values = config.get(KEY)
    mark = values.get(PREPARED) if isinstance(values, Mapping) else None
    if mark is None:
        return None
    if not isinstance(mark, Mapping) or not isinstance(mark.get("backend"), str):
        raise ConfigError(f"{KEY} of config.json sets {PREPARED!r} to {mark!r}; backend and version are expected.")
    return mark


def find_prepared(config: Mapping[str, Any], index: TensorIndex, tensor: str) -> Prepared | None:
    """How the matrix called `tensor` lies in a prepared checkpoint; None where it is held in the usual way. Raises
    ConfigError or WeightFileError."""
    if prepared_for(config) is None:
        return None
    weights = config[KEY].get("weights")
    if not isinstance(weights, Mapping):
        raise ConfigError(f"{KEY} of config.json has no 'weights', which should give the format of each tensor.")
    said = weights.get(tensor)
    if said is None:
        return None
    format, layout = (said.get("format"), said.get("layout")) if isinstance(said, Mapping) else (None, None)
    if not isinstance(format, str) or format not in ALL or not isinstance(layout, str):
        raise ConfigError(
            f"config.json says that {tensor!r} is held as {said!r}; format and layout are expected. Prepare it again."
        )
    info = index.info(f"{tensor}.{PREPARED}")
    if info.dtype != "U8" or len(info.shape) != 1:
        raise WeightFileError(f"Tensor {info.name!r} is {info.dtype} {info.shape}; bytes are expected. Prepare again.")
    return Prepared(format, layout, info.name, info.nbytes, factors_tensor(index, tensor))


def check_mapping(backend: Backend, config: Mapping[str, Any]) -> None:
    """Raises Unsupported where the folder was prepared for another backend, or for another version of its layouts."""
    said = prepared_for(config) or {}
    if said.get("backend") != backend.name or backend.layout_version is None:
        raise Unsupported(
            f"The folder was prepared for the {said.get('backend')} backend, and the {backend.name} backend was "
            "chosen. Load it on the CPU with backend='native', or load the model that it was prepared from."
        )
    if said.get("version") != backend.layout_version:
        raise Unsupported(
            f"The folder was prepared in version {said.get('version')!r} of the layouts and this program reads "
            f"{backend.layout_version}. Prepare the original model again: causerie prepare MODEL FOLDER."
        )
