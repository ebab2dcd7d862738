"""Prompts made in a process that can be killed: what the engine's process asks for tokens.

Keeps one `prompt_process` running and gives it one chat after the other, each with a limit of time. Knows no template.
"""

from __future__ import annotations

import asyncio
import socket
import sys

import msgspec

from causerie.errors import EngineError, TemplateError
from causerie.server.failures import error_of
from causerie.server.orders import Prompt
from causerie.server.prompt_process import LENGTH, PromptOrder, PromptReply

SECONDS = (
    10.0  # for one prompt, once its turn has come; a long one is tokenized at some millions of characters a second
)
STARTING_SECONDS = 60.0  # for the first prompt of a model, which loads its tokenizer


class Prompts:
    """One prompt process, started when first needed and again after it was killed."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._turn = asyncio.Lock()
        self._known: set[str] = set()  # folders whose tokenizer the process has loaded

    async def tokens(self, folder: str, prompt: Prompt, whole_text: bool = False) -> tuple[list[int], str]:
        """The tokens of a prompt and the end of its text. Raises what the chat's template or tokenizer says, and
        TemplateError where it took too long."""
        async with self._turn:
            if self._process is None:
                await self._start()
            order = msgspec.json.encode(PromptOrder(folder, prompt, whole_text))
            limit = self._seconds if folder in self._known else STARTING_SECONDS
            try:
                reply = await asyncio.wait_for(self._ask(order), limit)
            except TimeoutError:
                await self.close()
                raise TemplateError(
                    f"The chat template did not finish within {limit:g} s and was stopped. Shorten the chat, or take a "
                    "model with another template."
                ) from None
            except (OSError, asyncio.IncompleteReadError) as fault:
                await self.close()
                raise EngineError("The process that renders chat templates ended; ask again.") from fault
            except asyncio.CancelledError:
                await self.close()  # its reply must not be taken for the next one's
                raise
        self._known.add(folder)
        if reply.kind:
            raise error_of(reply.kind, reply.message)
        return reply.tokens, reply.text

    async def _start(self) -> None:
        here, there = socket.socketpair()
        with there:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "causerie.server.prompt_process",
                str(there.fileno()),
                pass_fds=[there.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
            )
        self._reader, self._writer = await asyncio.open_connection(sock=here)

    async def _ask(self, order: bytes) -> PromptReply:
        if self._reader is None or self._writer is None:
            raise EngineError("The process that renders chat templates is not running; ask again.")
        self._writer.write(LENGTH.pack(len(order)) + order)
        await self._writer.drain()
        (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
        return msgspec.json.decode(await self._reader.readexactly(length), type=PromptReply)

    async def close(self) -> None:
        """Kills the process."""
        process, self._process = self._process, None
        self._known.clear()
        if self._writer is not None:
            self._writer.close()
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()
