"""A server with the page, whose answers a test writes: what it says, when it waits, and when it is gone."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from causerie.server.http.chat_routes import ChatRoutes
from causerie.server.http.failure_responses import Refusal
from causerie.server.http.gate import refused
from causerie.server.http.kept_chats import KeptChats
from causerie.server.http.page import RenderBody, page_routes, rendered
from causerie.server.processes.markdown.renderer import Renderer

Delta = dict[str, Any]
RIGHTS = {"may_choose": False, "may_download": False}  # as where a server was started without its options for that


class ScriptedServer:
    """Answers with `deltas`, or those `by_model`, one chunk and one token each, `pause` seconds apart; one with
    `prompt_progress` is told as that, and the `logprobs` of one stand beside it. While `paused` is true nothing is
    answered and no model is loaded. `refusal` is the error of the next answer, in its place; `context` what went before
    it. `chats` are those it keeps. `asked` has the bodies that came, `loaded` the models that were to be loaded."""

    def __init__(self) -> None:
        self.deltas: list[Delta] = [{"content": "Hello."}]
        self.by_model: dict[str, list[Delta]] = {}
        self.turns: list[list[Delta]] = []  # the next answers, where they are not all the same
        self.pause = 0.0
        self.break_after: int | None = None  # chunks before the connection is lost
        self.paused = False
        self.models: list[dict[str, Any]] = [{"id": "scripted", "status": "loaded", "context": 1000}]
        self.ending: dict[str, Any] = {"finish_reason": "stop"}
        self.chats: KeptChats | None = None
        self.refusal: dict[str, Any] | None = None
        self.context: dict[str, Any] | None = None
        self.asked: list[dict[str, Any]] = []
        self.tools: list[dict[str, Any]] = []
        self.called: list[dict[str, Any]] = []
        self.loaded: list[str] = []
        self.port = 0
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
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
            Route("/load_model", self._load, methods=["POST"]),
            Route("/render", self._render, methods=["POST"]),
            *ChatRoutes(self.chats).routes(_answered),
            Route("/library", self._library),
            Route("/library/downloads", self._downloads),
            Route("/tools", self._tools),
            Route("/tools/call", self._call, methods=["POST"]),
            *page_routes(),
        ]
        app = Starlette(routes=routes, lifespan=self._running)
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        """Closes the port."""
        assert self._server is not None and self._thread is not None and self._loop is not None
        asyncio.run_coroutine_threadsafe(self._renderer.close(), self._loop).result(10)
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    @asynccontextmanager
    async def _running(self, _: Starlette) -> AsyncIterator[None]:
        self._loop, self._renderer = asyncio.get_running_loop(), Renderer()
        yield

    async def _models(self, _: Request) -> Response:
        return JSONResponse({"data": self.models})

    async def _load(self, request: Request) -> Response:
        self.loaded.append(json.loads(await request.body())["model"])
        return StreamingResponse(self._loading(self.loaded[-1]), media_type="text/event-stream")

    async def _loading(self, model: str) -> AsyncIterator[str]:
        yield _event({"status": "loading", "model": model})
        while self.paused:
            await asyncio.sleep(0.02)
        yield _event({"status": "ready", "model": model})

    async def _library(self, _: Request) -> Response:
        return JSONResponse({"models": [], "suggested": [], "measuring": False, **RIGHTS})

    async def _downloads(self, _: Request) -> Response:
        return JSONResponse({"downloads": [], **RIGHTS})

    async def _tools(self, _: Request) -> Response:
        return JSONResponse({"tools": self.tools, "rounds": 3})

    async def _call(self, request: Request) -> Response:
        self.called.append(json.loads(await request.body()))
        while self.paused:
            await asyncio.sleep(0.02)
        return JSONResponse({"text": '{"celsius": 19.2}', "failed": False, "cut": False, "seconds": 0.42})

    async def _render(self, request: Request) -> Response:
        body = msgspec.json.decode(await request.body(), type=RenderBody)
        return JSONResponse(await rendered(body, self._renderer))

    async def _answer(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.asked.append(body)
        while self.paused:
            await asyncio.sleep(0.02)
        refusal, self.refusal = self.refusal, None
        if refusal is not None:
            return JSONResponse({"error": refusal}, 400)
        deltas = self.by_model.get(body["model"], self.deltas)
        return StreamingResponse(self._chunks(deltas), media_type="text/event-stream")

    async def _chunks(self, deltas: list[Delta]) -> AsyncIterator[str]:
        context = {} if self.context is None else {"context": self.context}
        yield _event({"choices": [{"index": 0, "delta": {"content": ""}}], "usage": _usage(0), **context})
        written = 0
        pieces = self.turns.pop(0) if self.turns else list(deltas)
        for place, delta in enumerate(pieces):
            if place == self.break_after:
                raise ConnectionError("the test wants it so")
            if "prompt_progress" in delta:
                yield _event({"choices": [{"index": 0, "delta": {}}], "usage": _usage(0), **delta})
            else:
                written += 1
                choice = {"index": 0, "delta": delta, "logprobs": delta.get("logprobs")}
                yield _event({"choices": [choice], "usage": _usage(written)})
            await asyncio.sleep(self.pause)
        yield _event({"choices": [{"index": 0, "delta": {}, **self.ending}], "usage": _usage(written)})
        yield _event({"choices": [], "usage": _usage(written)})
        yield "data: [DONE]\n\n"


def _answered(handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        try:
            response: Response = await handler(request)
        except Refusal as refusal:
            return refused(refusal, request.url.path)
        return response

    return answer


def _usage(written: int) -> dict[str, int]:
    return {"prompt_tokens": 300, "completion_tokens": written, "total_tokens": 300 + written}


def _event(value: Any) -> str:
    return f"data: {json.dumps(value)}\n\n"
