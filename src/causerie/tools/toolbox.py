"""The tools of all servers that a file names: begun together in a thread of their own, called from any other.

Knows who has which tool, and not who may call it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from causerie.errors import UsageError, unknown
from causerie.tools.server_connection import CALL_SECONDS, START_SECONDS, ServerConnection
from causerie.tools.server_list import ToolServer, faults_error, read_servers
from causerie.tools.tool import Tool, ToolResult, tool_name

Result = TypeVar("Result")
_MOST_DESCRIPTION = 1024  # characters of a tool's, of which a model reads every one in every chat


class Toolbox:
    """Open until `close`. One that is not closed ends with the process, and its servers with it."""

    def __init__(
        self, servers: Sequence[ToolServer], start_seconds: float = START_SECONDS, call_seconds: float = CALL_SECONDS
    ) -> None:
        """Begins nothing yet."""
        self._loop = asyncio.new_event_loop()
        self._connections = [ServerConnection(each, start_seconds, call_seconds) for each in servers]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="tool servers")
        self._thread.start()

    @staticmethod
    def open(file: Path) -> Toolbox:
        """All servers of a file, begun. Raises UsageError with all that is wrong with the file, or with them."""
        servers = read_servers(file)
        if importlib.util.find_spec("mcp") is None:
            raise UsageError("--mcp needs a package that is not installed here: pip install 'causerie[mcp]'")
        logging.getLogger("mcp").setLevel(logging.CRITICAL)  # what is wrong is said in results
        toolbox = Toolbox(servers)
        try:
            toolbox.start(file)
        except BaseException:
            toolbox.close()
            raise
        return toolbox

    def start(self, file: Path) -> None:
        """Begins all servers, side by side. Raises UsageError with every fault; `file` is what named them."""
        done = self._waited(self._started())
        faults = [f"{each.server.name}: {fault}" for each, fault in zip(self._connections, done, strict=True) if fault]
        if faults:
            raise faults_error(file, faults)

    @property
    def servers(self) -> list[str]:
        """Their names, in the file's order."""
        return [each.server.name for each in self._connections]

    @property
    def tools(self) -> dict[str, Tool]:
        """All tools by the names that models call them."""
        return {name: tool for name, (tool, _) in self._homes().items()}

    def call(self, name: str, arguments: dict[str, Any]) -> Future[ToolResult]:
        """What comes of a call; cancelling the future ends it. Raises UnknownName."""
        homes = self._homes()
        if name not in homes:
            raise unknown("tool", name, homes)
        tool, connection = homes[name]
        return asyncio.run_coroutine_threadsafe(connection.call(tool.own_name, arguments), self._loop)

    def close(self) -> None:
        """Ends all servers, with what they started; waits for it."""
        if self._loop.is_closed():
            return
        self._waited(self._closed())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Toolbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _homes(self) -> dict[str, tuple[Tool, ServerConnection]]:
        """The tools, and who has them."""
        homes: dict[str, tuple[Tool, ServerConnection]] = {}
        for connection in self._connections:
            server = connection.server.name
            for each in connection.tools:
                name = tool_name(server, each.name, homes)
                description = (each.description or each.title or "").strip()[:_MOST_DESCRIPTION]
                reads_only = bool(each.annotations and each.annotations.read_only_hint)
                parameters = each.input_schema
                homes[name] = (Tool(name, server, each.name, description, parameters, reads_only), connection)
        return homes

    def _waited(self, work: Coroutine[Any, Any, Result]) -> Result:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:  # Ctrl-C
            future.cancel()
            raise

    async def _started(self) -> list[str | None]:
        done = await asyncio.gather(*(each.start() for each in self._connections), return_exceptions=True)
        for each in done:
            if isinstance(each, BaseException) and not isinstance(each, UsageError):
                raise each
        return [str(each) if isinstance(each, UsageError) else None for each in done]

    async def _closed(self) -> None:
        await asyncio.gather(*(each.close() for each in self._connections))
