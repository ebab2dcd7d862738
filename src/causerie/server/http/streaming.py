"""An answer on its way to a client: the events of its jobs as they come, in the frames of a protocol.

Knows no route; what an answer looks like is each protocol's own affair.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from causerie.errors import CauserieError
from causerie.server.http.failure_responses import Envelope, FieldNames, Refusal, refusal_of
from causerie.server.processes.engine_link import Job

DONE = b"data: [DONE]\n\n"
_MOST_WAITING = 64  # events between the jobs of a stream and its client; more wait in the jobs
_MOST_TOGETHER = 64  # events that are written in one piece


class ProtocolAnswer(Protocol):
    """An answer while its events come: chat_completions.py and completions.py have one each."""

    @property
    def over(self) -> bool:
        """Whether all of it has come."""
        ...

    def read(self, place: int, event: Any) -> list[dict[str, Any]]:
        """Takes an event of the order at this place; gives the chunks of a stream."""
        ...

    def whole(self) -> dict[str, Any]:
        """All of it in one piece."""
        ...


def plain_event(value: Any) -> bytes:
    """An event that is data alone, as OpenAI's older protocols stream."""
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def named_event(value: Any) -> bytes:
    """An event with its type as its name."""
    return b"event: " + str(value["type"]).encode() + b"\n" + plain_event(value)


def line(value: Any) -> bytes:
    """A line of JSON, as Ollama's protocol streams."""
    return bytes(msgspec.json.encode(value)) + b"\n"


def response_error(refusal: Refusal) -> dict[str, Any]:
    """A failure within a stream of /v1/responses."""
    error = refusal.body()["error"]
    return {
        "type": "error",
        "code": error["code"],
        "message": error["message"],
        "param": error["param"],
        "sequence_number": 0,
    }


@dataclass(frozen=True)
class Frames:
    """How a protocol streams: an event's bytes, the mark of the end, a failure as an event, and its names of fields."""

    event: Callable[[Any], bytes]
    end: bytes
    error: Envelope
    names: FieldNames
    kind: str = "text/event-stream"  # of the content


async def _together(jobs: list[Job]) -> AsyncGenerator[tuple[int, Any], None]:
    """The events of several jobs as they come, each with its job's place. Raises what a job failed with."""
    inbox: asyncio.Queue[tuple[int, Any]] = asyncio.Queue(_MOST_WAITING)

    async def follow(place: int, job: Job) -> None:
        try:
            while True:
                await inbox.put((place, await job.next()))
        except CauserieError as error:
            await inbox.put((place, error))

    following = [asyncio.create_task(follow(place, job)) for place, job in enumerate(jobs)]
    try:
        while True:
            place, event = await inbox.get()
            if isinstance(event, CauserieError):
                raise event
            yield place, event
    finally:
        for task in following:
            task.cancel()


async def _chunks(jobs: list[Job], answer: ProtocolAnswer) -> AsyncGenerator[list[dict[str, Any]], None]:
    """What an answer sends for the events of its jobs, until it is over; what has come by then at a time."""
    if len(jobs) == 1:
        while not answer.over:
            event: Any = await jobs[0].next()
            chunks: list[dict[str, Any]] = []
            read = 0
            while event is not None:
                chunks += answer.read(0, event)
                read += 1
                event = None if answer.over or read == _MOST_TOGETHER else jobs[0].at_once()
            yield chunks
        return
    async with aclosing(_together(jobs)) as events:
        while not answer.over:
            place, event = await anext(events)
            yield answer.read(place, event)


async def read_all(jobs: list[Job], answer: ProtocolAnswer) -> ProtocolAnswer:
    """The answer, read to its end. Raises what a job failed with."""
    async with aclosing(_chunks(jobs, answer)) as chunks:
        async for _ in chunks:
            pass
    return answer


async def stream_of(
    jobs: list[Job], answer: ProtocolAnswer, first: list[dict[str, Any]], stack: AsyncExitStack, frames: Frames
) -> AsyncIterator[bytes]:
    """The stream of an answer: chunks, perhaps an error, and the mark of the end."""
    async with stack, aclosing(_chunks(jobs, answer)) as chunks:
        if first:
            yield b"".join(map(frames.event, first))
        try:
            async for some in chunks:
                if some:
                    yield b"".join(map(frames.event, some))
        except CauserieError as error:
            yield frames.event(frames.error(refusal_of(error, frames.names)))
    if frames.end:
        yield frames.end
