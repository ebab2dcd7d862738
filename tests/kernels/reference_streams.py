"""Streams of activations and what stands beside mixers, in float64 numpy and written from the formulas."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from causerie.spec.alt_up import AltUp
from causerie.spec.norm import Norm
from tests.kernels.decoders import Array


def entered(own: AltUp, w: Mapping[str, Array], x: Array) -> Array:
    """[n, count, width]"""
    return np.stack([x, *(_as_large(x @ w[f"streams.enter.{i}"].T, x) for i in range(1, own.count))], axis=1)


def left(own: AltUp, w: Mapping[str, Array], streams: Array) -> Array:
    """[n, width]"""
    first, *others = streams.swapaxes(0, 1)
    made = [_as_large(x @ w[f"streams.leave.{i}"].T, first) for i, x in enumerate(others, 1)]
    return np.mean([first, *made], axis=0)


def predicted(own: AltUp, w: Mapping[str, Array], streams: Array) -> Array:
    """[n, count, width]"""
    factors = (_routed(own, w, streams[:, 0]) @ w["streams.predict"].T).reshape(-1, own.count, own.count)
    return streams + np.einsum("nji,niw->njw", factors, streams)


def corrected(own: AltUp, w: Mapping[str, Array], streams: Array, made: Array) -> Array:
    """[n, count, width]"""
    factors = 1 + _routed(own, w, made) @ w["streams.correct"].T
    return streams + factors[:, :, None] * (made - streams[:, 0])[:, None]


def beside(norm: Norm, w: Mapping[str, Array], x: Array, read: Array) -> Array:
    """[n, width]: x with the low-rank path."""
    made = read @ w["low_rank.left"].T @ w["low_rank.right"].T
    return (x + read + _normed(made, norm, w["low_rank.norm"])) / 2**0.5


def _routed(own: AltUp, w: Mapping[str, Array], x: Array) -> Array:
    return np.tanh(_normed(x, own.norm, w["streams.norm"]) / own.width @ w["streams.router"].T)


def _normed(x: Array, norm: Norm, weight: Array) -> Array:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + norm.eps) * weight


def _as_large(x: Array, other: Array) -> Array:
    sizes = [(each**2).mean(-1, keepdims=True) for each in (x, other)]
    return x * np.sqrt(sizes[1] / np.maximum(sizes[0], 1e-5))
