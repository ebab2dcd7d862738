"""Heads out of a file of their own as a drafter: as those that a checkpoint ships, but each with a cache of its own
under the model's block numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

from causerie.engine.assistant.cache_beside import CacheBeside
from causerie.engine.assistant.head_drafter import HeadDrafter
from causerie.models.model import StepModel


class LoneHeadsDrafter(HeadDrafter):
    """A `StateReader`."""

    def __init__(self, heads: Sequence[StepModel], target: StepModel, layers: int) -> None:
        """`heads` guess one after the other, of `target`, which has so many layers; their caches are as `cache_for`
        gives them. Raises Unsupported as HeadDrafter."""
        self._beside = [CacheBeside() for _ in heads]
        first, *further = (cache.beneath(head) for cache, head in zip(self._beside, heads, strict=True))
        super().__init__(first, target, layers, further)

    def _copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copies their own blocks too."""
        super()._copy(pairs)
        for cache in self._beside:
            cache.copy(pairs)
