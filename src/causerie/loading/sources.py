"""Where each weight of a model lies in its checkpoint, checked all together before any is read.

Knows the tables of names and no backend; reads no weights but to compare a head that a config calls tied.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from causerie.checkpoint.index import TensorIndex, TensorInfo
from causerie.errors import WeightFileError, nearest
from causerie.loading.packed import Packed, find_packed
from causerie.loading.prepared import Prepared, find_prepared
from causerie.models.names import checkpoint_name, is_computed
from causerie.quant.format import held_bytes
from causerie.quant.weight import BYTES
from causerie.spec.decoder import Decoder

STORED = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""The element types of safetensors files that can be read, and their names here."""


@dataclass(frozen=True)
class Source:
    """Where one weight comes from: a tensor of plain numbers, arrays of a quantized format, or what a backend reads."""

    name: str  # canonical
    shape: tuple[int, ...]
    tensor: str  # in the files
    info: TensorInfo | None = None
    packed: Packed | None = None
    prepared: Prepared | None = None

    @property
    def stored(self) -> str:
        """What a plain tensor is stored as: "float32", "float16" or "bfloat16"."""
        return "" if self.info is None else STORED[self.info.dtype]

    @property
    def format(self) -> str | None:
        """How the files hold it, where that cannot be chosen any more: None for plain numbers."""
        if self.prepared is not None:
            return self.prepared.format
        return None if self.packed is None else self.packed.format.name

    @property
    def all_tensors(self) -> tuple[str, ...]:
        """Every tensor of the files that belongs to it."""
        if self.prepared is not None:
            return (self.prepared.tensor,)
        return (self.tensor,) if self.packed is None else self.packed.all_tensors

    @property
    def nbytes(self) -> int:
        """Bytes in the files."""
        if self.prepared is not None:
            return self.prepared.nbytes
        if self.packed is not None:
            return held_bytes(self.packed.format, self.packed.shape)
        return int(prod(self.shape) * BYTES[self.stored])


def find_weights(
    spec: Decoder,
    table: Mapping[str, str],
    index: TensorIndex,
    *,
    config: Mapping[str, Any] | None = None,
    strict: bool = False,
) -> list[Source]:
    """Where each weight of `spec` lies, in the order of the spec. `config` says how quantized tensors are stored. Reads
    no data; raises WeightFileError for tensors that are missing, misshapen, or inside the decoder without a place in
    it. Warns about other tensors without a place; where `strict`, refuses them too."""
    present = set(index.names())
    wanted = {checkpoint_name(table, name): (name, shape) for name, shape, _ in spec.weights()}
    special = {
        tensor: found
        for tensor, (name, shape) in wanted.items()
        if (found := _not_plain(config or {}, index, Source(name, shape, tensor))) is not None
    }
    missing = [tensor for tensor in wanted if tensor not in special and tensor not in present]
    if missing:
        near = nearest(missing[0], present - wanted.keys())[:3]
        instead = f" It has no place for {_listed(near)}, named most like it." if near else ""
        raise WeightFileError(
            f"{_home(index)} lacks {_listed(missing)}, which the {spec.family} model of config.json needs.{instead} "
            "The config belongs to another checkpoint, or a file is missing."
        )
    sources = [
        special.get(tensor) or _checked(name, shape, index.info(tensor)) for tensor, (name, shape) in wanted.items()
    ]
    used = {tensor for source in special.values() for tensor in source.all_tensors}
    _judge_unexpected(spec, index, present - wanted.keys() - used, table, strict)
    return sources


def _not_plain(config: Mapping[str, Any], index: TensorIndex, source: Source) -> Source | None:
    """The source of a matrix that is held quantized or as a backend reads it."""
    if len(source.shape) != 2:
        return None
    if (prepared := find_prepared(config, index, source.tensor)) is not None:
        return replace(source, prepared=prepared)
    packed = find_packed(config, index, source.tensor, source.shape)
    return None if packed is None else replace(source, packed=packed)


def _home(index: TensorIndex) -> str:
    """The file of the weights, or the folder of several."""
    files = {index.info(name).file for name in index.names()}
    if not files:
        return "The checkpoint"
    some = min(files)
    return str(some if len(files) == 1 else some.parent)


def _checked(name: str, shape: tuple[int, ...], info: TensorInfo) -> Source:
    if info.dtype not in STORED:
        kind = "" if info.dtype == "F64" else " Nothing says how it is quantized."
        raise WeightFileError(
            f"{info.file}: tensor {info.name!r} is stored as {info.dtype}; known here: {', '.join(STORED)}.{kind} "
            "Use the float32, float16 or bfloat16 checkpoint of the same model."
        )
    if tuple(info.shape) != shape:
        raise WeightFileError(
            f"{info.file}: tensor {info.name!r} has shape {tuple(info.shape)}, and config.json makes it {shape}. "
            "The config belongs to another checkpoint."
        )
    return Source(name, shape, info.name, info)


def _judge_unexpected(
    spec: Decoder, index: TensorIndex, left: set[str], table: Mapping[str, str], strict: bool
) -> None:
    """Tensors under the same roots as the decoder's own (`model.`, `lm_head.`) are arithmetic that it does not do;
    others, such as the head of a reward model, lie beside it."""
    unexpected = sorted(
        tensor for tensor in left if not is_computed(tensor) and not (spec.tied and tensor == table["head"])
    )
    roots = {name.partition(".")[0] for name in table.values()}
    inside = [tensor for tensor in unexpected if tensor.partition(".")[0] in roots]
    without = f"for which the {spec.family} model of config.json has no place"
    if inside:
        raise WeightFileError(
            f"{_home(index)} holds {_listed(inside)}, {without}, so answers would be wrong. Use the checkpoint that "
            "belongs to this config.json; an adapter must be merged into its model first (peft's merge_and_unload)."
        )
    if unexpected and strict:
        raise WeightFileError(
            f"{_home(index)} holds {_listed(unexpected)}, {without}. strict=True (--strict) refuses that; without it "
            "the model loads, with a warning."
        )
    if unexpected:
        warnings.warn(f"{_home(index)} holds {_listed(unexpected)}, {without}; left out.", stacklevel=5)


def untie_if_different(spec: Decoder, table: Mapping[str, str], index: TensorIndex) -> Decoder:
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
                stacklevel=4,
            )
            return replace(spec, tied=False)
    return spec


def _listed(names: list[str], most: int = 5) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + rest
