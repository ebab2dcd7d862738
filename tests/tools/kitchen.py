"""An MCP server for tests: `python kitchen.py [PORT]`, over standard input and output or over HTTP on a port."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from mcp.server.mcpserver import Image, MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("kitchen")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def temperature(room: str) -> str:
    """Reads the thermometer in one room."""
    return f'{{"room": "{room}", "celsius": 19.2}}'


@server.tool()
def burn(what: str) -> str:
    """Burns something, which cannot be done."""
    raise ValueError(f"{what} does not burn")


@server.tool()
def recite(characters: int) -> str:
    """Says a lot."""
    return "x" * characters


@server.tool()
def picture() -> list[str | Image]:
    """Takes a picture."""
    return ["the oven:", Image(data=b"\x89PNG", format="png")]


@server.tool()
def wait(seconds: float, sign: str) -> str:
    """Writes the file `sign`, then waits without listening to anybody."""
    Path(sign).write_text(str(os.getpid()))
    time.sleep(seconds)
    return "waited"


@server.tool()
def leave() -> str:
    """Ends this server at once."""
    os._exit(3)


@server.tool()
def process() -> int:
    """The number of this process."""
    return os.getpid()


@server.tool()
def secret() -> str:
    """What the environment says."""
    return os.environ.get("KITCHEN_SECRET", "nothing")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run(transport="streamable-http", port=int(sys.argv[1]))
    else:
        server.run(transport="stdio")
