"""Writes a model's weights as they are held, from the checkpoint they were loaded from: quantized ones in the reference
layout of their format (packed.py reads it), a tensor at a time, a slice of rows at a time; or matrices as the backend
has laid them out (prepared.py reads them).

Knows no backend and no other file of a folder than config.json and the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from causerie.backends.ops import LaidOut
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.stream import SafetensorsStream
from causerie.errors import CheckpointError
from causerie.loading.load import Progress, Survey, quantized_rows, reporter
from causerie.loading.packed import KEY, VERSION, without_method
from causerie.loading.prepared import ALIGNMENT, PREPARED
from causerie.loading.quantize import Quantizer, Report
from causerie.loading.sources import Source
from causerie.loading.workers import Workers
from causerie.quant.format import ranges
from causerie.quant.formats import QUANTIZED
from causerie.quant.plain import STORED_AS, to_float32, to_plain

SLICE = 2**22  # elements that are in memory at once


def write_weights(
    found: Survey, index: TensorIndex, path: Path, *, workers: int = 1, progress: Progress | None = None
) -> None:
    """Writes all weights of a surveyed checkpoint to the safetensors file `path`, replacing it only when all is
    written. Raises CheckpointError where the disk refuses."""
    total = sum(source.nbytes for source in found.sources)
    done = 0
    declared = {name: tensor for source in found.sources for name, tensor in _declared(source, found).items()}
    with SafetensorsStream(path, declared) as out, Workers(workers) as threads:
        quantizer = Quantizer(index, threads)
        for source in found.sources:
            report = reporter(source, done, total, progress)
            if found.formats[source.name] in QUANTIZED:
                _write_quantized(source, found, index, quantizer, out, report)
            else:
                _write_plain(source, found.plain, index, out, report)
            done += source.nbytes


def write_prepared(
    found: Survey, index: TensorIndex, laid: LaidOut, path: Path, progress: Progress | None = None
) -> None:
    """The same, with the matrices as they lie in the loaded model's memory. Raises CheckpointError."""
    matrices = laid.matrices
    declared: dict[str, tuple[str, tuple[int, ...]]] = {}
    for source in found.sources:
        if (matrix := matrices.get(source.name)) is not None:
            declared[f"{source.tensor}.{PREPARED}"] = ("U8", (matrix.nbytes,))
        else:
            declared |= _declared(source, found)
    total, done = sum(source.nbytes for source in found.sources), 0
    with SafetensorsStream(path, declared, alignment=ALIGNMENT) as out:
        for source in found.sources:
            report = reporter(source, done, total, progress)
            if (matrix := matrices.get(source.name)) is None:
                _write_plain(source, found.plain, index, out, report)
            else:
                first = 0
                for piece in matrix.pieces:
                    out.write(f"{source.tensor}.{PREPARED}", piece, first)
                    first += piece.nbytes
                report(source.shape[0])
            done += source.nbytes


def write_config(found: Survey, config: Mapping[str, Any], path: Path, laid: LaidOut | None = None) -> None:
    """Writes the config.json of the saved weights; of prepared ones where `laid` is given. Raises CheckpointError."""
    values = without_method(config) | {"tie_word_embeddings": found.spec.tied}
    values["torch_dtype" if "torch_dtype" in values and "dtype" not in values else "dtype"] = found.plain
    values |= _said(found) if laid is None else _said_prepared(found, laid)
    try:
        path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror}.") from None


def _said(found: Survey) -> dict[str, Any]:
    """What config.json says of quantized weights."""
    formats = {source.tensor: found.formats[source.name] for source in found.sources}
    held = {tensor: format for tensor, format in formats.items() if format in QUANTIZED}
    return {KEY: {"quant_method": "causerie", "version": VERSION, "weights": held}} if held else {}


def _said_prepared(found: Survey, laid: LaidOut) -> dict[str, Any]:
    weights = {
        source.tensor: {"format": found.formats[source.name], "layout": laid.matrices[source.name].layout}
        for source in found.sources
        if source.name in laid.matrices
    }
    prepared = {"backend": laid.backend, "version": laid.version}
    return {KEY: {"quant_method": "causerie", "version": VERSION, PREPARED: prepared, "weights": weights}}


def _declared(source: Source, found: Survey) -> dict[str, tuple[str, tuple[int, ...]]]:
    format = QUANTIZED.get(found.formats[source.name])
    if format is None:
        return {source.tensor: (STORED_AS[_kept(source, found.plain)], source.shape)}
    buffers = format.buffers((source.shape[0], source.shape[1]))
    return {f"{source.tensor}.{name}": (buffer.dtype, buffer.shape) for name, buffer in buffers.items()}


def _kept(source: Source, plain: str) -> str:
    """What a plain tensor is written in. Vectors stay as they were: a backend may hold them wider than matrices."""
    return plain if len(source.shape) == 2 else source.stored


def _write_quantized(
    source: Source, found: Survey, index: TensorIndex, quantizer: Quantizer, out: SafetensorsStream, report: Report
) -> None:
    format = QUANTIZED[found.formats[source.name]]
    rows, width = source.shape
    read = quantized_rows(source, format.name, index, quantizer, report)
    buffers = format.buffers((rows, width))
    unit = format.row_step(width)
    step = unit * max(1, SLICE // (unit * width))
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        places = ranges(format, width, start, stop)
        for name, array in read(start, stop).items():
            if not buffers[name].whole or start == 0:
                first = places[name].start * prod(buffers[name].shape[1:])
                out.write(f"{source.tensor}.{name}", array, first)


def _write_plain(source: Source, plain: str, index: TensorIndex, out: SafetensorsStream, report: Report) -> None:
    kept, row = _kept(source, plain), prod(source.shape[1:])
    step = max(1, SLICE // row)
    for start in range(0, source.shape[0], step):
        stop = min(start + step, source.shape[0])
        part = index.read(source.tensor, slice(start, stop))
        if source.stored != kept:
            part = to_plain(to_float32(part, source.stored), kept)
        out.write(source.tensor, part, start * row)
        report(stop)
