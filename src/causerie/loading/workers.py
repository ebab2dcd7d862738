"""Threads that share the reading and quantizing of one checkpoint, for as long as a `with` block lasts.

Knows no tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


class Workers:
    """`count` threads; with one thread or one part of work, the caller does it himself."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="checkpoint") if count > 1 else None

    def map(self, work: Callable[[Part], Result], parts: Iterable[Part]) -> Iterator[Result]:
        """The results in the order of the parts; an error is raised at the part that had it."""
        listed = list(parts)
        return map(work, listed) if self._pool is None or len(listed) == 1 else self._pool.map(work, listed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
