"""The text of attached files, taken in processes that can be killed: what the route asks.

Each file has a process of its own, two of them at a time, which ends with it: what one file does to its process reaches
no other file. Knows no HTTP.
"""

from __future__ import annotations

import asyncio

import msgspec

from causerie.errors import UsageError
from causerie.server.processes.child import Child
from causerie.server.processes.documents.document_process import DocumentReply
from causerie.server.processes.documents.document_text import DocumentText
from causerie.server.processes.frames import frame_of, next_frame

SECONDS = 30.0  # for one file; a PDF that takes long between two pages is cut before that
_AT_ONCE = 2
_NICENESS = 10  # answers come first


class DocumentReader:
    """Starts a process for each file. All methods belong to one event loop."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def text(self, data: bytes) -> DocumentText:
        """The text of a file. Raises UsageError where there is none, or where it takes too long. Who stops waiting has
        the process killed."""
        async with self._places:
            child = await Child.start("causerie.server.processes.documents.document_process")
            try:
                child.give_way(_NICENESS)
                async with asyncio.timeout(self._seconds):
                    reply = await _reply(child, data)
            except TimeoutError:
                sentence = f"The file took more than {self._seconds:.0f} s to read. Attach a part of it, or its text."
                raise UsageError(sentence) from None
            except (OSError, asyncio.IncompleteReadError):
                raise UsageError("The file cannot be read: that takes too much memory. Attach its text.") from None
            finally:
                await child.kill()
        if reply.document is None:
            raise UsageError(reply.fault)
        return reply.document


async def _reply(child: Child, data: bytes) -> DocumentReply:
    child.writer.write(frame_of(data))
    return msgspec.json.decode(await next_frame(child.reader), type=DocumentReply)
