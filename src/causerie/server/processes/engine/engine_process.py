"""The process that holds models and engines: `python -m causerie.server.processes.engine.engine_process FD OPTIONS`.

Obeys the orders that come over the socket FD and tells events back; ends when the front closes it. A fault in here
cannot close the port, which is the front's. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from causerie.chat.context import Shortened
from causerie.engine.stream import Message
from causerie.errors import CauserieError, ContextLengthError, EngineError, UsageError, about, print_warning
from causerie.server.processes.child_limits import leave_interrupts
from causerie.server.processes.engine.answer_form import AnswerForm
from causerie.server.processes.engine.answering import Answering
from causerie.server.processes.engine.mailbox import Mailbox
from causerie.server.processes.engine.models import LoadedModel, Models
from causerie.server.processes.engine.pooling import embedded
from causerie.server.processes.engine.prompt_scores import prompt_scores
from causerie.server.processes.engine.shortening import Written, shortened, with_messages
from causerie.server.processes.engine.time_account import TimeAccount
from causerie.server.processes.frames import Unpacker, packed
from causerie.server.processes.jobs import (
    PRELOADING,
    Add,
    Beat,
    Begun,
    Cancel,
    Chat,
    Detokenize,
    Done,
    Embed,
    Ended,
    EngineOptions,
    Failed,
    Generate,
    JobEvent,
    Load,
    Order,
    Render,
    Timings,
    TokenPiece,
    Tokens,
    Unload,
)
from causerie.server.processes.text.text_work import TextWork
from causerie.text.structure import grammar_of

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM
    from causerie.engine.request import RequestStats

BEAT_SECONDS = 0.25
FEW_JOBS = 4
"""So many are told each token at once. Of more, what comes within PAUSE_SECONDS is told together: every telling wakes
this process, the front and the clients, on the cores that compute."""
PAUSE_SECONDS = 0.05
MOST_COMPILING = 2  # forms of answers at once
MOST_COUNTED = 8  # times its context, of a chat that will be shortened
MOST_RENDERED = 1 << 20  # tokens of a text that is turned into tokens and back without an answer
_READ = 1 << 16
_COUNTS = (
    *("steps", "running", "waiting", "read_tokens", "cached_tokens", "new_tokens"),
    *("blocks", "free_blocks", "kept_blocks"),
)

Result = TypeVar("Result")
_Letter = tuple[Answering, int, Message]


class EngineService:
    """Obeys orders, each in a task of its own."""

    def __init__(self, options: EngineOptions, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._options = options
        self._models = Models(options, self._tell)
        self._texts = TextWork()
        self._compiling = ThreadPoolExecutor(MOST_COMPILING, "causerie-forms")  # so that others need not wait for them
        self._jobs: dict[int, asyncio.Task[None]] = {}
        self._scoring = asyncio.Lock()  # the logits of a prompt may take 2 GB
        self._unsent = bytearray()
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
        await self._texts.close()
        self._compiling.shutdown(wait=False, cancel_futures=True)
        await self._models.close()

    def _pause(self) -> float:
        return PAUSE_SECONDS if len(self._jobs) > FEW_JOBS else 0.0

    def _tell(self, event: JobEvent) -> None:
        if not self._unsent:  # what one turn of the loop tells is written in one piece
            asyncio.get_running_loop().call_soon(self._write)
        self._unsent += packed(event)

    def _write(self) -> None:
        self._writer.write(bytes(self._unsent))
        self._unsent.clear()

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
            self._tell(Failed.of(order.job, fault))
        except Exception as fault:  # noqa: BLE001 - a fault of ours ends one job, not the process
            self._tell(Failed(order.job, EngineError.__name__, f"{type(fault).__name__}: {fault}"))

    async def _generate(self, order: Generate) -> None:
        account = TimeAccount() if order.return_timings else None
        self._texts.warm(order.model)
        entry = await self._models.use(order.model)
        if account is not None:
            account.book("loading")
        try:
            if order.context_policy == "error" or not isinstance(order.prompt, Chat):
                await self._answer(order, entry, self._tell, account=account)
            else:
                await self._answer_shortened(order, order.prompt, entry, account)
        finally:
            self._models.release(entry)

    async def _answer(
        self,
        order: Generate,
        entry: LoadedModel,
        tell: Callable[[JobEvent], None],
        done: Shortened | None = None,
        account: TimeAccount | None = None,
    ) -> None:
        """Reads the prompt and tells the answer; `done` is what was made of the chat before."""
        model = entry.model
        order = await self._formed(order, model)
        tokens, tail = await self._tokens(order.model, order.prompt, most_tokens=model.capacity - 1)
        pieces: list[TokenPiece] = []
        if order.prompt_logprobs is not None:
            async with self._scoring:
                pieces = await prompt_scores(model, tokens, order.prompt_logprobs, order.client)
        if order.prompt_only:
            tell(Begun(order.job, len(tokens), prompt=pieces))
            for choice in range(order.choices):
                tell(Ended(order.job, choice, "length", 0, 0))
            return
        over = asyncio.Event()
        pool = None if order.flags.get("response_format") is None else self._compiling
        closed = None if account is None else partial(self._closed, account, entry)
        answering = await self._in_thread(pool, Answering, order, model, tokens, tail, tell, over.set, closed)
        if account is not None:
            account.book("preparation")
            account.meet(entry.jobs - 1)
        try:
            answering.start(self._mail.put)  # what it raises is told before anything has begun
            dropped, summary = ([], None) if done is None else (list(done.dropped), done.summary)
            tell(Begun(order.job, len(tokens), dropped, summary, pieces))
            await over.wait()
        finally:
            answering.cancel()

    async def _formed(self, order: Generate, model: CausalLM) -> Generate:
        """The order with the form that its answer must have as a response format, which is known to compile."""
        if order.tools is None and order.flags.get("response_format") is None:
            return order
        form = AnswerForm.of(model)
        flags = await self._in_thread(self._compiling, form.flags, order, model)
        if flags.get("response_format") is not None:
            with form.blame(order), about("response_format"):
                grammar = await self._in_thread(self._compiling, grammar_of, flags["response_format"])
                if grammar is not None:
                    tokenizer = model.tokenizer.text
                    ends = [token for token in (tokenizer.eos_id,) if token is not None]
                    await self._texts.check_grammar(order.model, grammar, len(tokenizer), ends)
        return msgspec.structs.replace(order, flags=dict(flags))

    async def _in_thread(self, pool: ThreadPoolExecutor | None, work: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(pool, work, *arguments)

    def _closed(self, account: TimeAccount, entry: LoadedModel, stats: RequestStats, thinking: float) -> Timings:
        """Where the time of a choice went that has ended."""
        account.meet(entry.jobs - 1)
        return account.timings(stats, thinking, entry.model, entry.promise)

    async def _answer_shortened(
        self, order: Generate, prompt: Chat, entry: LoadedModel, account: TimeAccount | None
    ) -> None:
        model = entry.model

        async def count(chat: Chat) -> int:
            most = MOST_COUNTED * model.capacity
            try:
                return len((await self._tokens(order.model, chat, most))[0])
            except ContextLengthError:
                return most + 1  # how many more does not matter

        async def write(summary: Generate) -> str:
            written = Written()
            await self._answer(summary, entry, written.tell)
            return written.text()

        done = await shortened(order, prompt, model.capacity, count, write)
        fitting = msgspec.structs.replace(order, prompt=with_messages(prompt, done.messages))
        if account is not None and done.dropped:
            account.book("shortening")
        await self._answer(fitting, entry, self._tell, done, account)

    async def _tokens(self, model: str, prompt: Any, most_tokens: int) -> tuple[list[int], str]:
        if isinstance(prompt, Tokens):
            return prompt.tokens, ""
        return await self._texts.tokens(model, prompt, most_tokens=most_tokens)

    async def _value(self, order: Order) -> Any:
        if isinstance(order, Render):
            tokens, text = await self._texts.tokens(order.model, order.prompt, True, MOST_RENDERED)
            return {"tokens": tokens, "text": text}
        if isinstance(order, Embed):
            return await self._embedded(order)
        if isinstance(order, Detokenize):
            return (await self._texts.tokens(order.model, Tokens(order.tokens), True, MOST_RENDERED))[1]
        if isinstance(order, Add):
            self._models.add(order.model)
            return None
        if isinstance(order, Load):
            self._texts.warm(order.model)
            self._models.release(await self._models.use(order.model))
            return None
        if isinstance(order, Unload):
            await self._models.unload(order.model)
            return None
        raise UsageError(f"The engine's process does not know the order {type(order).__name__}.")

    async def _embedded(self, order: Embed) -> Any:
        entry = await self._models.use(order.model)
        try:
            most = entry.model.capacity
            rows = [(await self._tokens(order.model, prompt, most))[0] for prompt in order.prompts]
            vectors = await embedded(entry.model, rows, order.width, order.client)
            return {"tokens": sum(map(len, rows)), "embeddings": [vector.tobytes() for vector in vectors]}
        finally:
            self._models.release(entry)

    async def _beat(self) -> None:
        while True:
            loaded = self._models.loaded.values()
            stats = [entry.model.engine_stats() for entry in loaded]
            chats = sum(entry.chat_bytes(one) for entry, one in zip(loaded, stats, strict=True))
            counts = {name: sum(getattr(one, name) for one in stats) for name in _COUNTS}
            drafted: Counter[str] = Counter()
            accepted: Counter[str] = Counter()
            for count in (count for one in stats for count in one.drafts):
                drafted[count.drafter] += count.drafted
                accepted[count.drafter] += count.accepted
            disks = [one.disk for one in stats if one.disk is not None]
            beat = Beat(
                **counts,
                chat_bytes=chats,
                cpu_seconds=time.process_time(),
                drafted_tokens=drafted,
                accepted_tokens=accepted,
                recalled_tokens=sum(one.recalled_tokens for one in disks),
                kept_cache_bytes=max((one.nbytes for one in disks), default=0),
            )
            self._tell(beat)
            await self._models.tidy()
            await self._texts.tidy(self._models.loaded)
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
    leave_interrupts()
    warnings.showwarning = print_warning
    connection = socket.socket(fileno=int(sys.argv[1]))
    options = msgspec.json.decode(sys.argv[2], type=EngineOptions)
    asyncio.run(_serve(connection, options))


if __name__ == "__main__":
    main()
