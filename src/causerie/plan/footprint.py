"""How much memory a model takes, from its spec alone: weights, cache per token, and how large a cache to make.

Knows no backend and reads no weights; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from causerie.backends.ops import CacheShape
from causerie.errors import OutOfMemory, UsageError, unknown
from causerie.quant.cache_format import CACHE_FORMATS, bytes_per_head
from causerie.quant.weight import BYTES
from causerie.spec.decoder import Decoder

SHARED_CONTEXTS = 2  # full contexts in a default cache: one being read, and as much of older chats kept for reuse
CACHE_SHARE = 4  # a default cache takes at most one part in so many of the free memory
LEAST_TOKENS = 4096  # what a default cache holds at least, or the context where that is shorter


def weight_bytes(spec: Decoder, format: str) -> int:
    """Bytes of all weights held in `format`, a tied head counted once."""
    return int(spec.parameters * BYTES[format])


def cache_format(format: str) -> str:
    """What the cache of a model is kept in by default whose weights are held in `format`."""
    return format if format in ("float32", "float16") else "bfloat16"


def cache_bytes_per_token(spec: Decoder, format: str) -> int:
    """Bytes that keys and values of one position take over all layers, kept in `format`."""
    pages = [layer.mixer.keeps for layer in spec.layers]
    return sum(page.heads * bytes_per_head(format, page.head_dim) for page in pages)


def cache_shape(
    spec: Decoder,
    block_size: int,
    format: str,
    free_bytes: int,
    tokens: int | None = None,
    kept: str | None = None,
) -> CacheShape:
    """The cache for a model whose weights are held in `format`; `free_bytes` is what is free beside the weights.

    `tokens` is how many positions to keep over all requests. Without it: room for one full context and as much again
    to share between chats, within a quarter of what is free, but at least min(context, 4096) positions. `kept` is the
    format of the cache, by default `cache_format`. Raises OutOfMemory where even that, or what was asked for, is more
    than is free, UnknownName for a format no cache is kept in.
    """
    if tokens is not None and tokens < 1:
        raise UsageError(f"A cache of {tokens} tokens was asked for; it must hold at least one.")
    kept = cache_format(format) if kept is None else kept
    if kept not in CACHE_FORMATS:
        raise unknown("cache dtype", kept, CACHE_FORMATS)
    per_token = cache_bytes_per_token(spec, kept)
    wanted = tokens if tokens is not None else _default_tokens(spec, per_token, free_bytes)
    blocks = -(-wanted // block_size)
    if blocks * block_size * per_token > free_bytes:
        raise _too_large(spec, wanted, blocks * block_size * per_token, free_bytes, per_token)
    return CacheShape(blocks, block_size, kept)


def cache_sizer(
    block_size: int,
    free_bytes: int,
    tokens: int | None = None,
    kept: str | None = None,
    weights: int | None = None,
) -> Callable[[Decoder, str], CacheShape]:
    """`cache_shape` as `load_model` wants it. `free_bytes` is what is free before the weights are placed, `weights`
    what these take, by default all of them in the plain format. Raises OutOfMemory where they alone are larger."""

    def size(spec: Decoder, format: str) -> CacheShape:
        held = weight_bytes(spec, format) if weights is None else weights
        if held > free_bytes:
            raise OutOfMemory(
                f"The model needs {_gigabytes(held)}{f' in {format}' if weights is None else ''} and "
                f"{_gigabytes(free_bytes)} are free. "
                "Close other programs, take a smaller model, or quantize it (quantization='int4')."
            )
        return cache_shape(spec, block_size, format, free_bytes - held, tokens, kept)

    return size


def _default_tokens(spec: Decoder, per_token: int, free_bytes: int) -> int:
    affordable = free_bytes // CACHE_SHARE // per_token
    return max(min(SHARED_CONTEXTS * spec.context, affordable), min(spec.context, LEAST_TOKENS))


def _too_large(spec: Decoder, tokens: int, needed: int, free_bytes: int, per_token: int) -> OutOfMemory:
    fitting = max(0, free_bytes) // per_token
    advice = f"Ask for at most {fitting} tokens of cache" if fitting else "Close other programs"
    return OutOfMemory(
        f"A cache of {tokens} tokens needs {_gigabytes(needed)} and {_gigabytes(max(0, free_bytes))} are free beside "
        f"the weights ({per_token} bytes per token of this {spec.family} model). {advice}, or take a smaller model."
    )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
