"""Where keys and values of each layer lie: blocks of 32 positions, in the form src/kernels_attention.cpp reads.

Knows which bytes belong to a layer, not which sequence owns a block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.arena import ALIGNMENT, Arena, aligned
from causerie.backends.native.program import BLOCK, HEAD_ROOM, LAYER_CACHE, SUM
from causerie.backends.ops import CacheShape
from causerie.errors import ConfigError, EngineError
from causerie.quant.cache_format import KEY_GROUP
from causerie.quant.weight import BYTES
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder

_SPREAD = 8192
"""Unused bytes between the blocks of a large cache. Without them, and ALIGNMENT more, the blocks of a layer would often
lie in the same few sets of a processor's caches and push each other out."""


def block_bytes(spec: Attention, format: str) -> int:
    """Bytes of one block of a layer: keys and values of each key/value head, as src/attention.h lays them out."""
    padded = -(-spec.head_dim // 16) * 16
    if format != "int8":
        return int(BLOCK * spec.kv_heads * (spec.head_dim + padded) * BYTES[format])
    scales = 2 * (-(-spec.head_dim // KEY_GROUP) + 1)
    return BLOCK * spec.kv_heads * (-(-spec.head_dim // 4) * 4 + padded + scales)


def sum_bytes(spec: Attention) -> int:
    """Bytes of the sum of some positions for one query head: src/abi.h's Sum and the values that follow it."""
    return SUM.itemsize + 4 * (-(-spec.head_dim // 16) * 16)


class LayerCaches:
    """The cache of a whole decoder."""

    def __init__(self, spec: Decoder, shape: CacheShape) -> None:
        """Raises OutOfMemory, or ConfigError for heads that the kernels cannot hold."""
        if shape.block_size != BLOCK:
            raise EngineError(f"The native backend keeps blocks of {BLOCK} positions, not {shape.block_size}.")
        for layer in spec.layers:
            _check_heads(spec.family, layer.mixer)
        self.shape = shape
        sizes = [block_bytes(layer.mixer, shape.dtype) for layer in spec.layers]
        # Block by block, each with all layers, so that a short chat touches few large pages.
        stride = aligned(sum(sizes))
        stride += _SPREAD if stride >= 32 * _SPREAD else 0
        stride += ALIGNMENT if stride % 4096 == 0 else 0
        self._arena = Arena(aligned(stride * shape.blocks), "the cache of past tokens")
        begin = self._arena.take(stride * shape.blocks)
        self.layers: NDArray[np.void] = np.zeros(len(sizes), LAYER_CACHE)
        self.layers["block_bytes"], self.layers["block_stride"] = sizes, stride
        self.layers["address"] = begin + np.cumsum([0, *sizes[:-1]]) if sizes else begin

    def touch(self, most: int) -> None:
        """Has the system give the memory of the blocks that come first, up to `most` bytes; before anything is kept."""
        self._arena.touch(most)


def _check_heads(family: str, spec: Attention) -> None:
    dims = 0 if spec.rope is None else spec.rope.dims
    if spec.head_dim > HEAD_ROOM or spec.head_dim % 2:
        raise ConfigError(
            f"This {family} model has heads of {spec.head_dim} elements; the native backend's attention has room for "
            f"even sizes up to {HEAD_ROOM}. Use the torch backend (backend='torch')."
        )
    if dims % 2 or not 0 <= dims <= spec.head_dim or spec.heads % spec.kv_heads:
        raise ConfigError(
            f"This {family} model turns {dims} of {spec.head_dim} elements of a head and shares {spec.kv_heads} key "
            f"heads among {spec.heads}; the first must be even and no larger, the heads a multiple."
        )
