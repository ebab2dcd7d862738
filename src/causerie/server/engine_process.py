"""The process that holds models and engines: `python -m causerie.server.engine_process FD OPTIONS`.

Obeys the orders that come over the socket FD and tells events back; ends when the front closes it. A fault in here
cannot close the port, which is the front's. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from causerie.chat.context import Shortened
from causerie.engine.stream import Message
from causerie.errors import CauserieError, EngineError, UsageError
from causerie.server.answering import Answering
from causerie.server.embedding import embedded
from causerie.server.frames import Unpacker, packed
from causerie.server.mailbox import Mailbox
from causerie.server.models import Models
from causerie.server.orders import (
    PRELOADING,
    Beat,
    Begun,
    Cancel,
    Chat,
    Detokenize,
    Done,
    Embed,
    EngineOptions,
    Event,
    Failed,
    Generate,
    Load,
    Order,
    Render,
    Tokens,
)
from causerie.server.prompts import Prompts
from causerie.server.shortening import Written, shortened, with_messages

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM

BEAT_SECONDS = 0.25
FEW_JOBS = 4
"""So many are told each token at once. Of more, what comes within PAUSE_SECONDS is told together: every telling wakes
this process, the front and the clients, on the cores that compute."""
PAUSE_SECONDS = 0.05
_READ = 1 << 16


_Letter = tuple[Answering, int, Message]


class EngineService:
    """Obeys orders, each in a task of its own."""

    def __init__(self, options: EngineOptions, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._options = options
        self._models = Models(options.models, options.options, self._tell, options.unload_after)
        self._prompts = Prompts()
        self._jobs: dict[int, asyncio.Task[None]] = {}
        self._told = bytearray()
        self._mail: Mailbox[_Letter] = Mailbox(asyncio.get_running_loop(), _deliver, _urgent, self._pause)

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Until the front closes the connection."""
        beating = asyncio.create_task(self._beat())
        self._obey(Load(PRELOADING, self._options.models[0]))
        unpacker = Unpacker.orders()
        while data := await reader.read(_READ):
            for order in unpacker.feed(data):
                self._obey(order)
        beating.cancel()
        for task in self._jobs.values():
            task.cancel()
        await asyncio.gather(*self._jobs.values(), return_exceptions=True)
        await self._prompts.close()
        await self._models.close()

    def _pause(self) -> float:
        return PAUSE_SECONDS if len(self._jobs) > FEW_JOBS else 0.0

    def _tell(self, event: Event) -> None:
        if not self._told:  # what one turn of the loop tells is written in one piece
            asyncio.get_running_loop().call_soon(self._write)
        self._told += packed(event)

    def _write(self) -> None:
        self._writer.write(bytes(self._told))
        self._told.clear()

    def _obey(self, order: Order) -> None:
        if isinstance(order, Cancel):
            if (task := self._jobs.get(order.job)) is not None:
                task.cancel()
            return
        task = asyncio.create_task(self._do(order))
        self._jobs[order.job] = task
        task.add_done_callback(lambda _: self._jobs.pop(order.job, None))

    async def _do(self, order: Order) -> None:
        """One order to its end; whatever goes wrong is this job's alone."""
        try:
            if isinstance(order, Generate):
                await self._generate(order)
            else:
                self._tell(Done(order.job, await self._value(order)))
        except CauserieError as fault:
            self._tell(Failed(order.job, type(fault).__name__, str(fault)))
        except Exception as fault:  # noqa: BLE001 - a fault of ours ends one job, not the process
            self._tell(Failed(order.job, EngineError.__name__, f"{type(fault).__name__}: {fault}"))

    async def _generate(self, order: Generate) -> None:
        held = await self._models.use(order.model)
        try:
            if order.context_policy == "error" or not isinstance(order.prompt, Chat):
                await self._answer(order, held.model, self._tell)
            else:
                await self._answer_shortened(order, order.prompt, held.model)
        finally:
            self._models.release(held)

    async def _answer(
        self, order: Generate, model: CausalLM, tell: Callable[[Event], None], done: Shortened | None = None
    ) -> None:
        """Reads the prompt and tells the answer; `done` is what was made of the chat before."""
        tokens, tail = await self._tokens(order.model, order.prompt)
        over = asyncio.Event()
        # In a thread: a response format may take long to compile.
        answering = await asyncio.to_thread(Answering, order, model, tokens, tail, tell, over.set)
        try:
            answering.start(self._mail.put)  # what it raises is told before anything has begun
            dropped, summary = ([], None) if done is None else (list(done.dropped), done.summary)
            tell(Begun(order.job, len(tokens), dropped, summary))
            await over.wait()
        finally:
            answering.cancel()

    async def _answer_shortened(self, order: Generate, prompt: Chat, model: CausalLM) -> None:
        async def count(chat: Chat) -> int:
            return len((await self._tokens(order.model, chat))[0])

        async def write(wanted: Generate) -> str:
            written = Written()
            await self._answer(wanted, model, written.tell)
            return written.text()

        done = await shortened(order, prompt, model.capacity, count, write)
        fitting = msgspec.structs.replace(order, prompt=with_messages(prompt, done.messages))
        await self._answer(fitting, model, self._tell, done)

    async def _tokens(self, model: str, prompt: Any, whole_text: bool = False) -> tuple[list[int], str]:
        if isinstance(prompt, Tokens) and not whole_text:
            return prompt.tokens, ""
        return await self._prompts.tokens(model, prompt, whole_text)

    async def _value(self, order: Order) -> Any:
        if isinstance(order, Render):
            tokens, text = await self._tokens(order.model, order.prompt, whole_text=True)
            return {"tokens": tokens, "text": text}
        if isinstance(order, Embed):
            return await self._embedded(order)
        if isinstance(order, Detokenize):
            return (await self._tokens(order.model, Tokens(order.tokens), whole_text=True))[1]
        if isinstance(order, Load):
            self._models.release(await self._models.use(order.model))
            return None
        raise UsageError(f"The engine's process does not know the order {type(order).__name__}.")

    async def _embedded(self, order: Embed) -> Any:
        held = await self._models.use(order.model)
        try:
            rows = [(await self._tokens(order.model, prompt))[0] for prompt in order.prompts]
            found = await embedded(held.model, rows, order.width)
            return {"tokens": sum(map(len, rows)), "embeddings": [vector.tobytes() for vector in found]}
        finally:
            self._models.release(held)

    async def _beat(self) -> None:
        while True:
            stats = [held.model.engine_stats() for held in self._models.loaded.values()]
            self._tell(Beat(**{name: sum(getattr(one, name) for one in stats) for name in Beat.__struct_fields__}))
            await self._models.tidy()
            await asyncio.sleep(BEAT_SECONDS)


def _urgent(letter: _Letter) -> bool:
    """The first and the last of an answer."""
    answering, choice, message = letter
    return isinstance(message, EngineError) or message.finish_reason is not None or not answering.begun(choice)


def _deliver(letter: _Letter) -> None:
    answering, choice, message = letter
    try:
        answering.read(choice, message)
    except Exception as fault:  # noqa: BLE001 - a fault of ours ends one request; others' letters wait behind this one
        answering.fail(EngineError(f"{type(fault).__name__}: {fault}"))


async def _serve(connection: socket.socket, options: EngineOptions) -> None:
    reader, writer = await asyncio.open_connection(sock=connection, limit=_READ)
    await EngineService(options, writer).run(reader)


def main() -> None:
    """Serves the connection whose file descriptor is the first argument, by the options in the second."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the front's to answer, which then closes the connection
    connection = socket.socket(fileno=int(sys.argv[1]))
    options = msgspec.json.decode(sys.argv[2], type=EngineOptions)
    asyncio.run(_serve(connection, options))


if __name__ == "__main__":
    main()
