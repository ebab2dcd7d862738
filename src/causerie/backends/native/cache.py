"""Where lies what each layer keeps: blocks of 32 positions, in the form src/kernels_attention.cpp reads, and slots, in
that of src/kernels_short_conv.cpp, src/kernels_delta.cpp and src/kernels_mamba2.cpp.

Knows which bytes belong to a layer, not which sequence owns a block or a slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.arena import ALIGNMENT, Arena, aligned
from causerie.backends.native.program import BLOCK, HEAD_ROOM, LAYER_CACHE, PAGE_GROUP, SUM
from causerie.backends.ops import CacheShape
from causerie.errors import ConfigError, EngineError
from causerie.quant.cache_format import KEY_GROUP
from causerie.quant.weight import BYTES
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.latent import LatentAttention
from causerie.spec.layer_cache import PageGroup, Pages

_SPREAD = 8192
"""Unused bytes between the blocks of a large cache. Without them, and ALIGNMENT more, the blocks of a layer would often
lie in the same few sets of a processor's caches and push each other out."""


def block_bytes(pages: Pages, format: str) -> int:
    """Bytes of one block of a layer: keys and values of each key/value head, as src/attention.h lays them out, or
    latents, as src/attention_latent.h does."""
    if not pages.value_dim:
        return int(BLOCK * pages.heads * _padded(pages.head_dim) * BYTES[format])
    padded = _padded(pages.value_dim)
    if format != "int8":
        return int(BLOCK * pages.heads * (pages.head_dim + padded) * BYTES[format])
    scales = 2 * (-(-pages.head_dim // KEY_GROUP) + 1)
    return BLOCK * pages.heads * (-(-pages.head_dim // 4) * 4 + padded + scales)


def sum_bytes(spec: Attention | LatentAttention) -> int:
    """Bytes of the sum of some positions for one query head: src/abi.h's Sum and the values that follow it."""
    elements = spec.rank if isinstance(spec, LatentAttention) else spec.value_dim
    return SUM.itemsize + 4 * _padded(elements)


def _padded(elements: int) -> int:
    """As many as whole vectors hold."""
    return -(-elements // 16) * 16


class LayerCaches:
    """The cache of a whole decoder: the blocks of each page group, one by one with all layers of the group, so that a
    short chat touches few large pages; then the slots, one by one too."""

    def __init__(self, spec: Decoder, shape: CacheShape) -> None:
        """Raises OutOfMemory, ConfigError for heads that the kernels cannot hold, or EngineError for a cache of another
        model."""
        if shape.block_size != BLOCK:
            raise EngineError(f"The native backend keeps blocks of {BLOCK} positions, not {shape.block_size}.")
        shape.check(spec)
        for attention in spec.attentions:
            _check_heads(spec.family, attention)
        for latent in spec.latent_attentions:
            _check_latents(spec.family, latent)
        self.shape = shape
        pages = [self._block_sizes(spec, group) for group in spec.page_groups]
        slots = [4 * slot.elements for layer in spec.layers if (slot := layer.slot) is not None]
        strides, self.slot_stride = [_block_stride(sizes) for sizes in pages], aligned(sum(slots))
        counts = [*(group.blocks for group in shape.groups), shape.slots]
        regions = [stride * count for stride, count in zip((*strides, self.slot_stride), counts, strict=True)]
        self._arena = Arena(sum(aligned(size) for size in regions), "the cache of past tokens")
        *begins, self._slots = [self._arena.take(size) for size in regions]
        self._blocks = [
            (begin, stride, sum(sizes)) for begin, stride, sizes in zip(begins, strides, pages, strict=True)
        ]
        self._slot_bytes = sum(slots)
        self._regions = regions
        self.groups: NDArray[np.void] = np.zeros(len(pages), PAGE_GROUP)
        self.groups["blocks"] = counts[:-1]
        self.groups["window"] = [group.window or 0 for group in spec.page_groups]
        self.layers: NDArray[np.void] = np.concatenate(
            [np.zeros(0, LAYER_CACHE), *map(_layer_caches, range(len(pages)), begins, pages, strides)]
        )
        paged = [layer for group in spec.page_groups for layer in group.layers]
        self._paged = dict(zip(paged, self.layers, strict=True))
        self._slot_offsets = dict(zip(spec.slot_layers, accumulate(slots, initial=0), strict=False))

    def pages(self, layer: int) -> np.void:
        """Where a layer's blocks lie: a LAYER_CACHE."""
        cache: np.void = self._paged[layer]
        return cache

    def slot(self, layer: int) -> int:
        """The address of what a layer keeps in slot 0; slots follow by `slot_stride`."""
        return self._slots + self._slot_offsets[layer]

    def block(self, group: int, number: int) -> NDArray[np.uint8]:
        """The bytes of a block of a page group: of all of its layers, one after the other."""
        begin, stride, size = self._blocks[group]
        return self._arena.view(begin + number * stride, size)

    def slot_bytes(self, number: int) -> NDArray[np.uint8]:
        """The bytes of a slot."""
        return self._arena.view(self._slots + number * self.slot_stride, self._slot_bytes)

    def excerpt(self, layers: Sequence[int]) -> LayerCaches:
        """What these layers keep, which count from 0 there; their pages alone."""
        part = copy(self)
        own = np.array([self._paged[layer] for layer in layers], LAYER_CACHE)
        groups, own["tables"] = np.unique(own["tables"], return_inverse=True)
        part.shape = replace(self.shape, groups=tuple(self.shape.groups[group] for group in groups), slots=0)
        part.groups, part.layers = self.groups[groups], own
        part._paged, part._slot_offsets = dict(enumerate(own)), {}
        return part

    def touch(self, most: int) -> None:
        """Has the system give the memory of what comes first in every region, up to `most` bytes of all, shared out by
        their sizes; before anything is kept."""
        first, whole = 0, max(sum(self._regions), 1)
        for size in self._regions:
            self._arena.touch(size * min(most, whole) // whole, first)
            first += aligned(size)

    def _block_sizes(self, spec: Decoder, group: PageGroup) -> list[int]:
        caches = (spec.blocks[layer].pages for layer in group.layers)
        return [block_bytes(pages, self.shape.dtype) for pages in caches if pages is not None]


def _block_stride(sizes: Sequence[int]) -> int:
    """From block to block of layers whose blocks have these sizes."""
    stride = aligned(sum(sizes))
    stride += _SPREAD if stride >= 32 * _SPREAD else 0
    return stride + (ALIGNMENT if stride % 4096 == 0 else 0)


def _layer_caches(tables: int, begin: int, sizes: Sequence[int], stride: int) -> NDArray[np.void]:
    """Of the layers of page group `tables`, whose blocks have these sizes and begin here."""
    layers: NDArray[np.void] = np.zeros(len(sizes), LAYER_CACHE)
    layers["block_bytes"], layers["block_stride"], layers["tables"] = sizes, stride, tables
    layers["address"] = begin + np.cumsum([0, *sizes[:-1]])
    return layers


def _check_heads(family: str, spec: Attention) -> None:
    dims = 0 if spec.rope is None else spec.rope.dims
    size = next((each for each in (spec.head_dim, spec.value_dim) if each > HEAD_ROOM or each % 2), None)
    if size is not None:
        raise ConfigError(
            f"This {family} model has heads of {size} elements; the native backend's attention has room for "
            f"even sizes up to {HEAD_ROOM}. Use the torch backend (backend='torch')."
        )
    if dims % 2 or not 0 <= dims <= spec.head_dim or spec.heads % spec.kv_heads:
        raise ConfigError(
            f"This {family} model turns {dims} of {spec.head_dim} elements of a head and shares {spec.kv_heads} key "
            f"heads among {spec.heads}; the first must be even and no larger, the heads a multiple."
        )


def _check_latents(family: str, spec: LatentAttention) -> None:
    if spec.key_dim > HEAD_ROOM or spec.rank % 2 or spec.plain_dim % 2:
        raise ConfigError(
            f"This {family} model keeps latents of {spec.rank} elements and {spec.rope.dims} of a key, and its queries "
            f"have {spec.plain_dim} that do not turn. The native backend has room for {HEAD_ROOM} kept elements, and "
            "the first and the last must be even. Use the torch backend (backend='torch')."
        )
