"""One connection of a client: its requests' heads and bodies may have so many bytes and take so long.

uvicorn's protocol over a parser in C, with limits that it leaves out. Knows no route.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from causerie.server.http.failure_responses import Refusal, envelope_of

MOST_HEAD = 32 << 10  # bytes of a request's line and headers
MOST_HEADERS = 100
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
IDLE_SECONDS = 75  # of a connection between two requests
STALL_SECONDS = 60.0  # of a client that reads nothing of what is written to it


class _TooLarge(Exception):
    """A head beyond the limits; raised through the parser."""


class Connection(HttpToolsProtocol):
    """uvicorn makes one for each connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._reading_head = True
        self._head_bytes = 0  # that have come since the last head was whole
        self._counted = 0  # of them, that the parser has told
        self._refused = False
        self.url = b""  # of the request, as far as it has come
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head is waited for."""
        super().connection_made(transport)
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._wait(None)
        self._unstall()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts a head's bytes however they are cut."""
        if self._refused:
            return
        if self._reading_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._reading_head and self._head_bytes > MOST_HEAD:
            self._refuse(_too_large(f"more than {MOST_HEAD} bytes"))

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._reading_head = True
        self._counted = 0
        self._wait(HEAD_SECONDS)

    def on_url(self, url: bytes) -> None:
        """A part of the first line."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One whole header."""
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """The head is there; a body may follow, unless an earlier request has not been answered yet."""
        self._reading_head, self._head_bytes = False, 0
        earlier = self.cycle is not None and not self.cycle.response_complete
        super().on_headers_complete()
        self._wait(None if earlier else BODY_SECONDS)

    def on_message_complete(self) -> None:
        """The body is there."""
        super().on_message_complete()
        self._wait(None)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        super().pause_writing()
        self._stalled = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        self._unstall()

    def send_400_response(self, msg: str) -> None:
        """What the parser refused: what is no HTTP, or a head that is too large."""
        if not self._refused:
            self._refuse(Refusal(400, "The request is not HTTP.", code="invalid_http"))

    def _count(self, size: int) -> None:
        self._counted += size
        if self._counted > MOST_HEAD:
            self._refuse(_too_large(f"more than {MOST_HEAD} bytes"))
        elif len(self.headers) > MOST_HEADERS:
            self._refuse(_too_large(f"more than {MOST_HEADERS} headers"))
        if self._refused:
            raise _TooLarge

    def _unstall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _wait(self, seconds: float | None) -> None:
        """For what must have come by then."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        answering = self.cycle is not None and self.cycle.response_started
        if answering or not (self._head_bytes or (self.cycle is not None and self.cycle.more_body)):
            self.transport.close()  # nothing was asked, or the client ignores its answer: there is nobody to tell
        else:
            self._refuse(Refusal(408, "The request took too long to arrive.", code="request_timeout"))

    def _refuse(self, refusal: Refusal) -> None:
        """Answers in place of the application and closes."""
        self._refused = True
        self._wait(None)
        body = msgspec.json.encode(envelope_of(self.url.partition(b"?")[0].decode("latin-1"))(refusal))
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[refusal.status] + head + body)
        self.transport.close()


def _too_large(what: str) -> Refusal:
    return Refusal(431, f"The request's line and headers have {what}.", code="headers_too_large")
