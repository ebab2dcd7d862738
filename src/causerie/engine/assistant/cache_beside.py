"""A cache that lies beside another model's, under the same block numbers: what is copied there is copied here as well,
before the next pass over it. Knows no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from causerie.backends.ops import CacheShape, StepOutput
from causerie.backends.step import Step
from causerie.models.model import StepModel


class CacheBeside:
    """One such cache, and the passes over it."""

    def __init__(self) -> None:
        self._pairs: list[tuple[int, int]] = []  # that are not copied yet

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Blocks have been copied in the other cache, (from, to)."""
        self._pairs += pairs

    def beneath(self, model: StepModel) -> StepModel:
        """The model, which runs over this cache, such that it begins with what is to be copied."""
        return _Pass(model, self)

    def begin(self, step: Step) -> Step:
        """The step with the copies that are due."""
        if not self._pairs:
            return step
        copies = np.array(self._pairs, np.int32)
        self._pairs = []
        return replace(step, tables=tuple(replace(table, copies=copies) for table in step.tables))


class _Pass:
    """A `StepModel` over a cache beside another's."""

    def __init__(self, model: StepModel, cache: CacheBeside) -> None:
        self._model = model
        self._cache = cache

    @property
    def vocab(self) -> int:
        return self._model.vocab

    @property
    def context(self) -> int:
        return self._model.context

    @property
    def cache(self) -> CacheShape:
        return self._model.cache

    @property
    def max_tokens(self) -> int:
        return self._model.max_tokens

    @property
    def shared_length(self) -> int | None:
        return self._model.shared_length

    @property
    def switch_length(self) -> int | None:
        return self._model.switch_length

    def run(self, step: Step) -> StepOutput:
        """See StepModel."""
        return self._model.run(self._cache.begin(step))
