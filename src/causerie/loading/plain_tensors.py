"""Plain numbers on their way from a checkpoint into another one: what of it is written as it is, and under which names.

Knows no format of quantized weights, and no backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from causerie.checkpoint.expression import Expression, Tensor
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.stream import SafetensorsStream
from causerie.errors import UsageError
from causerie.loading.load import Survey
from causerie.loading.sources import STORED, PlainSource
from causerie.quant.plain import to_float32, to_plain

SLICE = 2**22  # elements that are in memory at once


@dataclass(frozen=True)
class PlainTensor:
    """Plain numbers that are written under a name: a tensor of the checkpoint, or a part of one that is alone because
    the rest of it is quantized."""

    name: str
    expression: Expression
    shape: tuple[int, ...]
    stored: str
    target: str  # what it is written in

    def write(self, index: TensorIndex, out: SafetensorsStream) -> None:
        """Reads it and writes it, some rows at a time."""
        row = prod(self.shape[1:])
        step = max(1, SLICE // row)
        for start in range(0, self.shape[0], step):
            part = self.expression.read(index, slice(start, min(start + step, self.shape[0])))
            if self.stored != self.target:
                part = to_plain(to_float32(part, self.stored), self.target)
            out.write(self.name, part, start * row)


def plain_tensors(survey: Survey, elsewhere: set[str], index: TensorIndex) -> list[PlainTensor]:
    """What is written as plain numbers: each tensor of the checkpoint that holds none of the weights called `elsewhere`
    as it is, by the file's own name; of another one the parts that are left."""
    plain = [source for source in survey.sources if source.weight.name not in elsewhere]
    others = {tensor for source in survey.sources if source.weight.name in elsewhere for tensor in source.tensors}
    tensors: dict[str, PlainTensor] = {}
    for source in plain:
        if not isinstance(source, PlainSource):
            raise UsageError(f"{source.key!r} is held in a form that cannot be written as plain numbers.")
        matrix = len(source.weight.shape) == 2
        if source.alone is not None:
            target = survey.formats[source.weight.name]
            shape, stored = source.weight.shape, source.stored
            tensors[source.key] = PlainTensor(source.key, source.expression, shape, stored, target)
        elif others.isdisjoint(source.tensors):
            for name in source.tensors:
                info = index.info(name)
                target = survey.plain if matrix else STORED[info.dtype]
                tensors[name] = PlainTensor(name, Tensor(name), tuple(info.shape), STORED[info.dtype], target)
        else:
            shape, stored = source.weight.shape, source.stored
            target = survey.plain if matrix else stored
            tensors[source.key] = PlainTensor(source.key, source.expression, shape, stored, target)
    return list(tensors.values())
