"""The connection to one MCP server: begun, asked, begun again where it has ended, and closed with all it started.

Belongs to one event loop. Knows no other server and nobody who asks.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import causerie
from causerie.errors import UsageError
from causerie.tools.last_lines import LastLines
from causerie.tools.result_text import bounded, result_of
from causerie.tools.server_list import AddressServer, CommandServer, ToolServer
from causerie.tools.tool import ToolResult

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams
    from mcp.client.client import Client
    from mcp_types import Tool as ServerTool

START_SECONDS = 30.0
"""In which a server must have said what tools it has; some fetch their program first."""
CALL_SECONDS = 120.0
_MOST_TOOLS = 200  # of one server
_MOST_REASON = 500  # characters


class ServerConnection:
    """Calls that fail are results that say so, for a model reads them; only a server that cannot be begun raises."""

    def __init__(
        self, server: ToolServer, start_seconds: float = START_SECONDS, call_seconds: float = CALL_SECONDS
    ) -> None:
        self.server = server
        self.tools: list[ServerTool] = []
        """What the server had when it was last begun."""
        self._start_seconds = start_seconds
        self._call_seconds = call_seconds
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()  # of the present run: it has ended, or shall
        self._turn = asyncio.Lock()

    async def start(self) -> Client:
        """Begins it, where it does not run. Raises UsageError, with what it said."""
        async with self._turn:
            if self._client is not None and not self._over.is_set():
                return self._client
            await self._end()
            ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
            self._over = asyncio.Event()
            self._task = asyncio.create_task(self._run(ready, self._over))
            return await asyncio.shield(ready)  # who gives up leaves the server to those who ask next

    async def call(self, own_name: str, arguments: dict[str, Any]) -> ToolResult:
        """What came of a call."""
        from mcp.shared.exceptions import MCPError

        begun = time.monotonic()
        try:
            client = await self.start()
            begun = time.monotonic()
            async with asyncio.timeout(self._call_seconds):
                answer = await client.call_tool(own_name, arguments)
        except UsageError as error:
            return bounded(f"The server of this tool cannot be begun again: {error}", failed=True)
        except TimeoutError:
            sentence = f"The tool did not answer within {self._call_seconds:g} s."
            return bounded(sentence, time.monotonic() - begun, failed=True)
        except MCPError as error:
            reason = "The server of this tool ended while it was asked." if self._over.is_set() else str(error)
            return bounded(reason, time.monotonic() - begun, failed=True)
        except Exception as error:  # noqa: BLE001 - of whatever kind: it is the other program's
            self._over.set()  # an address is connected to anew
            return bounded(f"The tool failed: {_reason(error)}", time.monotonic() - begun, failed=True)
        return result_of(answer, time.monotonic() - begun)

    async def close(self) -> None:
        """Ends it, with what it started."""
        async with self._turn:
            await self._end()

    async def _end(self) -> None:
        self._over.set()
        if self._task is not None:
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self, ready: asyncio.Future[Client], over: asyncio.Event) -> None:
        """One run, from its beginning to its end, in one task, as its scopes want it."""
        from mcp.client.client import Client
        from mcp_types import Implementation

        lines = None
        if isinstance(self.server, CommandServer):
            lines = LastLines()
            transport = _by_command(self.server, lines, over)
        else:
            transport = _by_address(self.server)
        try:
            async with asyncio.timeout(self._start_seconds) as limit:
                info = Implementation(name="causerie", version=causerie.__version__)
                async with Client(transport, client_info=info, cache=None) as client:
                    self.tools = await _tools_of(client)
                    limit.reschedule(None)
                    self._client = client
                    ready.set_result(client)
                    await over.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(UsageError(self._fault(error, "" if lines is None else lines.last())))
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self._client = None
            over.set()

    def _fault(self, error: BaseException, said: str) -> str:
        """Why it cannot be begun, and what it said last."""
        what = (
            f"it did not answer within {self._start_seconds:g} s"
            if isinstance(error, TimeoutError)
            else "it ended before it answered"
            if isinstance(self.server, CommandServer)
            else f"{self.server.url} does not answer as an MCP server: {_reason(error)}"
        )
        return f"{what}. It said: {said}" if said else f"{what}."


async def _tools_of(client: Client) -> list[ServerTool]:
    """All pages of the list."""
    tools: list[ServerTool] = []
    cursor: str | None = None
    while len(tools) < _MOST_TOOLS:
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools[:_MOST_TOOLS]


def _reason(error: BaseException) -> str:
    """What the first of the errors says that came together."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return (str(error) or type(error).__name__)[:_MOST_REASON]


@asynccontextmanager
async def _by_address(server: AddressServer) -> AsyncIterator[TransportStreams]:
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client

    async with (
        create_mcp_http_client(dict(server.headers)) as http,
        streamable_http_client(server.url, http_client=http) as streams,
    ):
        yield streams


@asynccontextmanager
async def _by_command(server: CommandServer, lines: LastLines, over: asyncio.Event) -> AsyncIterator[TransportStreams]:
    """Speaks to a program, and sets `over` when it has closed its output."""
    import anyio
    from mcp.client.stdio import StdioServerParameters, stdio_client
    from mcp.shared.message import SessionMessage

    launch = str(Path(__file__).with_name("launch.py"))
    args = ["-I", "-S", launch, str(os.getpid()), server.command, *server.args]
    parameters = StdioServerParameters(command=sys.executable, args=args, env=dict(server.env), cwd=server.cwd)
    async with stdio_client(parameters, lines.writer) as (read, write):
        lines.close()
        sender, receiver = anyio.create_memory_object_stream[SessionMessage | Exception](0)

        async def forward() -> None:
            async with sender:
                async for message in read:
                    await sender.send(message)
            over.set()

        async with anyio.create_task_group() as tasks, receiver:
            tasks.start_soon(forward)
            try:
                yield receiver, write
            finally:
                tasks.cancel_scope.cancel()
