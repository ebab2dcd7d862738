"""Starts a process of the server and connects to it: one end of a socket pair is its first argument.

Knows what no process does.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Child:
    """A process that runs a module of the package, and the connection to it."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def cpu_seconds(self) -> float | None:
        """How long it has computed, on all cores together; None where the system does not say."""
        try:
            # After the name in brackets, which may hold anything, the 12th and 13th field count ticks (proc(5)).
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return None

    def give_way(self, niceness: int) -> None:
        """From now on it computes when others do not; that cannot be taken back."""
        with suppress(OSError):  # it has ended
            os.setpriority(os.PRIO_PROCESS, self.process.pid, niceness)

    async def kill(self) -> None:
        """Ends the process and the connection, whatever it does."""
        self.writer.close()
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.kill()
        await self.process.wait()
        with suppress(OSError):  # the other side was quicker
            await self.writer.wait_closed()

    @staticmethod
    async def start(module: str, *arguments: str) -> Child:
        """Runs `python -m module FD arguments…`. Who stops waiting leaves nothing behind: a process that has begun ends
        when its connection is closed."""
        here, there = socket.socketpair()
        try:
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
        except BaseException:
            here.close()
            raise
        return Child(process, reader, writer)
