"""Finds each weight of a model in its checkpoint, all together before any is read: what is missing, misshapen or left
over is said at once.

Knows the tables of names and no backend; reads no weights but to compare a head that a config calls tied.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from causerie.checkpoint.expression import Expression, Place, ShapeError, Tensor, innermost
from causerie.checkpoint.gguf.block_types import BlockIndex
from causerie.checkpoint.index import TensorIndex
from causerie.checkpoint.leaves import last_row
from causerie.errors import WeightFileError, nearest
from causerie.loading.packed.beside import is_bias_of_zeros, rounds_activations
from causerie.loading.packed.method import method_of, packed_tensors
from causerie.loading.packed.model_matrix import ModelMatrix, PackedTensors
from causerie.loading.packed.records import RecordTensors, as_numbers, record_kind
from causerie.loading.prepared import find_prepared
from causerie.loading.sources import STORED, PackedSource, PlainSource, PreparedSource, Source
from causerie.models.names import Names, is_computed, is_drafting
from causerie.spec.decoder import EMBEDDING, HEAD, Decoder
from causerie.spec.weight import PLAIN_ROLES, WeightSpec

_MOST_LISTED = 5
_MOST_FAULTS = 3  # matrices of which all is told that is wrong


def find_weights(
    spec: Decoder,
    names: Names,
    index: TensorIndex,
    *,
    config: Mapping[str, Any] | None = None,
    strict: bool = False,
    beside: Collection[str] = (),
) -> list[Source]:
    """Where each weight of `spec` lies, in the order of the spec. `config` says how quantized tensors are stored, and
    tensors `beside` the weights are somebody else's. Reads no data; raises WeightFileError for tensors that are
    missing, misshapen, or inside the decoder without a place in it. Warns about other tensors without a place; where
    `strict`, refuses them too."""
    weights = list(spec.weights())
    sources, missing = locate(weights, names, index, config or {})
    if missing:
        named = {name for weight in weights for name in names.expression(weight.name).tensors}
        raise _missing(spec, index, missing, set(index.names()) - named)
    tensors = {*beside, *(tensor for source in sources for tensor in source.tensors)}
    left = set(index.names()) - tensors
    if method_of(config or {}) is not None:
        left = {each for each in left if not rounds_activations(each) and not is_bias_of_zeros(each, index)}
    _judge_unexpected(spec, index, left, names, strict)
    return sources


def locate(
    weights: Iterable[WeightSpec], names: Names, index: TensorIndex, config: Mapping[str, Any]
) -> tuple[list[Source], list[str]]:
    """Where each of these weights lies, as far as it is there, and the tensors that are not. Raises WeightFileError for
    one that is misshapen."""
    present = set(index.names())
    expressions = [(weight, names.expression(weight.name)) for weight in weights]
    fused = _fused_sizes(expression for _, expression in expressions)
    packed: PackedTensors | None = RecordTensors() if isinstance(index, BlockIndex) else packed_tensors(config)
    sources: list[Source] = []
    missing: list[str] = []
    faults: list[str] = []
    for weight, expression in expressions:
        try:
            source = _not_plain(config, packed, index, weight, expression, fused)
        except WeightFileError as error:
            faults.append(str(error))
            continue
        if source is None and expression.key in present and expression.key not in expression.tensors:
            expression = Tensor(expression.key)  # a part that was saved alone
        if source is None and (absent := [name for name in expression.tensors if name not in present]):
            missing += [name for name in absent if name not in missing]
        else:
            sources.append(source or _checked(weight, as_numbers(expression, index), index, fused))
    if faults:
        unique = list(dict.fromkeys(faults))
        rest = f" {len(unique) - _MOST_FAULTS} more matrices are not whole." if len(unique) > _MOST_FAULTS else ""
        raise WeightFileError(" ".join(unique[:_MOST_FAULTS]) + rest)
    return sources, missing


def _fused_sizes(expressions: Iterable[Expression]) -> dict[str, tuple[int, ...]]:
    """Of each tensor that is taken apart by rows, by places of a stack, or by rows of these: the sizes of these axes,
    its first."""
    sizes: dict[str, tuple[int, ...]] = {}
    for expression in expressions:
        of = innermost(expression)
        if not isinstance(of, Tensor | Place):
            continue
        cut = last_row(expression)
        rows = () if cut is None else (cut,)
        own = (of.place + 1, *rows) if isinstance(of, Place) else rows
        if own:
            sizes[of.name] = max(sizes.get(of.name, ()), own)
    return sizes


def _not_plain(
    config: Mapping[str, Any],
    packed: PackedTensors | None,
    index: TensorIndex,
    weight: WeightSpec,
    expression: Expression,
    fused: Mapping[str, tuple[int, ...]],
) -> Source | None:
    """The source of a matrix that is held quantized or as a backend reads it."""
    if len(weight.shape) != 2:
        return None
    if (prepared := find_prepared(config, index, expression.key)) is not None:
        return PreparedSource(weight, expression.key, prepared)
    if packed is None:
        return None
    inner = innermost(expression)
    sizes = fused.get(inner.name, ()) if isinstance(inner, Tensor | Place) else ()
    shape, plain = (weight.shape[0], weight.shape[1]), weight.role in PLAIN_ROLES
    matrix = packed.matrix(index, ModelMatrix(expression, shape, sizes, plain))
    if matrix is None or isinstance(matrix, Expression):
        return None if matrix is None else PlainSource(weight, matrix, matrix.dtype(index), alone=expression.key)
    return PackedSource(weight, expression.key, matrix)


def _missing(spec: Decoder, index: TensorIndex, missing: list[str], left: set[str]) -> WeightFileError:
    near = nearest(missing[0], left)[:3]
    instead = f" It has no place for {_listed(near)}, named most like it." if near else ""
    return WeightFileError(
        f"{_home(index)} lacks {_listed(missing)}, which the {spec.family} model of {_config(index)} needs."
        f"{instead} "
        "The config belongs to another checkpoint, or a file is missing."
    )


def _home(index: TensorIndex) -> str:
    """The file of the weights, or the folder of several."""
    files = {index.info(name).file for name in index.names()}
    if not files:
        return "The checkpoint"
    some = min(files)
    return str(some if len(files) == 1 else some.parent)


def _config(index: TensorIndex) -> str:
    """What says which model it is."""
    return "the file's metadata" if isinstance(index, BlockIndex) else "config.json"


def _checked(
    weight: WeightSpec, expression: Expression, index: TensorIndex, fused: Mapping[str, tuple[int, ...]]
) -> PlainSource:
    """A source of plain numbers of the right shape. Raises WeightFileError."""
    first = index.info(expression.tensors[0])
    stored = expression.dtype(index)
    if stored not in STORED or (first.dtype not in STORED and record_kind(index, expression) is None):
        kind = "" if first.dtype == "F64" else " Nothing says how it is quantized."
        raise WeightFileError(
            f"{first.file}: tensor {first.name!r} is stored as {first.dtype}; known here: {', '.join(STORED)}.{kind} "
            "Use the float32, float16 or bfloat16 checkpoint of the same model."
        )
    try:
        shape, expectation = expression.shape(index), str(weight.shape)
    except ShapeError as error:
        shape, expectation = (), f"{error}, for {weight.shape} of it"
    sizes = fused.get(first.name, ())
    if tuple(first.shape[: len(sizes)]) != sizes:
        shape, expectation = (), f"{' x '.join(map(str, sizes))} rows"
    if shape != weight.shape:
        raise WeightFileError(
            f"{first.file}: tensor {first.name!r} has shape {tuple(first.shape)}, and {_config(index)} makes "
            f"it {expectation}. The config belongs to another checkpoint."
        )
    return PlainSource(weight, expression, stored)


def _judge_unexpected(spec: Decoder, index: TensorIndex, left: set[str], names: Names, strict: bool) -> None:
    """Tensors beside the decoder's own (under `model.`, `lm_head.`) are arithmetic that it does not do; others, such as
    the head of a reward model or what sees pictures, lie outside of it."""
    head = names.expression(HEAD).tensors if spec.tied else ()
    drafting = names.behind(left, len(spec.layers), spec.drafting_layers)
    drafting |= {tensor for tensor in left if is_drafting(tensor)}
    unexpected = sorted(tensor for tensor in left - drafting if not is_computed(tensor) and tensor not in head)
    unexpected = sorted(set(unexpected) - _kept_elsewhere(spec, names))
    homes = tuple(names.homes)
    inside = [tensor for tensor in unexpected if tensor.startswith(homes)]
    without = f"for which the {spec.family} model of {_config(index)} has no place"
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
        warnings.warn(f"{_home(index)} holds {_grouped(unexpected)}, {without}; left out.", stacklevel=5)


def _kept_elsewhere(spec: Decoder, names: Names) -> set[str]:
    """What files may hold for layers that read the keys and values of other ones, as they were trained without that."""
    borrowing = (
        i for i, layer in enumerate(spec.layers) if (pages := layer.pages) is not None and pages.of is not None
    )
    expressions = (names.expression(f"layers.{i}.mixer.{part}") for i in borrowing for part in ("k", "v", "k_norm"))
    return {tensor for each in expressions for tensor in each.tensors}


def untie_if_different(spec: Decoder, names: Names, index: TensorIndex) -> Decoder:
    """A config may call the head tied, or say nothing where its family's default is so, although the checkpoint holds a
    head of its own: the numbers in the files win, as in the field."""
    (embed,), (head,) = names.expression(EMBEDDING).tensors, names.expression(HEAD).tensors
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


def _grouped(names: list[str]) -> str:
    """Names by what they begin with, where they are many: a tower of a multimodal model has hundreds."""
    if len(names) <= _MOST_LISTED:
        return _listed(names)
    groups = Counter(".".join(name.split(".")[: 2 if name.startswith("model.") else 1]) for name in names)
    return ", ".join(f"{count} tensors of {group!r}" for group, count in sorted(groups.items()))


def _listed(names: list[str], most: int = _MOST_LISTED) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + rest
