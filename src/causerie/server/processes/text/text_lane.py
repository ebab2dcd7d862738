"""Workers for one kind of text work of one model, as many as it needs: who waits is served in order.

A worker that took too long or died is replaced; its order alone fails. Knows no order's meaning.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from causerie.server.processes.text.text_orders import TextFailure, TextResult, WorkStage
from causerie.server.processes.text.text_worker import Lost, Overdue, StageLimit, TextWorker

PATIENCE_SECONDS = 0.25  # that an order waits for a worker before another one is started
IDLE_SECONDS = 60.0

_Turn = asyncio.Future[TextWorker]


class TextLane:
    """At most `most` workers with the tokenizer of `folder`."""

    def __init__(self, folder: str, limit: StageLimit, most: int) -> None:
        self._folder = folder
        self._limit = limit
        self._most = most
        self._workers: set[TextWorker] = set()
        self._starting = 0
        self._idle: list[tuple[TextWorker, float]] = []  # with the time since when
        self._turns: deque[_Turn] = deque()
        self._tasks: set[asyncio.Task[object]] = set()
        self._closed = False

    async def ask(self, frame: bytes, stage: WorkStage) -> TextResult | TextFailure:
        """What an order, packed in a frame, gives. Leaving early lets its worker finish. Raises Overdue and Lost."""
        worker = await self._take()
        work = asyncio.create_task(self._work(worker, frame, stage))
        self._remember(work)
        return await asyncio.shield(work)

    def warm(self) -> None:
        """Starts a first worker, where there is none."""
        if not self._workers and not self._starting:
            self._grow()

    async def tidy(self, most: int) -> None:
        """Ends workers that have had nothing to do for a while, all but so many."""
        past = time.monotonic() - IDLE_SECONDS
        while len(self._workers) > most and self._idle and self._idle[0][1] < past:
            worker, _ = self._idle.pop(0)
            await self._discard(worker)

    async def close(self) -> None:
        """Ends all workers, whatever they do."""
        self._closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in list(self._workers):
            await self._discard(worker)

    def _remember(self, task: asyncio.Task[object]) -> None:
        """Keeps a task alive; what it raises is also taken where nobody waits for it any more."""

        def done(_: asyncio.Task[object]) -> None:
            self._tasks.discard(task)
            if not task.cancelled():
                task.exception()

        self._tasks.add(task)
        task.add_done_callback(done)

    async def _take(self) -> TextWorker:
        if self._idle:
            return self._idle.pop()[0]  # the one used last, so that the others become superfluous
        loop = asyncio.get_running_loop()
        turn: _Turn = loop.create_future()
        self._turns.append(turn)
        self.warm()
        growing = loop.call_later(PATIENCE_SECONDS, self._grow)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._release(turn.result())
            raise
        finally:
            growing.cancel()

    def _grow(self) -> None:
        """Starts another worker, where one may be."""
        if not self._closed and len(self._workers) + self._starting < self._most:
            self._starting += 1
            self._remember(asyncio.create_task(self._start()))

    async def _start(self) -> None:
        try:
            worker, answer = await TextWorker.start(self._folder, self._limit)
        except (Overdue, Lost, OSError) as fault:
            self._fail(fault)
            return
        finally:
            self._starting -= 1
        if isinstance(answer, TextFailure):
            await worker.close()
            self._fail(Refused(answer))
        else:
            self._workers.add(worker)
            self._release(worker)

    def _fail(self, fault: Exception) -> None:
        """A worker could not be started: those who wait hear of it, unless other workers can serve them."""
        while self._turns and not self._workers and not self._starting:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_exception(fault)

    def _release(self, worker: TextWorker) -> None:
        """Gives a worker to who waits longest."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(worker)
                return
        self._idle.append((worker, time.monotonic()))

    async def _work(self, worker: TextWorker, frame: bytes, stage: WorkStage) -> TextResult | TextFailure:
        try:
            answer = await worker.ask(frame, stage)
        except BaseException:
            await self._replace(worker)
            raise
        if worker.slow:
            await self._replace(worker)
        else:
            self._release(worker)
        return answer

    async def _replace(self, worker: TextWorker) -> None:
        """Ends a worker that is of no more use, and starts another where somebody waits."""
        await self._discard(worker)
        if self._turns:
            self._grow()

    async def _discard(self, worker: TextWorker) -> None:
        self._workers.discard(worker)
        self._idle = [(other, since) for other, since in self._idle if other is not worker]
        await worker.close()


class Refused(Exception):
    """The tokenizer cannot be loaded: `fault` says why."""

    def __init__(self, fault: TextFailure) -> None:
        super().__init__(fault)
        self.fault = fault
