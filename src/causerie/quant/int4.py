"""Quantizes to `int4` (formats.py): the range that minimizes a group's squared error is searched, see `fitted`. What
else was tried, with its error, is in LOG.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.checkpoint.bfloat16 import widen
from causerie.quant.encoder import encoded_in_parts
from causerie.quant.format import Rows
from causerie.quant.formats import INT4

(GROUP,) = INT4.groups
TOP = 15  # the largest code
SHARES = (1.0, 0.94, 0.88)  # of a group's range that the codes first span
ROUNDS = 2  # of choosing codes for a line, then the best line for the codes
MOST_ZERO = 255 / 16
SMALLEST = 1e-30  # a group within less than this is held as zeros
PART = 2**18  # elements worked on at once, so that all of it stays in a core's own cache

Columns = NDArray[np.float32]  # [GROUP, groups]: sums over a group then run along whole vectors of groups


class Int4Encoder:
    """Implements `encoder.Encoder`."""

    format = INT4

    def constant(self, slices: Iterable[Rows]) -> None:
        """Nothing."""

    def encode(self, rows: Rows, constant: np.float32 | None = None) -> dict[str, NDArray[Any]]:
        """Rows by themselves, some at a time."""
        return encoded_in_parts(rows, PART, _encoded)


def _encoded(rows: Rows) -> dict[str, NDArray[Any]]:
    n, k = rows.shape
    x = np.ascontiguousarray(rows.reshape(-1, GROUP).T)
    step, zero = fitted(x)
    unit_bits = _units(step.reshape(n, -1))
    unit = np.repeat(widen(unit_bits), k // GROUP)
    full = step > 0  # then the row's unit is, too
    scale = np.zeros_like(step)
    np.divide(step, unit, out=scale, where=full)
    scale = np.where(full, np.clip(np.rint(scale), 1, 255), 0).astype(np.float32)
    sixteenths = np.where(full, np.rint(zero * 16).clip(0, 255), 0).astype(np.float32)
    inverse = np.zeros_like(step)
    np.divide(1, unit * scale, out=inverse, where=full)
    x *= inverse
    x += sixteenths / 16
    np.rint(x, out=x)
    codes = np.clip(x, 0, TOP, out=x).astype(np.uint8)
    return {
        "codes": INT4.codes.packed(codes.T).reshape(n, -1),
        "scale": scale.astype(np.uint8).reshape(n, -1),
        "zero": sixteenths.astype(np.uint8).reshape(n, -1),
        "unit": unit_bits,
    }


def _units(step: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The bits of the least bfloat16 of which 255 reach each row's largest step."""
    least = np.ascontiguousarray(step.max(1) / np.float32(255), np.float32)
    bits = least.view(np.uint32)
    return ((bits + np.uint32(0xFFFF)) >> np.uint32(16)).astype(np.uint16)


def fitted(x: Columns) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A step and a zero point (in steps, 0 … 15.94) for each column of x [GROUP, groups], chosen so that the squared
    error of step · (code - zero) is small: for each of SHARES of the range, codes are rounded and the best line through
    them is drawn by least squares, ROUNDS times; the best of all is kept. Zero is always within the range. The step is
    0 where all weights are (or are below SMALLEST, whose inverse float32 has no room for)."""
    low = np.minimum(x.min(0), 0)
    size = np.maximum(x.max(0), 0) - low
    full = size > SMALLEST
    size = np.where(full, size, np.float32(1))
    sums = (x.sum(0), np.einsum("ij,ij->j", x, x))
    codes = np.empty_like(x)
    best_step, best_zero = np.zeros_like(size), np.zeros_like(size)
    least = np.full_like(size, np.inf)
    for share in SHARES:
        step = (share * size / TOP).astype(np.float32)
        zero = np.clip(-TOP * low / size, 0, MOST_ZERO).astype(np.float32)
        for _ in range(ROUNDS):
            _round_codes(x, step, zero, codes)
            step, zero, error = _line(x, codes, step, sums)
        better = full & (error < least)
        for best, new in ((best_step, step), (best_zero, zero), (least, error)):
            np.copyto(best, new, where=better)
    return best_step, best_zero


def _round_codes(x: Columns, step: NDArray[np.float32], zero: NDArray[np.float32], codes: Columns) -> None:
    """codes = round(x / step + zero), within 0 … 15, in place."""
    np.multiply(x, 1 / step, out=codes)
    codes += zero
    np.rint(codes, out=codes)
    np.maximum(codes, 0, out=codes)
    np.minimum(codes, TOP, out=codes)


def _line(x: Columns, codes: Columns, step: NDArray[np.float32], sums: tuple[Any, Any]) -> tuple[Any, Any, Any]:
    """The least-squares step and zero for given codes, within what can be held, and their squared error."""
    sum_x, sum_xx = sums
    sum_q, sum_qq, sum_qx = codes.sum(0), np.einsum("ij,ij->j", codes, codes), np.einsum("ij,ij->j", codes, x)
    spread = GROUP * sum_qq - sum_q * sum_q
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (GROUP * sum_qx - sum_q * sum_x) / spread
    step = np.where((spread > 0) & (slope > 0), slope, step)
    zero = np.clip((sum_q - sum_x / step) / GROUP, 0, MOST_ZERO)
    base = -step * zero
    error = sum_xx + step * (step * sum_qq - 2 * sum_qx) + base * (GROUP * base + 2 * (step * sum_q - sum_x))
    return step, zero, error
