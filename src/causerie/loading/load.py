"""Weights of a checkpoint, pulled by canonical name into a backend: verified all together first, then read one tensor
at a time, a slice of rows at a time, and quantized on the way where that is asked for.

Knows no file format (checkpoint/ has that) and no layout of a backend; decides in which format weights are held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from numpy.typing import NDArray

from causerie.backends.ops import Backend, CacheShape, QuantizedBackend
from causerie.checkpoint.index import TensorIndex
from causerie.errors import ConfigError, Unsupported, UsageError, WeightFileError, unknown
from causerie.loading.packed import method_of, without_method
from causerie.loading.prepared import able_to_map, prepared_for
from causerie.loading.quantize import Quantizer, ReadRows, Report
from causerie.loading.reading import SliceReader
from causerie.loading.sources import STORED, Source, find_weights, untie_if_different
from causerie.loading.workers import Workers
from causerie.models.decoder import PASSES
from causerie.models.model import Model
from causerie.models.registry import family, spec_from_config
from causerie.quant.config import QuantConfig
from causerie.quant.format import held_bytes
from causerie.quant.formats import QUANTIZED, format_named
from causerie.quant.weight import BYTES, FORMATS, Weight
from causerie.spec.decoder import Decoder

Progress = Callable[[int, int, str], None]  # bytes read, bytes in all, the tensor that is being read
SizeCache = Callable[[Decoder, str], CacheShape]  # from a spec and the plain format of its weights


@dataclass(frozen=True)
class Survey:
    """All there is to know of a checkpoint before its weights are read."""

    spec: Decoder
    sources: tuple[Source, ...]
    plain: str  # the format of what is not quantized: "float32", "float16" or "bfloat16"
    formats: Mapping[str, str]  # of each weight by canonical name
    config: Mapping[str, Any] = field(repr=False)

    @property
    def prepared_for(self) -> str | None:
        """The backend whose kernels read the matrices as they lie in the files; None where any can place them."""
        said = prepared_for(self.config)
        return None if said is None else str(said["backend"])

    @property
    def nbytes(self) -> int:
        """Bytes of the weights as they will be held, in the reference layout: what a backend needs, but for padding."""
        return sum(self.held_bytes(source) for source in self.sources)

    def held_bytes(self, source: Source) -> int:
        """The same of one weight."""
        if source.prepared is not None:
            return source.nbytes
        format = self.formats[source.name]
        if len(source.shape) == 2:
            return held_bytes(format_named(format), (source.shape[0], source.shape[1]))
        return int(prod(source.shape) * BYTES[format])

    @property
    def quantization(self) -> str | None:
        """The quantized format of most matrices; None where all are plain."""
        found = Counter(format for format in self.formats.values() if format in QUANTIZED)
        return found.most_common(1)[0][0] if found else None


def survey(
    index: TensorIndex,
    config: Mapping[str, Any],
    *,
    dtype: str = "auto",
    quantization: QuantConfig | None = None,
    strict: bool = False,
) -> Survey:
    """Where the weights lie and how they will be held. Reads headers only. Raises ConfigError or UnknownName for a
    config that cannot be computed, WeightFileError for tensors that are missing, unexpected or misshapen,
    UsageError for a quantization that cannot be. `strict` refuses what is else passed over with a warning: keys and
    tensors that no decoder computes by."""
    method = method_of(config)
    if method is not None and quantization is not None:
        if prepared_for(config) is not None:
            raise UsageError(
                f"The folder was prepared, and its weights cannot be quantized to {quantization.name} any more. Load "
                "it as it is, or prepare the original model with that quantization."
            )
        raise UsageError(
            f"The checkpoint is quantized already, by {method}, and quantizing it again to {quantization.name} would "
            f"lose more. Load it as it is, or quantize the model it was made from."
        )
    family_config = without_method(config) if method is not None else config
    spec = spec_from_config(family_config, strict)
    table = family(config).weights
    spec = untie_if_different(spec, table, index)
    sources = tuple(find_weights(spec, table, index, config=config, strict=strict))
    plain = weight_format(config, index, dtype)
    if prepared_for(config) is not None and plain != (kept := weight_format(config, index)):
        raise UsageError(
            f"The folder was prepared with its weights in {kept}, and dtype {plain} was asked for. Prepare the "
            "original model again, or leave dtype out."
        )
    formats = {source.name: source.format or plain for source in sources}
    if quantization is not None:
        modules = {source.name: source.tensor.removesuffix(".weight") for source in sources}
        formats = quantization.formats(spec, plain, modules)
    return Survey(spec, sources, plain, formats, config)


def load_model(
    index: TensorIndex,
    config: Mapping[str, Any],
    *,
    backend: Backend,
    size_cache: SizeCache,
    dtype: str = "auto",
    quantization: QuantConfig | None = None,
    max_tokens: int = 512,
    strict: bool = False,
    progress: Progress | None = None,
    workers: int = 1,
) -> Model:
    """The model of a checkpoint, ready to run steps of at most `max_tokens` tokens; `workers` threads quantize. The
    index may be closed afterwards. Raises as `survey` and `load_surveyed`; always before any weight is placed, but for
    numbers that cannot be quantized."""
    if max_tokens < 1:
        raise UsageError(f"max_tokens is {max_tokens}; a step needs room for at least one token.")
    found = survey(index, config, dtype=dtype, quantization=quantization, strict=strict)
    return load_surveyed(
        found,
        index,
        backend=backend,
        size_cache=size_cache,
        max_tokens=max_tokens,
        progress=progress,
        workers=workers,
    )


def load_surveyed(
    found: Survey,
    index: TensorIndex,
    *,
    backend: Backend,
    size_cache: SizeCache,
    max_tokens: int = 512,
    progress: Progress | None = None,
    workers: int = 1,
) -> Model:
    """The model of a surveyed checkpoint. Raises OutOfMemory and Unsupported before any weight is placed, UsageError
    for a tensor with numbers that cannot be quantized."""
    if found.prepared_for is not None:
        able_to_map(backend, found.config)
    elif found.quantization is not None:
        _holding(backend, found.quantization)
    cache = size_cache(found.spec, found.plain)
    placed = {each.name: found.formats[each.name] for each in found.sources if each.prepared is None}
    backend.reserve(found.spec, placed)
    with Workers(workers) as threads:
        quantizer, reader = Quantizer(index, threads), SliceReader(index, threads)
        weights = _place(found, index, backend, quantizer, reader, progress)
    return Model(
        spec=found.spec,
        executable=backend.compile(found.spec, weights, PASSES, cache, max_tokens),
        cache=cache,
        max_tokens=max_tokens,
        format=found.plain,
        device=backend.device,
        weight_bytes=sum(weight.nbytes for weight in weights.values()),
        quantization=found.quantization,
    )


def _holding(backend: Backend, quantization: str | None) -> QuantizedBackend:
    """The same backend. Raises Unsupported where it does not hold quantized matrices."""
    if isinstance(backend, QuantizedBackend):
        return backend
    raise Unsupported(
        f"The {backend.name} backend does not compute with {quantization} weights yet. Pass backend='torch' "
        "(--backend torch), which does, or load the model without quantization."
    )


def weight_format(config: Mapping[str, Any], index: TensorIndex, dtype: str = "auto") -> str:
    """The format that `dtype` means: itself, or for "auto" what config.json says the weights are in, else what the
    first of them is stored in."""
    if dtype in FORMATS:
        return dtype
    if dtype != "auto":
        raise unknown("dtype", dtype, ("auto", *FORMATS))
    for key in ("dtype", "torch_dtype"):
        if (named := config.get(key)) is not None:
            if named not in FORMATS:
                raise ConfigError(
                    f"config.json sets {key!r} = {named!r}; weights can be held as {', '.join(FORMATS)}. "
                    "Pass one of them as dtype."
                )
            return str(named)
    for name in sorted(index.names()):
        if (stored := STORED.get(index.info(name).dtype)) is not None:
            return stored
    raise WeightFileError("The checkpoint has no tensor of floating-point numbers. Download the model again.")


def _place(
    found: Survey,
    index: TensorIndex,
    backend: Backend,
    quantizer: Quantizer,
    reader: SliceReader,
    progress: Progress | None,
) -> dict[str, Weight]:
    total = sum(source.nbytes for source in found.sources)
    done = 0
    weights: dict[str, Weight] = {}
    for source in found.sources:
        report = reporter(source, done, total, progress)
        format = found.formats[source.name]
        matrix = (source.shape[0], source.shape[-1])
        if (prepared := source.prepared) is not None:
            mapping, memory = able_to_map(backend, found.config), index.map(prepared.tensor)
            weights[source.name] = mapping.place_prepared(source.name, matrix, format, prepared.layout, memory)
        elif format in QUANTIZED:
            read = quantized_rows(source, format, index, quantizer, report)
            weights[source.name] = _holding(backend, format).place_quantized(source.name, matrix, format, read)
        else:
            rows = _plain_rows(source, reader, report)
            weights[source.name] = backend.place(source.name, source.shape, rows, source.stored)
        done += source.nbytes
    if progress is not None:
        progress(total, total, "")
    return weights


def reporter(source: Source, done: int, total: int, progress: Progress | None) -> Report:
    """Tells `progress` of the rows of one weight, before which `done` bytes of `total` were read."""

    def report(rows: int) -> None:
        if progress is not None:
            progress(done + source.nbytes * rows // source.shape[0], total, source.tensor)

    return report


def _plain_rows(source: Source, reader: SliceReader, report: Report) -> Callable[[int, int], NDArray[Any]]:
    def rows(start: int, stop: int) -> NDArray[Any]:
        part = reader.rows(source, start, stop)
        report(stop)
        return part

    return rows


def quantized_rows(source: Source, format: str, index: TensorIndex, quantizer: Quantizer, report: Report) -> ReadRows:
    """A function that gives the arrays of rows of a matrix held in a quantized `format`: as the files hold them, or
    encoded from plain numbers."""
    packed = source.packed
    if packed is None:
        return quantizer.reader(source, format_named(format), report)

    def read(start: int, stop: int) -> Mapping[str, NDArray[Any]]:
        part = packed.read(index, start, stop)
        report(stop)
        return part

    return read
