"""Where a weight of a model comes from: plain numbers of a checkpoint, arrays of a quantized format, or bytes that a
backend reads as they lie. Each kind knows its tensors, its bytes, and how it is placed.

Knows no family and no config; find.py decides which kind a weight is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from causerie.backends.ops import Builder, PreparedBuilder, RecordBuilder
from causerie.checkpoint.expression import Expression
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.stack_index import StackIndex
from causerie.errors import Unsupported
from causerie.loading.input_factors import read_factors
from causerie.loading.packed.model_matrix import StoredMatrix
from causerie.loading.prepared import ALIGNMENT, Prepared
from causerie.loading.products import one_thread_each
from causerie.loading.quantize import Encoders, MeasuredInputs, Quantizer, ReadRows, Report
from causerie.loading.read_share import is_of_expert
from causerie.loading.slices import SliceReader
from causerie.loading.workers import Workers
from causerie.quant.encoders import encoder_named
from causerie.quant.format import Buffers, concatenated, held_bytes
from causerie.quant.formats import QUANTIZED, format_named
from causerie.quant.transform import Transform
from causerie.quant.weight import BYTES, Weight
from causerie.spec.weight import WeightSpec

STORED = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""The element types of safetensors files that can be read, and their names here."""
PART_BYTES = 2**19
"""Of a packed matrix, what a thread reads at once at least."""


@dataclass(frozen=True)
class Transfer:
    """One checkpoint on its way into one backend."""

    index: TensorIndex
    builder: Builder
    quantizer: Quantizer
    reader: SliceReader
    expert_memory: int | None = None  # bytes; where there is a number, experts stay in their file but for as many

    @classmethod
    @contextmanager
    def begun(
        cls,
        index: TensorIndex,
        builder: Builder,
        workers: int,
        expert_memory: int | None = None,
        inputs: MeasuredInputs | None = None,
        encoders: Encoders = encoder_named,
    ) -> Iterator[Transfer]:
        """One with `workers` threads, which end with it, and with the places of tensors in stacks, found once."""
        with Workers(workers) as threads, one_thread_each(inputs), StackIndex(index) as places:
            quantizer = Quantizer(places, threads, inputs, encoders)
            yield cls(places, builder, quantizer, SliceReader(places, threads), expert_memory)
            if isinstance(builder, RecordBuilder):
                builder.read_records()


@dataclass(frozen=True)
class PlainSource:
    """Plain numbers, as an expression over the files' tensors."""

    weight: WeightSpec
    expression: Expression
    dtype: str = "F32"  # of the numbers, by the files' name
    alone: str | None = None  # what it is called when it is saved, where that is not what its tensors are called

    @property
    def key(self) -> str:
        """What a file calls it."""
        return self.alone or self.expression.key

    @property
    def tensors(self) -> tuple[str, ...]:
        """Every tensor of the files that belongs to it."""
        return self.expression.tensors

    @property
    def stored(self) -> str:
        """What its numbers are stored as: "float32", "float16" or "bfloat16"."""
        return STORED[self.dtype]

    @property
    def format(self) -> None:
        """How the files hold it, where that cannot be chosen any more: it can."""

    @property
    def nbytes(self) -> int:
        """Bytes in the files."""
        return int(prod(self.weight.shape) * BYTES[self.stored])

    def held_bytes(self, format: str) -> int:
        """Bytes of it when it is held in a format, in the reference layout."""
        shape = self.weight.shape
        if len(shape) == 2:
            return held_bytes(format_named(format), (shape[0], shape[1]))
        return int(prod(shape) * BYTES[format])

    def transform(self, index: TensorIndex, inputs: MeasuredInputs, format: str) -> Transform | None:
        """What its inputs go through first where it is quantized to a format and they were measured."""
        return inputs.transform(format, self.weight.name)

    def quantized(self, index: TensorIndex, quantizer: Quantizer, format: str, report: Report) -> ReadRows:
        """A function that gives the arrays of rows, encoded."""
        name, shape = self.weight.name, self.weight.shape
        encoder, transform = quantizer.encoder(format, name), quantizer.inputs.transform(format, name)
        return quantizer.reader(self.expression, shape, self.stored, encoder, report, transform)

    def place(self, transfer: Transfer, format: str, report: Report) -> Weight:
        """Reads it into the backend, a slice at a time; quantized on the way where the format asks for it."""
        name, shape = self.weight.name, self.weight.shape
        if format in QUANTIZED:
            read = self.quantized(transfer.index, transfer.quantizer, format, report)
            transform = transfer.quantizer.inputs.transform(format, name)
            return transfer.builder.place_quantized(name, (shape[0], shape[1]), format, read, transform)

        def rows(start: int, stop: int) -> NDArray[Any]:
            part = transfer.reader.rows(self.expression, start, stop)
            report(stop)
            return part

        return transfer.builder.place(name, shape, rows, self.stored)


@dataclass(frozen=True)
class PackedSource:
    """Arrays of a quantized format."""

    weight: WeightSpec
    key: str
    packed: StoredMatrix

    @property
    def tensors(self) -> tuple[str, ...]:
        """Every tensor of the files that belongs to it."""
        return self.packed.all_tensors

    @property
    def format(self) -> str:
        """How the files hold it."""
        return self.packed.format.name

    @property
    def nbytes(self) -> int:
        """Bytes in the files."""
        return held_bytes(self.packed.format, (self.weight.shape[0], self.weight.shape[1]))

    def held_bytes(self, format: str) -> int:
        """As in the files."""
        return self.nbytes

    def transform(self, index: TensorIndex, inputs: MeasuredInputs, format: str) -> Transform | None:
        """What its inputs go through first."""
        return self.packed.in_order(index)[1]

    def quantized(self, index: TensorIndex, quantizer: Quantizer, format: str, report: Report) -> ReadRows:
        """A function that gives the arrays of rows, as the files have them. Raises Unsupported where activations
        must be put into another order first, for which saved models have no place."""
        packed, transform = self.packed.in_order(index)
        if transform is not None and transform.order is not None:
            raise Unsupported(
                f"{self.key!r} reads its inputs in another order (of groups, as desc_act and actorder have it, or of "
                "heads), which is not written into saved folders. Copy the folder, or the file, as it is."
            )
        return packed_reader(packed, index, quantizer.workers, report)

    def place(self, transfer: Transfer, format: str, report: Report) -> Weight:
        """Reads it into the backend, a slice at a time."""
        shape = (self.weight.shape[0], self.weight.shape[1])
        packed, transform = self.packed.in_order(transfer.index)
        records = packed.records(transfer.index)
        if records is not None and isinstance(transfer.builder, RecordBuilder):
            weight = transfer.builder.place_records(self.weight.name, shape, records, transform)
            if weight is not None:
                report(shape[0])
                return weight
        read = packed_reader(packed, transfer.index, transfer.quantizer.workers, report)
        return transfer.builder.place_quantized(self.weight.name, shape, format, read, transform)


def packed_reader(packed: StoredMatrix, index: TensorIndex, workers: Workers, report: Report) -> ReadRows:
    """Reads slices, each in as many parts as there are threads and it is worth."""
    format, width = packed.format, packed.shape[1]
    step = format.row_step(width)

    def part(rows: tuple[int, int]) -> Buffers:
        return packed.read(index, *rows)

    def read(start: int, stop: int) -> Buffers:
        count = max(1, min(workers.count, held_bytes(format, (stop - start, width)) // PART_BYTES))
        each = -(-(stop - start) // (count * step)) * step
        parts = list(workers.map(part, pairwise([*range(start, stop, each), stop])))
        report(stop)
        return concatenated(format, width, parts)

    return read


@dataclass(frozen=True)
class PreparedSource:
    """Bytes that a backend reads as they lie in the file."""

    weight: WeightSpec
    key: str
    prepared: Prepared

    @property
    def tensors(self) -> tuple[str, ...]:
        """The tensor of the bytes, and that of factors."""
        factors = self.prepared.factors
        return (self.prepared.tensor,) if factors is None else (self.prepared.tensor, factors)

    def transform(self, index: TensorIndex, inputs: MeasuredInputs, format: str) -> Transform | None:
        """What its inputs go through first."""
        factors = self.prepared.factors
        return None if factors is None else read_factors(index, factors, self.weight.shape[1])

    @property
    def format(self) -> str:
        """How the files hold it."""
        return self.prepared.format

    @property
    def nbytes(self) -> int:
        """Bytes in the files."""
        return self.prepared.nbytes

    def held_bytes(self, format: str) -> int:
        """As in the files."""
        return self.nbytes

    def quantized(self, index: TensorIndex, quantizer: Quantizer, format: str, report: Report) -> ReadRows:
        """Raises Unsupported: only its backend can read it."""
        raise Unsupported(f"{self.key!r} was prepared for one backend; load the model that it was prepared from.")

    def place(self, transfer: Transfer, format: str, report: Report) -> Weight:
        """Maps it into the backend. Raises Unsupported where that reads no matrix as it lies."""
        if not isinstance(transfer.builder, PreparedBuilder):
            raise Unsupported(f"{self.key!r} was prepared for another backend; load it with backend='native'.")
        name, shape = self.weight.name, (self.weight.shape[0], self.weight.shape[1])
        tensor, layout = self.prepared.tensor, self.prepared.layout
        transform = self.transform(transfer.index, MeasuredInputs(), format)
        if transfer.expert_memory is None:
            memory = transfer.index.map(tensor)
            return transfer.builder.place_prepared(name, shape, format, layout, memory, transform)
        if is_of_expert(name):
            extent = transfer.index.extent(tensor)
            room = transfer.expert_memory
            return transfer.builder.leave_in_file(name, shape, format, layout, extent, room, transform)
        # What every token reads must not give way to experts that are read once.
        memory = _aligned(self.nbytes)
        transfer.index.read_into(tensor, memory)
        return transfer.builder.place_prepared(name, shape, format, layout, memory, transform)


def _aligned(nbytes: int) -> NDArray[np.uint8]:
    """So many bytes that begin as in a file."""
    memory = np.empty(nbytes + ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % ALIGNMENT
    return memory[begin : begin + nbytes]


Source: TypeAlias = PlainSource | PackedSource | PreparedSource
Progress: TypeAlias = Callable[[int, int, str], None]  # bytes read, bytes in all, the tensor that is being read


def reporter(source: Source, done: int, total: int, progress: Progress | None) -> Report:
    """Tells `progress` of the rows of one weight, before which `done` bytes of `total` were read."""

    def report(rows: int) -> None:
        if progress is not None:
            progress(done + source.nbytes * rows // source.weight.shape[0], total, source.key)

    return report
