"""The streamer that a coroutine iterates over. In a file of its own because asyncio takes long to import. Knows a
tokenizer and no engine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from causerie.api.generation.streamers import TextStreamer
from causerie.errors import UsageError

if TYPE_CHECKING:
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer


class AsyncTextIteratorStreamer(TextStreamer):
    """The same for `async for`. Make it inside the coroutine that iterates; TimeoutError after `timeout` seconds."""

    def __init__(
        self, tokenizer: ChatTokenizer, skip_prompt: bool = False, timeout: float | None = None, **decode_kwargs: Any
    ) -> None:
        super().__init__(tokenizer, skip_prompt, **decode_kwargs)
        self.timeout = timeout
        self.text_queue: asyncio.Queue[str | BaseException | None] = asyncio.Queue()
        try:
            self.loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError("AsyncTextIteratorStreamer must be made inside a coroutine, where a loop runs.") from None

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Hands the piece to the loop; called from the thread in which generate() runs."""
        if text:
            self.loop.call_soon_threadsafe(self.text_queue.put_nowait, text)
        if stream_end:
            self.loop.call_soon_threadsafe(self.text_queue.put_nowait, None)

    def fail(self, error: BaseException) -> None:
        """The iteration raises `error` after the pieces that came before it."""
        self._begin()
        self.loop.call_soon_threadsafe(self.text_queue.put_nowait, error)

    def __aiter__(self) -> AsyncTextIteratorStreamer:
        return self

    async def __anext__(self) -> str:
        async with asyncio.timeout(self.timeout):
            piece = await self.text_queue.get()
        if piece is None:
            raise StopAsyncIteration
        if isinstance(piece, BaseException):
            raise piece
        return piece
