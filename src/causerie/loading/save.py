"""Writes a model's weights as they are held, from the checkpoint they were loaded from: quantized ones in the reference
layout of their format (packed/ours.py reads it), a tensor at a time, a slice of rows at a time. prepare.py writes the
other form, in which a backend reads them.

Knows no backend and no other file of a folder than config.json and the weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.stack_index import StackIndex
from causerie.checkpoint.stream import SafetensorsStream
from causerie.errors import CheckpointError
from causerie.loading.input_factors import DTYPE, FACTORS
from causerie.loading.load import Survey
from causerie.loading.packed.method import KEY, without_method
from causerie.loading.packed.ours import EVENED_VERSION, KEEPS_TYPES, METHOD, VERSION
from causerie.loading.plain_tensors import SLICE, plain_tensors
from causerie.loading.prepared import PREPARED, Layouts
from causerie.loading.products import one_thread_each
from causerie.loading.quantize import Encoders, Quantizer, ReadRows
from causerie.loading.sources import Progress, Source, reporter
from causerie.loading.workers import Workers
from causerie.quant.encoders import encoder_named
from causerie.quant.format import Format, ranges
from causerie.quant.formats import QUANTIZED
from causerie.quant.plain import STORED_AS


def write_weights(
    survey: Survey,
    index: TensorIndex,
    path: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
    encoders: Encoders = encoder_named,
) -> None:
    """Writes all weights of a surveyed checkpoint to the safetensors file `path`, replacing it only when all is
    written. Raises CheckpointError where the disk refuses."""
    encoded = [source for source in survey.sources if survey.formats[source.weight.name] in QUANTIZED]
    plain = plain_tensors(survey, {source.weight.name for source in encoded}, index)
    declared = {name: tensor for source in encoded for name, tensor in _declared(source, survey).items()}
    factors = factors_of(survey, encoded, index)
    declared |= {name: (DTYPE, array.shape) for name, array in factors.items()}
    declared |= {tensor.name: (STORED_AS[tensor.target], tensor.shape) for tensor in plain}
    total, done = sum(source.nbytes for source in survey.sources), 0
    with (
        SafetensorsStream(path, declared) as out,
        Workers(workers) as threads,
        one_thread_each(survey.inputs),
        StackIndex(index) as places,
    ):
        quantizer = Quantizer(places, threads, survey.inputs, encoders)
        for source in encoded:
            format = QUANTIZED[survey.formats[source.weight.name]]
            report = reporter(source, done, total, progress)
            _write_quantized(source, format, source.quantized(places, quantizer, format.name, report), out)
            done += source.nbytes
        for name, array in factors.items():
            out.write(name, array, 0)
        for tensor in plain:
            tensor.write(index, out)
        if progress is not None:
            progress(total, total, "")


def write_config(survey: Survey, config: Mapping[str, Any], path: Path, layouts: Layouts | None = None) -> None:
    """Writes the config.json of the saved weights, with the `layouts` of prepared ones. Raises CheckpointError."""
    values = without_method(config) | {"tie_word_embeddings": survey.spec.tied}
    values["torch_dtype" if "torch_dtype" in values and "dtype" not in values else "dtype"] = survey.plain
    values |= _said(survey) if layouts is None else _said_prepared(survey, layouts)
    try:
        path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror}.") from None


def factors_of(survey: Survey, sources: Iterable[Source], index: TensorIndex) -> dict[str, NDArray[np.float32]]:
    """What files hold besides of matrices whose inputs are evened, by the tensor's name."""
    transforms = {source.key: survey.transform(source, index) for source in sources}
    return {
        f"{key}.{FACTORS}": transform.factors
        for key, transform in transforms.items()
        if transform is not None and transform.factors is not None
    }


def _version(survey: Survey) -> int:
    formats, inputs = survey.formats, survey.inputs
    evened = (inputs.transform(formats[each.weight.name], each.weight.name) is not None for each in survey.sources)
    again = (tensor.endswith(f".{FACTORS}") for each in survey.sources for tensor in each.tensors)
    return EVENED_VERSION if any(evened) or any(again) else VERSION


def _said(survey: Survey) -> dict[str, Any]:
    """What config.json says of quantized weights."""
    formats = {source.key: survey.formats[source.weight.name] for source in survey.sources}
    weights = {tensor: format for tensor, format in formats.items() if format in QUANTIZED}
    if not weights and not survey.keeps_types:
        return {}
    return {KEY: {"quant_method": METHOD, "version": _version(survey), **_types(survey), "weights": weights}}


def _said_prepared(survey: Survey, layouts: Layouts) -> dict[str, Any]:
    weights = {
        source.key: {"format": survey.formats[source.weight.name], "layout": layouts.each[source.weight.name]}
        for source in survey.sources
        if source.weight.name in layouts.each
    }
    prepared = {"backend": layouts.backend, "version": layouts.version}
    said = {
        "quant_method": METHOD,
        "version": _version(survey),
        PREPARED: prepared,
        **_types(survey),
        "weights": weights,
    }
    return {KEY: said}


def _types(survey: Survey) -> dict[str, bool]:
    return {KEEPS_TYPES: True} if survey.keeps_types else {}


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
