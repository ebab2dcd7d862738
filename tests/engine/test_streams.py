"""The two ends of a stream by themselves: what is taken from it, and when it says that no more is wanted."""

from __future__ import annotations

import asyncio
import gc
from queue import SimpleQueue

import pytest

from causerie.engine.async_stream import AsyncStream
from causerie.engine.request import FinishReason, RequestStats, TokenEvent
from causerie.engine.stream import Message, Stream
from causerie.errors import EngineError


def event(token: int, reason: FinishReason | None = None) -> TokenEvent:
    return TokenEvent(7, token, reason)


def stream_of(*messages: Message) -> tuple[Stream, list[int]]:
    """A stream that has these messages, and the requests that it cancels."""
    inbox: SimpleQueue[Message] = SimpleQueue()
    for message in messages:
        inbox.put(message)
    cancelled: list[int] = []
    return Stream(7, inbox, cancelled.append), cancelled


def test_a_stream_that_was_read_to_its_end_cancels_nothing() -> None:
    stream, cancelled = stream_of(event(1), event(2, "stop"), event(3))
    assert [each.token for each in stream] == [1, 2]
    stream.close()
    del stream
    gc.collect()
    assert cancelled == []


def test_a_stream_is_cancelled_once() -> None:
    stream, cancelled = stream_of(event(1), event(2))
    with stream:
        assert next(stream).token == 1
    assert cancelled == [7]
    stream.close()
    assert list(stream) == []
    del stream
    gc.collect()
    assert cancelled == [7]


def test_a_stream_that_is_dropped_is_cancelled() -> None:
    stream, cancelled = stream_of(event(1), event(2))
    next(stream)
    del stream
    gc.collect()
    assert cancelled == [7]


def test_after_a_fault_there_is_nothing_to_cancel() -> None:
    stream, cancelled = stream_of(event(1), EngineError("scripted"), event(2))
    assert next(stream).token == 1
    with pytest.raises(EngineError, match="scripted"):
        next(stream)
    assert list(stream) == []
    stream.close()
    assert cancelled == []


def awaited(*messages: Message, submitted: bool = True, closed: int = 0) -> tuple[list[int | None], list[int]]:
    """The tokens that an AsyncStream gives of these messages up to its end or fault, where it is not closed first; and
    the requests that it has cancelled once it is dropped."""
    cancelled: list[int] = []

    async def read() -> list[int | None]:
        stream = AsyncStream(cancelled.append)
        if submitted:
            stream.request = 0
        put = stream.inbox()
        for message in messages:
            put(message)
        for _ in range(closed):
            await stream.aclose()
        tokens: list[int | None] = []
        if submitted:
            with pytest.raises((StopAsyncIteration, EngineError)):
                while True:
                    tokens.append((await asyncio.wait_for(anext(stream), 20)).token)
        return tokens

    tokens = asyncio.run(read())
    gc.collect()
    return tokens, cancelled


def test_an_async_stream_cancels_what_is_left_and_once() -> None:
    assert awaited(event(1), event(2, "stop"), event(3)) == ([1, 2], [])
    assert awaited(event(1), EngineError("scripted"), event(3)) == ([1], [])
    assert awaited(event(1), closed=1) == ([], [0])
    assert awaited(event(1), event(2, "stop"), closed=2) == ([], [0])


def test_an_async_stream_that_never_was_submitted_has_nothing_to_cancel() -> None:
    assert awaited(submitted=False) == ([], [])
    assert awaited(submitted=False, closed=1) == ([], [])


def test_an_async_stream_that_is_dropped_is_cancelled() -> None:
    cancelled: list[int] = []

    async def drop() -> None:
        stream = AsyncStream(cancelled.append)
        stream.request = 0
        stream.inbox()(event(1))
        assert (await anext(stream)).token == 1

    asyncio.run(drop())
    gc.collect()
    assert cancelled == [0]


def test_what_comes_after_the_loop_was_closed_is_nobodys() -> None:
    """The engine's thread goes on."""

    async def inbox() -> object:
        return AsyncStream(lambda _: None).inbox()

    put = asyncio.run(inbox())
    assert callable(put)
    put(event(1))


def test_without_a_loop_there_is_no_async_stream() -> None:
    """And no warning of one that was half made."""
    with pytest.raises(RuntimeError, match="no running event loop"):
        AsyncStream(lambda _: None)
    gc.collect()


def test_what_a_request_has_cost_is_known_once_the_engine_says_it() -> None:
    cost = RequestStats(4, 0, 2, 0.1, 0.2, 0)
    inbox: SimpleQueue[Message] = SimpleQueue()
    stream = Stream(7, inbox, lambda _: None)
    inbox.put(event(1))
    inbox.put(event(2))
    assert next(stream).token == 1
    assert stream.stats is None and next(stream).token == 2  # nothing was taken from who reads
    stream.close()
    inbox.put(event(3))
    assert stream.stats is None
    inbox.put(TokenEvent(7, None, "cancelled", stats=cost))
    assert stream.stats is cost and stream.stats is cost
    read = stream_of(TokenEvent(7, 1, "stop", stats=cost))[0]
    assert [each.token for each in read] == [1] and read.stats is cost
    failed, _ = stream_of(event(1), EngineError("scripted"))
    failed.close()
    assert failed.stats is None
