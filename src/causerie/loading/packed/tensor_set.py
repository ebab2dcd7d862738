"""The tensors that make up one packed matrix: each is asked for by name, with what it must be; and all that is wrong
with them is said at once. Knows no program that quantizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from causerie.checkpoint.expression import Place, Tensor
from causerie.checkpoint.index import TensorIndex
from causerie.errors import WeightFileError
from causerie.loading.packed.model_matrix import ModelMatrix

_MOST_SHAPES = 3  # that a message names
NUMBERS = ("F32", "F16", "BF16")
"""What scales are stored as."""


class TensorSet:
    """Of one tensor, or of one place in stacks: then each tensor is a stack of as many, and the same place is meant."""

    def __init__(self, index: TensorIndex, matrix: ModelMatrix, base: Tensor | Place) -> None:
        """`base` is what the matrix is made of where it is held plain."""
        self._index = index
        self._base = base
        self._stack = matrix.sizes[:1] if isinstance(base, Place) else ()
        self._faults: list[str] = []

    @property
    def module(self) -> str:
        """What the matrix belongs to."""
        return self._base.name.removesuffix(".weight")

    def __contains__(self, name: str) -> bool:
        return name in self._index

    def shape(self, name: str) -> tuple[int, ...]:
        """Of the matrix or vector of a tensor that is there."""
        return tuple(self._index.info(name).shape)[len(self._stack) :]

    def sizes(self, name: str) -> tuple[int, int]:
        """The axes of a matrix, of at least 1; (1, 1) for what is missing or none."""
        shape = self.shape(name) if name in self._index else ()
        return (max(1, shape[0]), max(1, shape[1])) if len(shape) == 2 else (1, 1)

    def dtype(self, name: str) -> str:
        """Of a tensor that is there."""
        return self._index.info(name).dtype

    def expression(self, name: str) -> Tensor | Place:
        """A tensor of the set, or its place."""
        return replace(self._base, name=name)

    def require(
        self, name: str, dtypes: Sequence[str], shapes: Sequence[tuple[int, ...]], axes: int | None = None
    ) -> Tensor | Place:
        """The tensor, which must be of one of these dtypes and shapes, or of any with so many `axes`; where it is not,
        `settle` says it."""
        if name not in self._index:
            self._faults.append(f"{name!r} is missing")
            return self.expression(name)
        info, shape = self._index.info(name), self.shape(name)
        fits = shape in shapes if axes is None else len(shape) == axes and 0 not in shape
        if info.dtype not in dtypes or not fits or tuple(info.shape)[: len(self._stack)] != self._stack:
            expected = " or ".join(str((*self._stack, *each)) for each in shapes[:_MOST_SHAPES])
            if axes is not None:
                first = "".join(f", the first of {count}," for count in self._stack)
                expected = f"{axes + len(self._stack)} axes{first}"
            kinds = " or ".join(dtypes)
            self._faults.append(f"{name!r} is {info.dtype} {tuple(info.shape)}, and {kinds} {expected} is expected")
        return self.expression(name)

    def fault(self, text: str) -> None:
        """Something else that is wrong."""
        self._faults.append(text)

    def numbers(self, name: str, count: int) -> list[int]:
        """The whole numbers of a tensor that has so many; ones where it is missing or another, which `settle` says."""
        self.require(name, ("I64", "I32"), [(count,)])
        if self._faults:
            return [1] * count
        return [max(1, int(each)) for each in self.expression(name).read(self._index)]

    def require_groups(self, name: str, groups: int, inputs: int) -> None:
        """That so many groups, of which a tensor has numbers, are of one size."""
        if inputs % groups:
            self._faults.append(f"{name!r} has numbers of {groups} groups, into which {inputs} inputs do not go evenly")

    def settle(self) -> None:
        """Raises WeightFileError where anything is wrong."""
        if self._faults:
            raise WeightFileError(
                f"The quantized matrix {self.module!r} is not whole: {'; '.join(self._faults)}. Download the model "
                "again; if that is of no help, its config.json belongs to another checkpoint."
            )
