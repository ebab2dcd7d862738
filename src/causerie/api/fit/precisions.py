"""The ways in which a surveyed model can be held, what each takes in memory, and the one to load where not all fit.

Knows how backends hold weights by two facts alone: whether they lie as native kernels read them, and whether bfloat16
is packed in 12 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from causerie.errors import BackendUnavailable, ModelTooLarge, UsageError
from causerie.loading.load import Survey, formats_of
from causerie.loading.sources import PlainSource, Source
from causerie.plan.fit import PROCESS_BYTES, working_bytes
from causerie.plan.footprint import cache_cost, cache_format, least_tokens
from causerie.quant.config import CHOICES, QuantConfig


def precisions(weights: Survey) -> Iterator[tuple[str, Survey]]:
    """The most exact first, each made when asked for: as the model is stored and, where that is plain numbers, those of
    our own formats that are chosen; of float32 bfloat16 too. What is quantized already, or was asked to be, stays as it
    is."""
    if (name := weights.quantization) is not None or any(not isinstance(each, PlainSource) for each in weights.sources):
        yield name or weights.plain, weights
        return
    yield weights.plain, weights
    if weights.plain == "float32":
        formats = formats_of(weights.spec, weights.sources, "bfloat16", None)
        yield "bfloat16", replace(weights, plain="bfloat16", formats=formats)
    for name in CHOICES:
        try:
            formats = formats_of(weights.spec, weights.sources, weights.plain, QuantConfig.named(name))
        except UsageError:  # a width that the format cannot hold
            continue
        yield name, replace(weights, formats=formats)


class MatrixHolding(NamedTuple):
    """How a backend holds matrices: as `native` kernels read them, where bfloat16 may be packed in 12 bits."""

    native: bool
    packs: bool


def held_sizes(weights: Survey, holding: MatrixHolding) -> dict[str, int]:
    """Bytes of each weight by canonical name."""
    looked_up = {weight.name for weight in weights.spec.looked_up}
    return {each.weight.name: _held_bytes(weights, each, holding, looked_up) for each in weights.sources}


def weight_bytes(weights: Survey, holding: MatrixHolding) -> int:
    """Bytes of all weights."""
    return sum(held_sizes(weights, holding).values())


def _held_bytes(weights: Survey, source: Source, holding: MatrixHolding, looked_up: set[str]) -> int:
    shape, format = source.weight.shape, weights.formats[source.weight.name]
    packed = holding.packs and len(shape) == 2 and source.weight.name not in looked_up
    if packed and format == "bfloat16":
        from causerie.backends.native.lossless import likely_bytes

        return likely_bytes(shape)
    if holding.native and len(shape) == 2 and (nbytes := _panel_bytes(format, shape)) is not None:
        return nbytes
    return weights.held_bytes(source)


def _panel_bytes(format: str, shape: tuple[int, ...]) -> int | None:
    """What native kernels read of a packed matrix; None of another, and where the library cannot be asked."""
    from causerie.backends.native.quantized import code_bytes, code_panels

    try:
        panels = code_panels(format, shape[1])
        return None if panels is None else code_bytes(panels, shape)
    except BackendUnavailable:
        return None


def needed_bytes(
    weights: Survey, holding: MatrixHolding, *, cache_dtype: str | None = None, tokens: int | None = None
) -> int:
    """What a model takes so held: with a cache of so many `tokens`, the smallest where that is None, and its working
    memory."""
    cost = cache_cost(weights.spec, cache_dtype or cache_format(weights.plain))
    beside = cost.total(tokens or least_tokens(weights.spec)) + working_bytes(weights.spec) - PROCESS_BYTES
    return weight_bytes(weights, holding) + beside


def fitting_precision(
    weights: Survey,
    name: str,
    free_bytes: int,
    holding: MatrixHolding,
    *,
    quantizes: bool,
    cache_dtype: str | None = None,
    tokens: int | None = None,
) -> Survey:
    """`weights` where they fit into `free_bytes`, by `needed_bytes` with the smallest cache or one for fewer `tokens`;
    where they do not, and a model `quantizes` at need, the most exact way in which they do. Raises ModelTooLarge, which
    names that way."""
    needed: dict[str, int] = {}
    for precision, way in precisions(weights):
        least = least_tokens(way.spec)
        needed[precision] = needed_bytes(way, holding, cache_dtype=cache_dtype, tokens=min(tokens or least, least))
        if needed[precision] <= free_bytes:
            if len(needed) == 1 or quantizes:
                return way
            raise _too_large(name, needed, free_bytes, precision)
    if len(needed) == 1:
        return weights  # who makes the cache says what is wrong, and no way of loading it would help
    raise _too_large(name, needed, free_bytes, None)


def _too_large(name: str, needed: dict[str, int], free_bytes: int, fits: str | None) -> ModelTooLarge:
    first, smallest = next(iter(needed)), min(needed, key=lambda precision: needed[precision])
    what = f"{name} needs {_gigabytes(needed[first])} in {first} and {_gigabytes(free_bytes)} are free."
    if fits is None:
        advice = f"It needs {_gigabytes(needed[smallest])} even in {smallest}. Take a smaller model, or close programs."
        return ModelTooLarge(f"{what} {advice}")
    option = "dtype" if fits == "bfloat16" else "quantization"
    return ModelTooLarge(
        f"{what} It fits in {fits}, with {_gigabytes(needed[fits])}: pass {option}={fits!r} (--{option} {fits}), or "
        "quantization='auto' to have the most exact that fits chosen. Or close other programs.",
        precision=fits,
        needed_bytes=needed[fits],
    )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
