"""`/tools`: the tools of the MCP servers that this server was started with, for its page: listed, and called.

Who asks has been asked: the page shows each call to its user first. No answer calls a tool of itself, and other clients
are told of none. Knows no model.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.errors import UnknownName
from causerie.server.http.admission import Places
from causerie.server.http.departure import unless_left
from causerie.server.http.failure_responses import Refusal
from causerie.server.http.request_body import read_body
from causerie.server.http.route_responses import GONE, Answered, json_response
from causerie.tools.tool import MOST_ROUNDS, Tool, ToolResult
from causerie.tools.toolbox import Toolbox

MOST_CALLS = 8  # at once


class ToolCallBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of /tools/call: a tool's name as /tools has it, and a JSON object."""

    name: str
    arguments: dict[str, Any] = {}


class ToolRoutes:
    """The routes over the tools of a server, of which there are none where nobody named any."""

    def __init__(self, toolbox: Toolbox | None) -> None:
        self._toolbox = toolbox
        self._places = Places(MOST_CALLS, f"{MOST_CALLS} tools are being called; try again.", retry_after=1)

    def routes(self, answered: Answered) -> list[Route]:
        """All of them, with failures told as the server tells them."""
        return [
            Route("/tools", answered(self.tools), methods=["GET"]),
            Route("/tools/call", answered(self.call), methods=["POST"]),
        ]

    async def tools(self, _: Request) -> Response:
        """GET /tools."""
        tools = [] if self._toolbox is None else list(self._toolbox.tools.values())
        return json_response({"tools": [_described(tool) for tool in tools], "rounds": MOST_ROUNDS})

    async def call(self, request: Request) -> Response:
        """POST /tools/call. A tool that fails is an answer, which the model reads; a client that goes ends its call."""
        body = await read_body(request, ToolCallBody)
        if self._toolbox is None:
            sentence = "This server has no tools: it was not started with --mcp FILE."
            raise Refusal(404, sentence, param="name", code="tool_not_found")
        try:
            with self._places.enter():
                result = await unless_left(request, _result(self._toolbox, body))
        except UnknownName as error:
            raise Refusal(404, str(error), param="name", code="tool_not_found") from None
        return GONE if result is None else json_response(vars(result))


async def _result(toolbox: Toolbox, body: ToolCallBody) -> ToolResult:
    return await asyncio.wrap_future(toolbox.call(body.name, body.arguments))


def _described(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "server": tool.server,
        "description": tool.description,
        "purpose": tool.purpose,
        "parameters": tool.parameters,
        "reads_only": tool.reads_only,
    }
