"""What the files of a model say of it: its family, how many numbers of which kind they hold, and whether all are there.

Reads configurations and headers, and no weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from causerie.checkpoint.folder import check_folder
from causerie.checkpoint.gguf.block_types import BlockType
from causerie.checkpoint.gguf.choice import gguf_models, is_gguf, parts_of
from causerie.checkpoint.gguf.index import open_gguf
from causerie.checkpoint.index import TensorInfo
from causerie.checkpoint.json_object import read_json_object
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.errors import CauserieError
from causerie.models import registry
from causerie.models.gguf.architecture import gguf_architectures

_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8"}


@dataclass(frozen=True)
class StoredModel:
    """A model as it lies on a disk, whole or in part."""

    family: str | None
    runs: bool
    """Whether its family is built in."""
    precision: str | None
    quantized: bool
    """Whether it is so already, and is held as it is stored."""
    parameters: int | None
    stored_bytes: int | None
    """Of its weights."""
    lacks: str | None
    """Why it cannot be loaded; None where all of it is here."""


def stored_model(place: Path) -> StoredModel:
    """That of a folder, or of a GGUF file."""
    return _of_gguf(place) if is_gguf(place.name) else _of_folder(place)


def gguf_places(folder: Path) -> list[Path]:
    """The models in the GGUF files of a folder, each by its first file."""
    names = [path.name for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    return [folder / model.first for model in gguf_models(names)]


def gguf_bytes(file: Path) -> int:
    """Of a GGUF file and its other parts, on the disk."""
    parts = (file.parent / name for name in parts_of(file.name))
    return sum(part.stat().st_size for part in parts if part.is_file())


def _of_gguf(file: Path) -> StoredModel:
    try:
        with open_gguf(file) as index:
            sizes = [_elements(index.info(name), index.block_type(name)) for name in index.names()]
            family, nbytes = index.metadata.get("general.architecture"), index.nbytes
            blocks = any(index.block_type(name) is not None for name in index.names())
    except CauserieError as fault:
        return StoredModel(None, False, None, True, None, None, str(fault))
    (kind,) = (model.kind for model in gguf_models(parts_of(file.name)))
    return StoredModel(
        family=family if isinstance(family, str) else None,
        runs=family in gguf_architectures(),
        precision=kind,
        quantized=blocks,
        parameters=sum(sizes),
        stored_bytes=nbytes,
        lacks=None,
    )


def _elements(info: TensorInfo, block: BlockType | None) -> int:
    if block is None:
        return prod(info.shape)
    return prod(info.shape) // block.nbytes * block.elements


def _of_folder(folder: Path) -> StoredModel:
    family, runs = _family(folder)
    parameters, stored, precision = _weights(folder)
    method = _method(folder)
    return StoredModel(family, runs, method or precision, method is not None, parameters, stored, _lack(folder))


def _lack(folder: Path) -> str | None:
    try:
        check_folder(folder)
    except CauserieError as fault:
        return str(fault)
    return None


def _family(folder: Path) -> tuple[str | None, bool]:
    """What config.json calls the family, and whether it is built in."""
    try:
        config = read_json_object(folder / "config.json")
    except CauserieError:
        return None, False
    inner = config.get("text_config")
    names = [part.get("model_type") for part in (config, inner if isinstance(inner, dict) else {})]
    known = registry.families()
    family = next((name for name in names if isinstance(name, str)), None)
    return family, any(name in known for name in names)


def _weights(folder: Path) -> tuple[int | None, int | None, str | None]:
    """How many numbers the files hold, in how many bytes, and how most of them are held."""
    try:
        with SafetensorsIndex.open(folder) as index:
            entries = [index.info(name) for name in index.names()]
            nbytes = index.nbytes
    except CauserieError:
        return None, None, None
    by_type: dict[str, int] = {}
    for entry in entries:
        by_type[entry.dtype] = by_type.get(entry.dtype, 0) + entry.nbytes
    most = max(by_type, key=lambda kind: by_type[kind], default=None)
    precision = None if most is None else _DTYPES.get(most, most.lower())
    return sum(prod(entry.shape) for entry in entries), nbytes, precision


def _method(folder: Path) -> str | None:
    """How a quantized model says that it is."""
    try:
        said = read_json_object(folder / "config.json").get("quantization_config")
    except CauserieError:
        return None
    method = said.get("quant_method") if isinstance(said, dict) else None
    return method if isinstance(method, str) else None
