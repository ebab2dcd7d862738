"""Prompts made in a process that can be killed: what the engine's process asks for tokens.

Keeps one `prompt_process` running and gives it one chat after the other, each with a limit of time. Knows no template.
"""

from __future__ import annotations

import asyncio

import msgspec

from causerie.errors import EngineError, TemplateError
from causerie.server.child import Child
from causerie.server.failures import error_of
from causerie.server.frames import LENGTH, packed
from causerie.server.orders import Prompt
from causerie.server.prompt_process import PromptOrder, PromptReply

SECONDS = 10.0  # for one prompt, once its turn has come; a second tokenizes some millions of characters
STARTING_SECONDS = 60.0  # for the first prompt of a model, which loads its tokenizer


class Prompts:
    """One prompt process, started when first needed and again after it was killed."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._child: Child | None = None
        self._turn = asyncio.Lock()
        self._known: set[str] = set()  # folders whose tokenizer the process has loaded

    async def tokens(self, folder: str, prompt: Prompt, whole_text: bool = False) -> tuple[list[int], str]:
        """The tokens of a prompt and the end of its text. Raises what the chat's template or tokenizer says, and
        TemplateError where it took too long."""
        async with self._turn:
            if self._child is None:
                self._child = await Child.start("causerie.server.prompt_process")
            order = packed(PromptOrder(folder, prompt, whole_text))
            limit = self._seconds if folder in self._known else STARTING_SECONDS
            try:
                reply = await asyncio.wait_for(_ask(self._child, order), limit)
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

    async def close(self) -> None:
        """Kills the process."""
        child, self._child = self._child, None
        self._known.clear()
        if child is not None:
            child.writer.close()
            if child.process.returncode is None:
                child.process.kill()
            await child.process.wait()


async def _ask(child: Child, order: bytes) -> PromptReply:
    child.writer.write(order)
    await child.writer.drain()
    (length,) = LENGTH.unpack(await child.reader.readexactly(LENGTH.size))
    return msgspec.json.decode(await child.reader.readexactly(length), type=PromptReply)
