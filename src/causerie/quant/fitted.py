"""Quantizes to codes that count from a zero point, with a step and a zero point for each group of inputs (`int4` of
formats.py): those with the least squared error are searched, where an error counts by how large the input is that
meets it. What else was tried, with its error, is in LOG.md.

Every operation is one of numpy's, in an order of its own, so that a backend can do the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.bfloat16 import widen
from causerie.errors import EngineError
from causerie.quant.encoder import encoded_in_parts
from causerie.quant.format import Rows
from causerie.quant.packed_format import PackedFormat

SHARES = (1.0, 0.93, 0.86, 0.79, 0.72, 0.65, 0.58)  # of a group's range that the codes first span
ROUNDS = 4  # of choosing codes for a line, then the best line for the codes
LEAST_COST = 1e-4  # of an input, beside the mean of its group: a sum of costs must have room for differences of codes
SMALLEST = 1e-30  # a group within less than this is held as zeros
PART = 2**18  # elements worked on at once, so that all of it stays in a core's own cache

Vector = NDArray[np.float32]
Columns = NDArray[np.float32]  # [group, groups]: sums over a group then run along whole vectors of groups


@dataclass(frozen=True, eq=False)
class FittedEncoder:
    """Implements `encoder.WeighingEncoder`."""

    format: PackedFormat  # of scales that count a row's unit in bytes, and zero points that count parts of a step
    squares: Vector | None = None  # the mean square of each input, by which errors count; None: all count the same

    def weighing(self, squares: Vector) -> FittedEncoder:
        """See WeighingEncoder."""
        return replace(self, squares=squares)

    def constant(self, slices: Iterable[Rows]) -> None:
        """Nothing."""

    def encode(self, rows: Rows, constant: np.float32 | None = None) -> dict[str, NDArray[Any]]:
        """Rows by themselves, some at a time."""
        costs = self.costs(rows.shape[1])
        return encoded_in_parts(rows, PART, lambda part: self._encoded(part, costs))

    @cached_property
    def group(self) -> int:
        """Inputs that share a step."""
        return self.format.groups[0]

    @cached_property
    def top(self) -> int:
        """The largest code."""
        return int(2**self.format.codes.bits - 1)

    @cached_property
    def most_zero(self) -> float:
        """The largest zero point, in steps."""
        return 255 / self.format.zero_parts

    def costs(self, width: int) -> Vector:
        """What an error costs in each input [width]: its mean square over that of its group. What no text reached, or
        is no number, costs next to nothing, and where all of a group is so all cost the same."""
        if self.squares is None:
            return np.ones(width, np.float32)
        if len(self.squares) != width:
            raise EngineError(f"A matrix of {width} inputs was measured with {len(self.squares)}.")
        groups = np.where(np.isfinite(self.squares), self.squares, 0).reshape(-1, self.group).astype(np.float64)
        means = groups.mean(1, keepdims=True)
        share = np.divide(groups, means, out=np.ones_like(groups), where=means > 0)
        costs: Vector = np.maximum(share, LEAST_COST).astype(np.float32).reshape(width)
        return costs

    def _encoded(self, rows: Rows, costs: Vector) -> dict[str, NDArray[Any]]:
        n, k = rows.shape
        x = np.ascontiguousarray(rows.reshape(-1, self.group).T)
        step, zero = self._fitted(x, np.tile(costs.reshape(-1, self.group).T, n))
        unit_bits = _units(step.reshape(n, -1))
        unit = np.repeat(widen(unit_bits), k // self.group)
        full = step > 0  # then the row's unit is, too
        scale = np.zeros_like(step)
        np.divide(step, unit, out=scale, where=full)
        scale = np.where(full, np.clip(np.rint(scale), 1, 255), 0).astype(np.float32)
        parts = np.float32(self.format.zero_parts)
        counted = np.where(full, np.rint(zero * parts).clip(0, 255), 0).astype(np.float32)
        inverse = np.zeros_like(step)
        np.divide(1, unit * scale, out=inverse, where=full)
        codes = np.empty_like(x)
        self._round_codes(x, inverse, counted / parts, codes)
        assert self.format.zeros is not None  # as in every such format
        names = (self.format.scale.array, self.format.zeros.array, _unit_array(self.format))
        arrays = (scale.astype(np.uint8).reshape(n, -1), counted.astype(np.uint8).reshape(n, -1), unit_bits)
        packed = self.format.codes.packed(codes.T.astype(np.uint8)).reshape(n, -1)
        return {"codes": packed, **dict(zip(names, arrays, strict=True))}

    def _fitted(self, x: Columns, costs: Columns) -> tuple[Vector, Vector]:
        """A step and a zero point, in steps, for each column of x [group, groups], chosen so that the squared error of
        step · (code - zero), each times its cost, is small: for each of SHARES of the range, codes are rounded and the
        best line through them is drawn by least squares, ROUNDS times; the best of all is kept. Zero is always within
        the range. The step is 0 where all weights are, or are below SMALLEST, whose inverse float32 has no room for."""
        low = np.minimum(x.min(0), 0)
        size = np.maximum(x.max(0), 0) - low
        full = size > np.float32(SMALLEST)
        size = np.where(full, size, np.float32(1))
        line = _Line.to(x, costs, np.float32(self.most_zero))
        codes = np.empty_like(x)
        best_step, best_zero = np.zeros_like(size), np.zeros_like(size)
        least = np.full_like(size, np.inf)
        first: Vector = np.clip(np.float32(-self.top) * low / size, 0, np.float32(self.most_zero))
        for share in SHARES:
            step, zero = np.float32(share) * size / np.float32(self.top), first
            for _ in range(ROUNDS):
                self._round_codes(x, np.float32(1) / step, zero, codes)
                step, zero, error = line.best(codes, step)
            better = full & (error < least)
            for best, new in ((best_step, step), (best_zero, zero), (least, error)):
                np.copyto(best, new, where=better)
        return best_step, best_zero

    def _round_codes(self, x: Columns, inverse: Vector, zero: Vector, codes: Columns) -> None:
        """codes = round(x · inverse + zero), within 0 … top, in place."""
        np.multiply(x, inverse, out=codes)
        codes += zero
        np.maximum(codes, 0, out=codes)
        np.minimum(codes, self.top, out=codes)
        np.rint(codes, out=codes)


@dataclass(frozen=True)
class _Line:
    """Lines through codes by weighted least squares, and the sums of x that all of them share. A sum runs along the
    first axis from its beginning."""

    x: Columns
    costs: Columns
    most_zero: np.float32
    total: Vector  # of costs
    sum_x: Vector
    sum_xx: Vector

    @staticmethod
    def to(x: Columns, costs: Columns, most_zero: np.float32) -> _Line:
        """Lines to x."""
        costly = costs * x
        return _Line(x, costs, most_zero, costs.sum(0), costly.sum(0), (costly * x).sum(0))

    def best(self, codes: Columns, step: Vector) -> tuple[Vector, Vector, Vector]:
        """The least-squares step and zero for given codes, within what can be held, and their squared error."""
        total, sum_x = self.total, self.sum_x
        costly = self.costs * codes
        sum_q, sum_qq, sum_qx = costly.sum(0), (costly * codes).sum(0), (costly * self.x).sum(0)
        spread = total * sum_qq - sum_q * sum_q
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = (total * sum_qx - sum_q * sum_x) / spread
        step = np.where((spread > 0) & (slope > 0), slope, step)
        zero = np.clip((sum_q - sum_x / step) / total, 0, self.most_zero)
        base = -step * zero
        error = self.sum_xx + step * (step * sum_qq - 2 * sum_qx) + base * (total * base + 2 * (step * sum_q - sum_x))
        return step, zero, error


def _units(step: Vector) -> NDArray[np.uint16]:
    """The bits of the least bfloat16 of which 255 reach each row's largest step."""
    least = np.ascontiguousarray(step.max(1) / np.float32(255), np.float32)
    bits = least.view(np.uint32)
    return ((bits + np.uint32(0xFFFF)) >> np.uint32(16)).astype(np.uint16)


def _unit_array(format: PackedFormat) -> str:
    assert format.scale.times is not None  # as in every such format
    return format.scale.times.array
