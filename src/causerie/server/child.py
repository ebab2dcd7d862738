"""Starts a process of the server and connects to it: one end of a socket pair is its first argument.

Knows what no process does.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Child:
    """A process that runs a module of the package, and the connection to it."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @staticmethod
    async def start(module: str, *arguments: str) -> Child:
        """Runs `python -m module FD arguments…`."""
        here, there = socket.socketpair()
        with there:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                str(there.fileno()),
                *arguments,
                pass_fds=[there.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
            )
        reader, writer = await asyncio.open_connection(sock=here)
        return Child(process, reader, writer)
