"""How much memory a model takes, from its spec alone: weights, cache per token, and how large a cache to make.

Knows no backend and reads no weights; sizes are bytes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace

from causerie.backends.ops import BlockCount, CacheShape
from causerie.errors import OutOfMemory, UsageError, unknown
from causerie.quant.cache_format import CACHE_FORMATS, bytes_per_position
from causerie.quant.weight import BYTES
from causerie.spec.decoder import Decoder
from causerie.spec.weight import UNROUNDED

SHARED_CONTEXTS = 2  # full contexts in a default cache: one being read, and as much of older chats kept for reuse
CACHE_SHARE = 4  # a default cache takes at most one part in so many of the free memory
LEAST_TOKENS = 4096  # what a default cache holds at least, or the context where that is shorter
WINDOW_SHARE = 4  # layers with a window keep one position in so many, or some windows where that is more
STEP_TOKENS = 512  # in a step, as models are loaded
MOST_SLOTS, LEAST_SLOTS = 64, 4  # one for each chat that runs, the rest for what is gone on with later
STATE_BYTES = 4  # of an element of a slot
SLOT_SHARE = 8  # slots take at most one part in so many of the cache, but for the least of them


@dataclass(frozen=True)
class CacheCost:
    """What a decoder keeps, in bytes."""

    groups: tuple[tuple[int | None, int], ...]  # window of each page group, and the bytes of a position in its layers
    slot: int  # what all layers remember of a sequence, however long it is
    most_slots: int = MOST_SLOTS  # where there are no pages to count them by

    @property
    def per_token(self) -> int:
        """Of a position in all layers."""
        return sum(nbytes for _, nbytes in self.groups)

    def pages(self, tokens: int, block_size: int) -> int:
        """Of all page groups in a cache of so many tokens."""
        return sum(_blocks(window, tokens, block_size) * block_size * nbytes for window, nbytes in self.groups)

    def slots(self, tokens: int, block_size: int) -> int:
        """How many slots go with a cache of so many tokens."""
        if not self.slot:
            return 0
        if not self.groups:
            return self.most_slots
        fair = self.pages(tokens, block_size) // (SLOT_SHARE - 1) // self.slot
        return max(LEAST_SLOTS, min(MOST_SLOTS, fair))

    def total(self, tokens: int, block_size: int = 1) -> int:
        """Of a cache of so many tokens, in whole blocks."""
        return self.pages(tokens, block_size) + self.slots(tokens, block_size) * self.slot

    def most_tokens(self, nbytes: int, most: int) -> int:
        """How many tokens, up to `most`, a cache of so many bytes holds; blocks are not looked at."""
        return max(0, bisect_right(range(most + 1), nbytes, key=self.total) - 1)


def weight_bytes(spec: Decoder, format: str) -> int:
    """Bytes of all weights held in `format`, but for those that are not rounded; a tied head is counted once."""
    return int(sum(each.parameters * BYTES["float32" if each.role in UNROUNDED else format] for each in spec.weights()))


def cache_format(format: str) -> str:
    """What the cache of a model is kept in by default whose weights are held in `format`."""
    return format if format in ("float32", "float16") else "bfloat16"


def cache_cost(spec: Decoder, format: str) -> CacheCost:
    """What is kept in `format`, layer by layer."""
    caches = [layer.pages for layer in spec.blocks]
    pages = [0 if each is None else bytes_per_position(format, each) for each in caches]
    groups = tuple((group.window, sum(pages[layer] for layer in group.layers)) for group in spec.page_groups)
    slots = (layer.slot for layer in spec.layers)
    return CacheCost(groups, sum(STATE_BYTES * each.elements for each in slots if each is not None))


def least_tokens(spec: Decoder) -> int:
    """How many positions a default cache holds at least."""
    return min(spec.context, LEAST_TOKENS)


def cache_bytes_per_token(spec: Decoder, format: str) -> int:
    """Bytes that keys and values of one position take over all layers, kept in `format`: of a text's last positions.
    Of those before, layers with a window keep nothing; and layers that keep a slot take none of this at all."""
    return cache_cost(spec, format).per_token


def cache_shape(
    spec: Decoder,
    block_size: int,
    format: str,
    free_bytes: int,
    tokens: int | None = None,
    cache_dtype: str | None = None,
) -> CacheShape:
    """The cache for a model whose weights are held in `format`; `free_bytes` is what is free beside the weights.

    `tokens` is how many positions to keep over all requests. Without it: room for one full context and as much again
    to share between chats, within a quarter of what is free, but at least min(context, 4096) positions. Layers with a
    window keep a quarter of these, or a window and two steps where that is more, but no more than the others; slots
    for 64 texts go with it, or as many as an eighth of the cache holds; where there is nothing but slots, as many as a
    quarter of what is free holds. `cache_dtype` is the format of the cache, by default `cache_format`. Raises
    OutOfMemory where even that, or what was asked for, is more than is free, UnknownName for a format no cache is kept
    in.
    """
    if tokens is not None and tokens < 1:
        raise UsageError(f"A cache of {tokens} tokens was asked for; it must hold at least one.")
    cache_dtype = cache_format(format) if cache_dtype is None else cache_dtype
    if cache_dtype not in CACHE_FORMATS:
        raise unknown("cache dtype", cache_dtype, CACHE_FORMATS)
    cost = cache_cost(spec, cache_dtype)
    if cost.slot and not cost.groups:
        affordable = free_bytes // CACHE_SHARE // cost.slot
        cost = replace(cost, most_slots=max(LEAST_SLOTS, min(MOST_SLOTS, affordable)))
    positions = tokens if tokens is not None else _default_tokens(spec, cost, free_bytes)
    needed = cost.total(positions, block_size)
    if needed > free_bytes:
        raise _too_large(spec, cost, positions, needed, free_bytes)
    groups = tuple(BlockCount(_blocks(window, positions, block_size), window) for window, _ in cost.groups)
    return CacheShape(groups, block_size, cache_dtype, cost.slots(positions, block_size))


def cache_sizer(
    block_size: int,
    free_bytes: int,
    tokens: int | None = None,
    cache_dtype: str | None = None,
    weights: int | None = None,
) -> Callable[[Decoder, str], CacheShape]:
    """`cache_shape` as `load_model` wants it. `free_bytes` is what is free before the weights are placed, `weights`
    what these take, by default all of them in the plain format. Raises OutOfMemory where they alone are larger."""

    def size(spec: Decoder, format: str) -> CacheShape:
        needed = weight_bytes(spec, format) if weights is None else weights
        if needed > free_bytes:
            raise OutOfMemory(
                f"The model needs {_gigabytes(needed)}{f' in {format}' if weights is None else ''} and "
                f"{_gigabytes(free_bytes)} are free. "
                "Close other programs, take a smaller model, or quantize it (quantization='int4')."
            )
        return cache_shape(spec, block_size, format, free_bytes - needed, tokens, cache_dtype)

    return size


def _blocks(window: int | None, tokens: int, block_size: int) -> int:
    """How many blocks a page group gets in a cache of so many tokens."""
    if window is not None:
        tokens = min(tokens, max(-(-tokens // WINDOW_SHARE), window + 2 * STEP_TOKENS))
    return -(-tokens // block_size)


def _default_tokens(spec: Decoder, cost: CacheCost, free_bytes: int) -> int:
    affordable = cost.most_tokens(free_bytes // CACHE_SHARE, SHARED_CONTEXTS * spec.context)
    return max(affordable, least_tokens(spec))


def _too_large(spec: Decoder, cost: CacheCost, tokens: int, needed: int, free_bytes: int) -> OutOfMemory:
    free = max(0, free_bytes)
    fitting = cost.most_tokens(free, tokens)
    advice = f"Ask for at most {fitting} tokens of cache" if fitting else "Close other programs"
    slots = f", {cost.slot} per chat" if cost.slot else ""
    return OutOfMemory(
        f"A cache of {tokens} tokens needs {_gigabytes(needed)} and {_gigabytes(free)} are free beside "
        f"the weights ({cost.per_token} bytes per token{slots} of this {spec.family} model). {advice}, or take a "
        "smaller model."
    )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
