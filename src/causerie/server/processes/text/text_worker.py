"""One process that holds a tokenizer, as the engine's process sees it: started, asked one order at a time, killed.

Knows no queue; lanes of workers are text_lane.py's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from causerie.server.processes.child import Child
from causerie.server.processes.frames import next_frame
from causerie.server.processes.text.text_orders import TextEvent, TextFailure, TextResult, WorkStage

StageLimit = Callable[[WorkStage], float]
"""How many seconds a stage of the work may take."""
LOADING = WorkStage("loading")
SLOW_SECONDS = 0.25
_SLOW_NICENESS = 10
_MOST_WAITING = 5  # times what the process may compute
_TICK_SECONDS = 0.02  # of the system's clock of computing
_decoder: msgspec.json.Decoder[TextEvent] = msgspec.json.Decoder(TextEvent)


class Overdue(Exception):
    """A stage took longer than it may: `stage`, and the `seconds` it had."""

    def __init__(self, stage: WorkStage, seconds: float) -> None:
        super().__init__(stage, seconds)
        self.stage = stage
        self.seconds = seconds


class Lost(Exception):
    """The process ended while it worked at `stage`."""

    def __init__(self, stage: WorkStage) -> None:
        super().__init__(stage)
        self.stage = stage


class TextWorker:
    """A text_process that is alive until `close`."""

    def __init__(self, child: Child, limit: StageLimit) -> None:
        self._child = child
        self._limit = limit
        self.slow = False  # whether an order took so long that the process computes after others now

    @staticmethod
    async def start(folder: str, limit: StageLimit) -> tuple[TextWorker, TextResult | TextFailure]:
        """A process with the tokenizer of a folder, and whether it could be loaded. Raises Overdue and Lost; the
        process is then gone."""
        worker = TextWorker(await Child.start("causerie.server.processes.text.text_process", folder), limit)
        try:
            return worker, await worker._answer(LOADING)
        except BaseException:
            await worker.close()
            raise

    async def ask(self, frame: bytes, stage: WorkStage) -> TextResult | TextFailure:
        """What an order, packed in a frame, gives; `stage` is what it begins with. Raises Overdue and Lost, after which
        the worker is of no more use."""
        try:
            self._child.writer.write(frame)
        except OSError as fault:
            raise Lost(stage) from fault
        return await self._answer(stage)

    async def close(self) -> None:
        """Kills the process."""
        await self._child.kill()

    async def _answer(self, stage: WorkStage) -> TextResult | TextFailure:
        while True:
            try:
                event = await self._within(self._limit(stage), stage)
            except (OSError, asyncio.IncompleteReadError) as fault:
                raise Lost(stage) from fault
            if not isinstance(event, WorkStage):
                return event
            stage = event

    async def _within(self, seconds: float, stage: WorkStage) -> TextEvent:
        """The next event, for which the process may compute so long: on a busy machine that takes several times as
        long. Raises Overdue."""
        coming = asyncio.create_task(self._event())
        begun, computed = time.monotonic(), self._child.cpu_seconds() or 0.0
        left = min(seconds, SLOW_SECONDS)
        try:
            while True:
                await asyncio.wait((coming,), timeout=left)
                if coming.done():
                    return coming.result()
                if stage.name != "loading" and not self.slow:
                    self.slow = True
                    self._child.give_way(_SLOW_NICENESS)
                now = self._child.cpu_seconds()
                left = 0.0 if now is None else seconds - (now - computed)
                if left <= _TICK_SECONDS or time.monotonic() - begun > _MOST_WAITING * seconds:
                    raise Overdue(stage, seconds)
        finally:
            coming.cancel()

    async def _event(self) -> TextEvent:
        return _decoder.decode(await next_frame(self._child.reader))
