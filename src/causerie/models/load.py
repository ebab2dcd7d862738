"""Weights of a checkpoint, pulled by canonical name into a backend: verified all together first, then read one tensor
at a time, a slice of rows at a time.

Knows no file format (checkpoint/ has that) and no layout of a backend; decides in which format weights are held.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.backends.ops import Backend, CacheShape
from causerie.checkpoint.index import TensorIndex, TensorInfo
from causerie.errors import ConfigError, UsageError, WeightFileError, nearest, unknown
from causerie.models.decoder import forward
from causerie.models.model import Model
from causerie.models.names import checkpoint_name, is_computed
from causerie.models.registry import family, spec_from_config
from causerie.models.spec import Decoder
from causerie.quant.weight import BYTES, FORMATS, Weight

STORED = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""The element types of safetensors files that can be read, and their names here."""

Progress = Callable[[int, int, str], None]  # bytes read, bytes in all, the tensor that is being read
SizeCache = Callable[[Decoder, str], CacheShape]  # from a spec and the format of its weights; see plan/footprint.py


@dataclass(frozen=True)
class Source:
    """Where one weight comes from."""

    name: str  # canonical
    shape: tuple[int, ...]
    info: TensorInfo


def load_model(
    index: TensorIndex,
    config: Mapping[str, Any],
    *,
    backend: Backend,
    size_cache: SizeCache,
    dtype: str = "auto",
    max_tokens: int = 512,
    strict: bool = True,
    progress: Progress | None = None,
) -> Model:
    """The model of a checkpoint, ready to run steps of at most `max_tokens` tokens. The index may be closed afterwards.

    Raises ConfigError or UnknownName for a config that cannot be computed, WeightFileError for tensors that are
    missing, unexpected (a warning where not `strict`) or misshapen, OutOfMemory; always before any weight is placed.
    """
    if max_tokens < 1:
        raise UsageError(f"max_tokens is {max_tokens}; a step needs room for at least one token.")
    spec = spec_from_config(config, strict)
    table = family(config).weights
    spec = _untie_if_different(spec, table, index)
    sources = find_weights(spec, table, index, strict=strict)
    held = weight_format(config, index, dtype)
    cache = size_cache(spec, held)
    backend.reserve(spec, {source.name: held for source in sources})
    weights = _place(sources, index, backend, progress)
    return Model(
        spec=spec,
        executable=backend.compile(spec, weights, forward, cache, max_tokens),
        cache=cache,
        max_tokens=max_tokens,
        format=held,
        device=backend.device,
        weight_bytes=sum(weight.nbytes for weight in weights.values()),
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


def find_weights(spec: Decoder, table: Mapping[str, str], index: TensorIndex, *, strict: bool = True) -> list[Source]:
    """Where each weight of `spec` lies, in the order of the spec. Reads no data; raises WeightFileError (see
    `load_model`)."""
    present = set(index.names())
    wanted = {checkpoint_name(table, name): (name, shape) for name, shape in spec.weights()}
    missing = [tensor for tensor in wanted if tensor not in present]
    if missing:
        near = nearest(missing[0], present - wanted.keys())[:3]
        instead = f" It has no place for {_listed(near)}, named most like it." if near else ""
        raise WeightFileError(
            f"{_home(index)} lacks {_listed(missing)}, which the {spec.family} model of config.json needs.{instead} "
            "The config belongs to another checkpoint, or a file is missing."
        )
    sources = [_checked(name, shape, index.info(tensor)) for tensor, (name, shape) in wanted.items()]
    _refuse_unexpected(spec, index, present - wanted.keys(), table["head"], strict)
    return sources


def _home(index: TensorIndex) -> str:
    """The file of the weights, or the folder of several."""
    files = {index.info(name).file for name in index.names()}
    if not files:
        return "The checkpoint"
    some = min(files)
    return str(some if len(files) == 1 else some.parent)


def _checked(name: str, shape: tuple[int, ...], info: TensorInfo) -> Source:
    if tuple(info.shape) != shape:
        raise WeightFileError(
            f"{info.file}: tensor {info.name!r} has shape {tuple(info.shape)}, and config.json makes it {shape}. "
            "The config belongs to another checkpoint."
        )
    if info.dtype not in STORED:
        kind = "" if info.dtype == "F64" else "Quantized checkpoints arrive later: "
        advice = f"{kind}use the float32, float16 or bfloat16 checkpoint of the same model."
        raise WeightFileError(
            f"{info.file}: tensor {info.name!r} is stored as {info.dtype}; known here: {', '.join(STORED)}. "
            f"{advice[0].upper()}{advice[1:]}"
        )
    return Source(name, shape, info)


def _refuse_unexpected(spec: Decoder, index: TensorIndex, left: set[str], head: str, strict: bool) -> None:
    unexpected = sorted(tensor for tensor in left if not is_computed(tensor) and not (spec.tied and tensor == head))
    if not unexpected:
        return
    sentence = (
        f"{_home(index)} holds {_listed(unexpected)}, for which the {spec.family} model of config.json has no place"
    )
    if strict:
        raise WeightFileError(f"{sentence}, so answers could be wrong. Pass strict=False to load the model anyway.")
    warnings.warn(f"{sentence}; left out.", stacklevel=4)


def _untie_if_different(spec: Decoder, table: Mapping[str, str], index: TensorIndex) -> Decoder:
    """A config may call the head tied, or say nothing where its family's default is so, although the checkpoint holds a
    head of its own: the numbers in the files win, as in the field."""
    embed, head = table["embed"], table["head"]
    present = set(index.names())
    if not spec.tied or head not in present or embed not in present:
        return spec
    first, second = index.info(embed), index.info(head)
    if tuple(first.shape) != tuple(second.shape) or first.dtype != second.dtype or first.dtype not in STORED:
        return replace(spec, tied=False)
    rows = max(1, 2**22 // max(1, first.shape[-1]))
    for start in range(0, first.shape[0], rows):
        part = slice(start, min(start + rows, first.shape[0]))
        if not np.array_equal(index.read(embed, part), index.read(head, part)):
            warnings.warn(
                f"config.json sets 'tie_word_embeddings' = true, but {head!r} and {embed!r} differ; using both.",
                stacklevel=3,
            )
            return replace(spec, tied=False)
    return spec


def _place(sources: list[Source], index: TensorIndex, backend: Backend, progress: Progress | None) -> dict[str, Weight]:
    total = sum(_stored_bytes(source) for source in sources)
    done = 0
    weights: dict[str, Weight] = {}
    for source in sources:
        tensor, size = source.info.name, _stored_bytes(source)
        row_bytes = size // source.shape[0]

        def rows(start: int, stop: int, tensor: str = tensor, done: int = done, row: int = row_bytes) -> NDArray[Any]:
            part = index.read(tensor, slice(start, stop))
            if progress is not None:
                progress(done + stop * row, total, tensor)
            return part

        weights[source.name] = backend.place(source.name, source.shape, rows, STORED[source.info.dtype])
        done += size
    if progress is not None:
        progress(total, total, "")
    return weights


def _stored_bytes(source: Source) -> int:
    count = 1
    for size in source.shape:
        count *= size
    return int(count * BYTES[STORED[source.info.dtype]])


def _listed(names: list[str], most: int = 5) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + rest
