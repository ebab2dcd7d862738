"""A server with the page, whose answers a test writes: what it says, when it waits, and when it is gone."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from causerie.server.page import RenderBody, page_routes, rendered
from causerie.server.renderer import Renderer

Delta = dict[str, Any]


class ScriptedServer:
    """Answers with `deltas`, one chunk each, `pause` seconds apart; `asked` has the bodies that came."""

    def __init__(self) -> None:
        self.deltas: list[Delta] = [{"content": "Hello."}]
        self.pause = 0.0
        self.break_after: int | None = None  # chunks before the connection is lost
        self.asked: list[dict[str, Any]] = []
        self.port = 0
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._renderer = Renderer()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Listens, on the same port as before if there was one."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        routes = [
            Route("/v1/models", self._models),
            Route("/v1/chat/completions", self._answer, methods=["POST"]),
            Route("/render", self._render, methods=["POST"]),
            *page_routes(),
        ]
        config = uvicorn.Config(Starlette(routes=routes, lifespan=self._running), log_level="critical", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        """Closes the port."""
        assert self._server is not None and self._thread is not None
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    @asynccontextmanager
    async def _running(self, _: Starlette) -> AsyncIterator[None]:
        self._renderer = Renderer()
        yield
        await self._renderer.close()

    async def _models(self, _: Request) -> Response:
        return JSONResponse({"data": [{"id": "scripted", "status": "loaded", "context": 1000}]})

    async def _render(self, request: Request) -> Response:
        body = msgspec.json.decode(await request.body(), type=RenderBody)
        return JSONResponse(await rendered(body, self._renderer))

    async def _answer(self, request: Request) -> Response:
        self.asked.append(json.loads(await request.body()))
        return StreamingResponse(self._chunks(), media_type="text/event-stream")

    async def _chunks(self) -> AsyncIterator[str]:
        for place, delta in enumerate(list(self.deltas)):
            if place == self.break_after:
                raise ConnectionError("the test wants it so")
            yield _event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            await asyncio.sleep(self.pause)
        yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield _event({"choices": [], "usage": {"total_tokens": 500, "completion_tokens": len(self.deltas)}})
        yield "data: [DONE]\n\n"


def _event(value: Any) -> str:
    return f"data: {json.dumps(value)}\n\n"
