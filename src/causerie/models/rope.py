"""Rotation angles of positions, for every scaling rule that checkpoints use.

Frequencies, angles and the products with them are float32, step by step as the field computes them: at position
100 000 a last bit of a frequency is a visible part of a turn, so another order of rounding would be another model.
Powers, cosines and sines are taken in float64 and rounded once, so that no processor's vector library shows. Knows no
model.

Sources: rotation, Su et al., "RoFormer" (2021); linear, Chen et al., "Extending context window … via positional
interpolation" (2023); dynamic, "NTK-aware scaled RoPE" (2023), with the length of the moment; llama3, Meta's Llama 3.1
reference code; yarn, Peng et al., "YaRN" (2023); longrope, Ding et al., "LongRoPE" (2024), as Phi-3 has it;
proportional, Gemma 4 (2026).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.spec.rope import Rope

Float32 = NDArray[np.float32]
Rule = Callable[[Rope], tuple[Float32, float]]  # frequencies [dims/2], and what both parts are multiplied by
ONE = np.float32(1)  # of its type by name, so that no step is silently done in float64


class RopeTable:
    """Cosines and sines for the rotations of one model; rows that do not depend on a request's length are kept."""

    def __init__(self, ropes: Sequence[Rope]) -> None:
        self._ropes = tuple(ropes)
        self._tables = [np.empty((0, 2, rope.dims // 2), np.float32) for rope in ropes]
        self._long_tables = list(self._tables)  # of the rotations that change for long sequences

    @property
    def shared_length(self) -> int | None:
        """The least original context of the rotations that depend on a request's length, None without one. A request
        whose prompt is longer has rotations of its own at every position; any other, from here on."""
        return min((length for rope in self._ropes if (length := _switch_length(rope)) is not None), default=None)

    @property
    def switch_length(self) -> int | None:
        """The least length beyond which all of a sequence turns otherwise, what was read before it too; None where none
        does."""
        ropes = (rope for rope in self._ropes if rope.scaling == "longrope")
        return min((length for rope in ropes if (length := _switch_length(rope)) is not None), default=None)

    def rows(self, positions: NDArray[np.int32], lengths: NDArray[np.int32]) -> tuple[Float32, ...]:
        """Per rotation [n, 2, dims/2]: cosines, then sines, of each of n positions.

        `lengths` [n] is what dynamic rotations are evaluated at. The engine passes max(length of the prompt, position +
        1): the prompt is rotated as a whole when it is read, and every later token at the length it then makes.
        """
        turns: list[Float32] = []
        for index, rope in enumerate(self._ropes):
            if rope.scaling == "dynamic":
                turns.append(_turn(positions, _dynamic(rope, lengths), 1.0))
            elif rope.scaling == "longrope":
                turns.append(self._by_length(index, positions, lengths))
            else:
                turns.append(self._table_rows(self._tables, index, positions, RULES[rope.scaling]))
        turns = [_reversed(rows) if rope.backwards else rows for rows, rope in zip(turns, self._ropes, strict=True)]
        return tuple(_grown(rows, rope, positions) for rows, rope in zip(turns, self._ropes, strict=True))

    def _by_length(self, index: int, positions: NDArray[np.int32], lengths: NDArray[np.int32]) -> Float32:
        long = lengths > dict(self._ropes[index].options)["original_max_position_embeddings"]
        turns = self._table_rows(self._tables, index, positions, _longrope_short)
        if long.any():
            turns[long] = self._table_rows(self._long_tables, index, positions[long], _longrope_long)
        return turns

    def _table_rows(self, tables: list[Float32], index: int, positions: NDArray[np.int32], rule: Rule) -> Float32:
        """Rows of a table, which grows as they are asked for."""
        table, needed = tables[index], int(positions.max(initial=-1)) + 1
        if needed > len(table):
            frequencies, factor = rule(self._ropes[index])
            more = np.arange(len(table), max(needed, 2 * len(table), 256))
            table = tables[index] = np.concatenate([table, _turn(more, frequencies, factor)])
        return table.take(positions, axis=0)


def _switch_length(rope: Rope) -> int | None:
    """The length beyond which a rotation depends on a sequence's own; None for one that never does."""
    if rope.scaling == "longrope":
        options = dict(rope.options)
        pairs = (("short_factor", "long_factor"), ("short_mscale", "long_mscale"))
        alike = all(options.get(short) == options.get(long) for short, long in pairs)
        return None if alike else int(options["original_max_position_embeddings"])
    return rope.context if rope.scaling == "dynamic" else None


def _reversed(rows: Float32) -> Float32:
    """The same turns the other way."""
    return rows * np.array([1, -1], np.float32)[:, None]


def _grown(rows: Float32, rope: Rope, positions: NDArray[np.int32]) -> Float32:
    if rope.growth is None:
        return rows
    periods = np.floor((positions + rope.growth.offset).astype(np.float32) / np.float32(rope.growth.every))
    logarithms = np.log((ONE + periods).astype(np.float64)).astype(np.float32)
    grown: Float32 = rows * (ONE + np.float32(rope.growth.beta) * logarithms)[:, None, None]
    return grown


def _turn(positions: NDArray[Any], frequencies: Float32, factor: float) -> Float32:
    """[n, 2, dims/2] from positions [n] and frequencies [dims/2] or [n, dims/2]; both parts times `factor`."""
    angles = (positions.astype(np.float32)[:, None] * frequencies).astype(np.float64)
    turned = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return turned * np.float32(factor)


def _powers(base: Float32 | float, dims: int) -> Float32:
    """base ** (2i / dims) for i in 0..dims/2, float32; a column of bases gives a row each."""
    exponents = np.arange(0, dims, 2).astype(np.float32) / np.float32(dims)
    return np.power(np.asarray(base, np.float64), exponents.astype(np.float64)).astype(np.float32)


def _default(rope: Rope) -> tuple[Float32, float]:
    return ONE / _powers(rope.theta, rope.dims), 1.0


def _linear(rope: Rope) -> tuple[Float32, float]:
    return _default(rope)[0] / np.float32(dict(rope.options)["factor"]), 1.0


def _dynamic(rope: Rope, lengths: NDArray[np.int32]) -> Float32:
    """Frequencies [n, dims/2] at each length; up to the original context they are the default ones."""
    original, factor = rope.context, dict(rope.options)["factor"]
    distinct, index = np.unique(np.maximum(lengths, original), return_inverse=True)
    stretch = np.float32(factor) * distinct.astype(np.float32) / np.float32(original) - np.float32(factor - 1)
    grown = np.power(stretch.astype(np.float64), rope.dims / (rope.dims - 2)).astype(np.float32) * np.float32(
        rope.theta
    )
    # At the original context the factor is 1 up to rounding; there the field uses theta itself.
    bases = np.where(distinct == original, rope.theta, grown.astype(np.float64))
    result: Float32 = (ONE / _powers(bases[:, None], rope.dims))[index]
    return result


def _llama3(rope: Rope) -> tuple[Float32, float]:
    """Long waves slow down by `factor`, short ones stay, and between the two it blends."""
    options = dict(rope.options)
    factor, low, high = options["factor"], options["low_freq_factor"], options["high_freq_factor"]
    original = options["original_max_position_embeddings"]
    plain = _default(rope)[0]
    waves = np.float32(2 * math.pi) / plain
    scaled = np.where(waves > np.float32(original / low), plain / np.float32(factor), plain)
    blend = (np.float32(original) / waves - np.float32(low)) / (
        np.float32(high - low) or ONE
    )  # of none nothing lies between
    blended = (ONE - blend) * scaled / np.float32(factor) + blend * scaled
    medium = ~(waves < np.float32(original / high)) & ~(waves > np.float32(original / low))
    return np.where(medium, blended, scaled).astype(np.float32), 1.0


def _yarn(rope: Rope) -> tuple[Float32, float]:
    """Interpolates what turns seldom within the original context, keeps what turns often, ramps between; the attention
    factor multiplies both cosine and sine, so scores get its square."""
    options = dict(rope.options)
    factor = options["factor"]
    powers = _powers(rope.theta, rope.dims)
    low, high = _yarn_bounds(rope, options)
    ramp = (np.arange(rope.dims // 2, dtype=np.float32) - np.float32(low)) / np.float32(high - low)
    share = ONE - np.clip(ramp, np.float32(0), ONE)
    frequencies = ONE / (np.float32(factor) * powers) * (ONE - share) + ONE / powers * share
    return frequencies, _yarn_attention(options, factor)


def _yarn_bounds(rope: Rope, options: Mapping[str, Any]) -> tuple[float, float]:
    original = options["original_max_position_embeddings"]

    def element(turns: float) -> float:
        """Which pair makes `turns` turns within the original context."""
        return rope.dims * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(rope.theta))

    # Zero counts as absent, here and below, as in the field.
    low, high = element(options.get("beta_fast") or 32), element(options.get("beta_slow") or 1)
    if options["truncate"]:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, rope.dims - 1)
    return low, high + 0.001 if low == high else high


def _yarn_attention(options: Mapping[str, Any], factor: float) -> float:
    if "attention_factor" in options:
        return float(options["attention_factor"])
    if options.get("mscale") and options.get("mscale_all_dim"):
        return magnitude(factor, options["mscale"]) / magnitude(factor, options["mscale_all_dim"])
    return magnitude(factor, 1.0)


def magnitude(factor: float, mscale: float) -> float:
    """By how much YaRN makes queries and keys larger that are slowed down by `factor`."""
    return 0.1 * mscale * math.log(factor) + 1.0 if factor > 1 else 1.0


def _longrope(rope: Rope, factors: str) -> tuple[Float32, float]:
    """Each pair is slowed down by a factor of its own, other ones for long sequences."""
    options = dict(rope.options)
    slowed = np.asarray(options[factors], np.float32) * _powers(rope.theta, rope.dims)
    factor, original = options["factor"], options["original_max_position_embeddings"]
    own = factors.replace("factor", "mscale")
    if own in options or "attention_factor" in options:
        return ONE / slowed, float(options[own] if own in options else options["attention_factor"])
    return ONE / slowed, 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(original))


def _longrope_short(rope: Rope) -> tuple[Float32, float]:
    return _longrope(rope, "short_factor")


def _longrope_long(rope: Rope) -> tuple[Float32, float]:
    return _longrope(rope, "long_factor")


def _proportional(rope: Rope) -> tuple[Float32, float]:
    """Of all pairs the first ones turn, as fast as they would if all did."""
    options = dict(rope.options)
    turning = np.arange(rope.dims // 2) < options["pairs"]
    frequencies = np.where(turning, _default(rope)[0] / np.float32(options["factor"]), np.float32(0))
    return frequencies.astype(np.float32), 1.0


RULES: Mapping[str, Rule] = {
    "default": _default,
    "linear": _linear,
    "llama3": _llama3,
    "yarn": _yarn,
    "proportional": _proportional,
}
