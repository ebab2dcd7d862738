"""Markdown as HTML, rendered in a process that can be killed: what the page's route asks.

Keeps one `markdown_process` running and gives it one list of texts after the other. Whatever cannot be rendered in
time is shown as it was written: a text that takes long costs nobody more than the time of one request. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
from html import escape

import msgspec

from causerie.server.processes.child import Child
from causerie.server.processes.frames import frame_of, next_frame

MOST_CHARACTERS = 100_000  # of one text; longer ones are shown as they are
SECONDS = 1.0  # for one list of texts, with the time in line
STARTING_SECONDS = 20.0  # for the process to begin


class Renderer:
    """One process, started when first needed and again after it was killed. All methods belong to one event loop."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._child: Child | None = None
        self._turn = asyncio.Lock()
        self._beginning = asyncio.Lock()
        self._closed = False

    async def html(self, texts: list[str]) -> list[str]:
        """The HTML of each text: rendered and safe, or, where it is too long or takes too long, the text itself."""
        results = {place: plain(text) for place, text in enumerate(texts) if len(text) > MOST_CHARACTERS}
        places = [place for place in range(len(texts)) if place not in results]
        for place, html in zip(places, await self._rendered([texts[place] for place in places]), strict=False):
            results[place] = html
        return [results[place] if place in results else plain(text) for place, text in enumerate(texts)]

    async def close(self) -> None:
        """Kills the process; what is asked for afterwards is shown as it was written."""
        self._closed = True
        async with self._beginning:
            await self._end()

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    async def _rendered(self, texts: list[str]) -> list[str]:
        """The HTML of as many first texts as there is time for; that in which the process starts is not counted."""
        done: list[str] = []
        if not texts:
            return done
        try:
            async with asyncio.timeout(STARTING_SECONDS):
                await self._begun()
            async with asyncio.timeout(self._seconds), self._turn:
                try:
                    child = await self._begun()  # again, where the one before in line had it killed
                    child.writer.write(frame_of(msgspec.json.encode(texts)))
                    for _ in texts:
                        done.append(await _read(child))
                finally:
                    if len(done) < len(texts):
                        await self._end()  # its next words must not be taken for those of another list
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass  # the rest is shown as it was written
        return done

    async def _begun(self) -> Child:
        """The process, ready for texts."""
        async with self._beginning:
            if self._closed:
                raise ConnectionResetError("the server ends")
            if self._child is None:
                child = await Child.start("causerie.server.processes.markdown.markdown_process")
                try:
                    await _read(child)
                except BaseException:
                    await child.kill()
                    raise
                self._child = child
            return self._child


def plain(text: str) -> str:
    """The text as HTML that shows it as it is."""
    return f"<pre><code>{escape(text)}</code></pre>"


async def _read(child: Child) -> str:
    return (await next_frame(child.reader)).decode()
