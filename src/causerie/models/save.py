"""Writes a model's weights as they are held, quantized ones in the reference layout of their format, from the
checkpoint they were loaded from: a tensor at a time, a slice of rows at a time.

The folder that results is loaded again without any work (packed.py reads it). Knows no backend and no other file of a
folder than config.json and the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.stream import SafetensorsStream
from causerie.errors import CheckpointError
from causerie.models.load import Progress, Survey, quantized_rows, reporter
from causerie.models.packed import KEY, VERSION, without_method
from causerie.models.quantize import Quantizer, Report
from causerie.models.sources import Source
from causerie.models.workers import Workers
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


def write_config(found: Survey, config: Mapping[str, Any], path: Path) -> None:
    """Writes the config.json of the saved weights. Raises CheckpointError."""
    values = without_method(config) | {"tie_word_embeddings": found.spec.tied}
    values["torch_dtype" if "torch_dtype" in values and "dtype" not in values else "dtype"] = found.plain
    held = {
        source.tensor: found.formats[source.name] for source in found.sources if found.formats[source.name] in QUANTIZED
    }
    if held:
        values[KEY] = {"quant_method": "causerie", "version": VERSION, "weights": held}
    try:
        path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror}.") from None


def _declared(source: Source, found: Survey) -> dict[str, tuple[str, tuple[int, ...]]]:
    format = QUANTIZED.get(found.formats[source.name])
    if format is None:
        return {source.tensor: (STORED_AS[found.plain], source.shape)}
    buffers = format.buffers((source.shape[0], source.shape[1]))
    return {f"{source.tensor}.{name}": (buffer.dtype, buffer.shape) for name, buffer in buffers.items()}


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
    row = prod(source.shape[1:])
    step = max(1, SLICE // row)
    for start in range(0, source.shape[0], step):
        stop = min(start + step, source.shape[0])
        part = index.read(source.tensor, slice(start, stop))
        if source.stored != plain:
            part = to_plain(to_float32(part, source.stored), plain)
        out.write(source.tensor, part, start * row)
        report(stop)
