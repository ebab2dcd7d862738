"""An EAGLE3 checkpoint beside a loaded model: found and checked, placed, and made two passes that run on the model's
threads or device.

Knows no drafting: who guesses is handed the passes, and which tokens their logits are of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from causerie.backends.ops import Backend, CacheShape, LendingExecutable, SharingExecutable
from causerie.checkpoint.index import TensorIndex
from causerie.errors import Unsupported, WeightFileError
from causerie.loading.find import find_weights
from causerie.loading.load import formats_of, weight_format
from causerie.loading.sources import Source, Transfer, reporter
from causerie.models.eagle3 import BESIDE, OFFSETS, eagle3_head, eagle3_names
from causerie.models.eagle3_passes import guessing, reading
from causerie.models.model import Model
from causerie.spec.decoder import EMBEDDING, Decoder
from causerie.spec.eagle3 import Eagle3


@dataclass(frozen=True)
class HeadSurvey:
    """All there is to know of a head before its weights are read."""

    spec: Eagle3
    sources: tuple[Source, ...]
    formats: Mapping[str, str]  # of each weight by canonical name
    plain: str
    tokens: NDArray[np.int64] = field(repr=False)  # [guessed]: of its logits, in the numbers of the model

    @property
    def nbytes(self) -> int:
        """Of its weights as held."""
        return sum(source.held_bytes(self.formats[source.weight.name]) for source in self.sources)


class Head(NamedTuple):
    """A head, ready to guess."""

    reading: Model  # with what the taps of the other model give
    guessing: Model  # with its own rows; both over one cache
    taps: tuple[int, ...]
    tokens: NDArray[np.int64]  # [guessed]


def survey_head(index: TensorIndex, config: Mapping[str, Any], target: Decoder, dtype: str = "auto") -> HeadSurvey:
    """Where the weights of a head for `target` lie, and how they will be held. Raises ConfigError, UsageError or
    Unsupported as eagle3_head, WeightFileError for tensors that are missing, misshapen, or wrong."""
    tensors = {name: tuple(index.info(name).shape) for name in index.names()}
    spec = eagle3_head(config, target, tensors)
    names = eagle3_names(config, spec).within(tensors)
    beside = (*BESIDE, *(() if spec.own_embedding else names.expression(EMBEDDING).tensors))
    sources = tuple(find_weights(spec, names, index, config=config, beside=beside))
    tokens = _tokens(index, spec)
    plain = weight_format(config, index, dtype)
    return HeadSurvey(spec, sources, formats_of(spec, sources, plain, None), plain, tokens)


def load_head(
    survey: HeadSurvey,
    index: TensorIndex,
    *,
    backend: Backend,
    target: Model,
    cache: CacheShape,
    max_tokens: int,
    workers: int = 1,
) -> Head:
    """The head, placed by a `backend` of the kind that `target` runs on; it is closed with that. Raises OutOfMemory,
    Unsupported where the model cannot lend."""
    if not isinstance(target.executable, LendingExecutable):
        raise Unsupported(f"No head can guess for a model on {target.device}. Use speculation='lookup'.")
    spec, names = survey.spec, [source.weight.name for source in survey.sources]
    builder = backend.builder(spec, {name: survey.formats[name] for name in names})
    with Transfer.begun(index, builder, workers) as transfer:
        weights = {
            source.weight.name: source.place(transfer, survey.formats[source.weight.name], reporter(source, 0, 0, None))
            for source in survey.sources
        }
    lent = () if spec.own_embedding else (EMBEDDING,)
    first = target.executable.lend(lent, spec, weights, reading, cache, max_tokens)
    assert isinstance(first, SharingExecutable)  # as every one that lends
    nbytes = sum(weight.nbytes for weight in weights.values())
    passes = [
        Model(spec, executable, cache, max_tokens, survey.plain, target.device, nbytes, nbytes)
        for executable in (first, first.beside(guessing, max_tokens))
    ]
    passes[0].guests.append(passes[1])
    target.guests.append(passes[0])
    return Head(passes[0], passes[1], spec.taps, survey.tokens)


def _tokens(index: TensorIndex, spec: Eagle3) -> NDArray[np.int64]:
    """Which token of the model each row of logits is of. Raises WeightFileError for offsets that lead to none."""
    places = np.arange(spec.guessed, dtype=np.int64)
    if OFFSETS not in index.names():
        return places
    info = index.info(OFFSETS)
    if tuple(info.shape) != (spec.guessed,) or info.dtype not in ("I64", "I32"):
        raise WeightFileError(
            f"{info.file}: tensor {OFFSETS!r} is {info.dtype} of shape {tuple(info.shape)}; of {spec.guessed} tokens "
            "that a head may guess it must have a whole number each. Download the head again."
        )
    tokens = places + index.read(OFFSETS).astype(np.int64)
    outside = tokens[(tokens < 0) | (tokens >= spec.vocab)]
    if len(outside):
        raise WeightFileError(
            f"{info.file}: the offsets in tensor {OFFSETS!r} lead to token {outside[0]}, and the model has "
            f"{spec.vocab} tokens. The file is damaged, or the head was made for another model."
        )
    return tokens
