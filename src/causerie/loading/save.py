"""Writes a model's weights as they are held, from the checkpoint they were loaded from: quantized ones in the reference
layout of their format (packed.py reads it), a tensor at a time, a slice of rows at a time; or matrices as the backend
has laid them out (prepared.py reads them).

Knows no backend and no other file of a folder than config.json and the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from causerie.backends.ops import KernelMatrices
from causerie.checkpoint.expression import Expression, Tensor
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.stream import SafetensorsStream
from causerie.errors import CheckpointError, UsageError
from causerie.loading.load import Survey
from causerie.loading.packed import KEY, VERSION, without_method
from causerie.loading.prepared import ALIGNMENT, PREPARED
from causerie.loading.quantize import Quantizer, ReadRows
from causerie.loading.sources import STORED, PlainSource, Progress, Source, reporter
from causerie.loading.workers import Workers
from causerie.quant.format import Format, ranges
from causerie.quant.formats import QUANTIZED
from causerie.quant.plain import STORED_AS, to_float32, to_plain

SLICE = 2**22  # elements that are in memory at once


@dataclass(frozen=True)
class _PlainTensor:
    """Plain numbers that are written under a name: a tensor of the checkpoint, or a part of one that is alone because
    the rest of it is quantized."""

    name: str
    expression: Expression
    shape: tuple[int, ...]
    stored: str
    target: str  # what it is written in


def write_weights(
    survey: Survey, index: TensorIndex, path: Path, *, workers: int = 1, progress: Progress | None = None
) -> None:
    """Writes all weights of a surveyed checkpoint to the safetensors file `path`, replacing it only when all is
    written. Raises CheckpointError where the disk refuses."""
    encoded = [source for source in survey.sources if survey.formats[source.weight.name] in QUANTIZED]
    plain = _plain_tensors(survey, {source.weight.name for source in encoded}, index)
    declared = {name: tensor for source in encoded for name, tensor in _declared(source, survey).items()}
    declared |= {tensor.name: (STORED_AS[tensor.target], tensor.shape) for tensor in plain}
    total, done = sum(source.nbytes for source in survey.sources), 0
    with SafetensorsStream(path, declared) as out, Workers(workers) as threads:
        quantizer = Quantizer(index, threads)
        for source in encoded:
            format = QUANTIZED[survey.formats[source.weight.name]]
            report = reporter(source, done, total, progress)
            _write_quantized(source, format, source.quantized(index, quantizer, format.name, report), out)
            done += source.nbytes
        for tensor in plain:
            _write_plain(tensor, index, out)
        if progress is not None:
            progress(total, total, "")


def write_prepared(
    survey: Survey, index: TensorIndex, kernels: KernelMatrices, path: Path, progress: Progress | None = None
) -> None:
    """The same, with the matrices as they lie in the loaded model's memory. Raises CheckpointError."""
    mapped = [source for source in survey.sources if source.weight.name in kernels.matrices]
    plain = _plain_tensors(survey, {source.weight.name for source in mapped}, index)
    declared: dict[str, tuple[str, tuple[int, ...]]] = {
        f"{source.key}.{PREPARED}": ("U8", (kernels.matrices[source.weight.name].nbytes,)) for source in mapped
    }
    declared |= {tensor.name: (STORED_AS[tensor.target], tensor.shape) for tensor in plain}
    total, done = sum(source.nbytes for source in survey.sources), 0
    with SafetensorsStream(path, declared, alignment=ALIGNMENT) as out:
        for source in mapped:
            first = 0
            for piece in kernels.matrices[source.weight.name].pieces:
                out.write(f"{source.key}.{PREPARED}", piece, first)
                first += piece.nbytes
            done += source.nbytes
            reporter(source, done - source.nbytes, total, progress)(source.weight.shape[0])
        for tensor in plain:
            _write_plain(tensor, index, out)


def _plain_tensors(survey: Survey, elsewhere: set[str], index: TensorIndex) -> list[_PlainTensor]:
    """What is written as plain numbers: each tensor of the checkpoint that holds none of the weights called `elsewhere`
    as it is, by the file's own name; of another one the parts that are left."""
    plain = [source for source in survey.sources if source.weight.name not in elsewhere]
    others = {tensor for source in survey.sources if source.weight.name in elsewhere for tensor in source.tensors}
    tensors: dict[str, _PlainTensor] = {}
    for source in plain:
        if not isinstance(source, PlainSource):
            raise UsageError(f"{source.key!r} is held in a form that cannot be written as plain numbers.")
        matrix = len(source.weight.shape) == 2
        if others.isdisjoint(source.tensors):
            for name in source.tensors:
                info = index.info(name)
                target = survey.plain if matrix else STORED[info.dtype]
                tensors[name] = _PlainTensor(name, Tensor(name), tuple(info.shape), STORED[info.dtype], target)
        else:
            shape, stored = source.weight.shape, source.stored
            target = survey.plain if matrix else stored
            tensors[source.key] = _PlainTensor(source.key, source.expression, shape, stored, target)
    return list(tensors.values())


def write_config(survey: Survey, config: Mapping[str, Any], path: Path, kernels: KernelMatrices | None = None) -> None:
    """Writes the config.json of the saved weights, with `kernels` of prepared ones. Raises CheckpointError."""
    values = without_method(config) | {"tie_word_embeddings": survey.spec.tied}
    values["torch_dtype" if "torch_dtype" in values and "dtype" not in values else "dtype"] = survey.plain
    values |= _said(survey) if kernels is None else _said_prepared(survey, kernels)
    try:
        path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror}.") from None


def _said(survey: Survey) -> dict[str, Any]:
    """What config.json says of quantized weights."""
    formats = {source.key: survey.formats[source.weight.name] for source in survey.sources}
    weights = {tensor: format for tensor, format in formats.items() if format in QUANTIZED}
    return {KEY: {"quant_method": "causerie", "version": VERSION, "weights": weights}} if weights else {}


def _said_prepared(survey: Survey, kernels: KernelMatrices) -> dict[str, Any]:
    weights = {
        source.key: {
            "format": survey.formats[source.weight.name],
            "layout": kernels.matrices[source.weight.name].layout,
        }
        for source in survey.sources
        if source.weight.name in kernels.matrices
    }
    prepared = {"backend": kernels.backend, "version": kernels.version}
    return {KEY: {"quant_method": "causerie", "version": VERSION, PREPARED: prepared, "weights": weights}}


def _declared(source: Source, survey: Survey) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The arrays of a quantized weight."""
    buffers = QUANTIZED[survey.formats[source.weight.name]].buffers((source.weight.shape[0], source.weight.shape[1]))
    return {f"{source.key}.{name}": (buffer.dtype, buffer.shape) for name, buffer in buffers.items()}


def _write_quantized(source: Source, format: Format, read: ReadRows, out: SafetensorsStream) -> None:
    rows, width = source.weight.shape
    buffers = format.buffers((rows, width))
    unit = format.row_step(width)
    step = unit * max(1, SLICE // (unit * width))
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        places = ranges(format, width, start, stop)
        for name, array in read(start, stop).items():
            if not buffers[name].whole or start == 0:
                first = places[name].start * prod(buffers[name].shape[1:])
                out.write(f"{source.key}.{name}", array, first)


def _write_plain(tensor: _PlainTensor, index: TensorIndex, out: SafetensorsStream) -> None:
    row = prod(tensor.shape[1:])
    step = max(1, SLICE // row)
    for start in range(0, tensor.shape[0], step):
        part = tensor.expression.read(index, slice(start, min(start + step, tensor.shape[0])))
        if tensor.stored != tensor.target:
            part = to_plain(to_float32(part, tensor.stored), tensor.target)
        out.write(tensor.name, part, start * row)
