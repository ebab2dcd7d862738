"""The engine in its thread: many callers, cancelling by closing or dropping, failures that reach all, clean ends."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from causerie.decoding.drafting.drafter import Ask, ReadText
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine
from causerie.engine.request import PromptProgress
from causerie.engine.thread import EngineThread
from causerie.errors import EngineError, UnknownName, Unsupported, UsageError
from tests.engine.scripted import ScriptedDrafter, ScriptedModel


class Slow(ScriptedModel):
    """A model whose runs take real time."""

    def run(self, step):  # type: ignore[no-untyped-def]
        time.sleep(0.002)
        return super().run(step)


def model(kind: type[ScriptedModel] = ScriptedModel, **settings: int) -> ScriptedModel:
    return kind(context=4000, blocks=2000, max_tokens=64, **settings)


@pytest.fixture
def start() -> Iterator[Callable[[ScriptedModel], EngineThread]]:
    started: list[EngineThread] = []

    def start(scripted: ScriptedModel) -> EngineThread:
        started.append(EngineThread(Engine(scripted)))
        return started[-1]

    yield start
    for engine in started:
        engine.close()


Start = Callable[[ScriptedModel], EngineThread]


def expected(scripted: ScriptedModel, prompt: list[int], count: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(int(scripted.alone(tokens, len(prompt)).argmax()))
    return tokens[len(prompt) :]


def wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_a_stream_gives_every_token_and_one_end(start: Start) -> None:
    scripted = model()
    events = list(start(scripted).stream([1, 2, 3], SamplingParams(max_tokens=9)))
    assert [event.token for event in events] == expected(scripted, [1, 2, 3], 9)
    assert [event.finish_reason for event in events] == [None] * 8 + ["length"]


def test_what_the_cache_has_is_told_while_the_model_reads(start: Start) -> None:
    gate = threading.Event()

    class Gated(ScriptedModel):
        def run(self, step):  # type: ignore[no-untyped-def]
            assert gate.wait(20), "nothing was told before the model ran"
            return super().run(step)

    stream = start(model(Gated)).stream([1, 2, 3], SamplingParams(max_tokens=2, prompt_progress=True))
    assert next(stream).progress == PromptProgress(3, 0, 0, 0.0)
    gate.set()
    last, *tokens = stream
    assert last.progress is not None and last.progress.read_tokens == 3 and len(tokens) == 2


def test_the_thread_starts_with_the_first_request_and_sleeps_when_idle(start: Start) -> None:
    scripted = model()
    before = threading.active_count()
    engine = start(scripted)
    assert threading.active_count() == before
    list(engine.stream([1], SamplingParams(max_tokens=3)))
    assert threading.active_count() == before + 1
    assert threading.enumerate()[-1].name == "causerie-engine"
    runs = scripted.runs
    time.sleep(0.05)
    assert scripted.runs == runs == 3


def test_requests_submitted_together_run_in_the_same_steps(start: Start) -> None:
    scripted = model()
    streams = start(scripted).submit_all([([n], SamplingParams(max_tokens=5)) for n in range(6)])
    assert [[event.token for event in stream] for stream in streams] == [expected(scripted, [n], 5) for n in range(6)]
    assert scripted.runs == 5


def test_a_forked_process_is_told_that_the_thread_is_in_another(start: Start) -> None:
    engine = start(model())
    engine._process += 1
    with pytest.raises(EngineError, match="load it in this process too"):
        engine.stream([1], SamplingParams(max_tokens=1))


def test_many_threads(start: Start) -> None:
    scripted = model()
    engine = start(scripted)
    found: dict[int, list[int | None]] = {}

    def ask(number: int) -> None:
        found[number] = [event.token for event in engine.stream([number, 1], SamplingParams(max_tokens=20))]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == {number: expected(scripted, [number, 1], 20) for number in range(12)}


@pytest.mark.parametrize("drop", [False, True])
def test_closing_or_dropping_a_stream_cancels(start: Start, drop: bool) -> None:
    engine = start(model(Slow))
    stream = engine.stream([1, 2], SamplingParams())
    next(stream)
    assert engine.stats().running == 1
    if drop:
        del stream
        gc.collect()
    else:
        stream.close()
        assert list(stream) == []
    wait(lambda: engine.stats().running == 0)
    assert engine.stats().new_tokens < 3000


def test_leaving_the_block_of_a_stream_cancels(start: Start) -> None:
    engine = start(model(Slow))
    with engine.stream([1, 2], SamplingParams()) as stream:
        next(stream)
    wait(lambda: engine.stats().running == 0)


def test_async_streams(start: Start) -> None:
    scripted = model()
    engine = start(scripted)

    async def ask(number: int) -> list[int | None]:
        return [event.token async for event in engine.astream([number], SamplingParams(max_tokens=6))]

    async def all_of_them() -> list[list[int | None]]:
        return await asyncio.gather(*(ask(number) for number in range(4)))

    assert asyncio.run(all_of_them()) == [expected(scripted, [n], 6) for n in range(4)]


def test_closing_an_async_stream_cancels(start: Start) -> None:
    engine = start(model(Slow))

    async def read() -> None:
        stream = engine.astream([1], SamplingParams())
        await anext(stream)
        await stream.aclose()
        for _ in range(2000):
            if engine.stats().running == 0:
                break
            await asyncio.sleep(0.01)
        assert engine.stats().running == 0  # while the stream itself is still there
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    asyncio.run(read())


def test_cancelling_a_task_cancels_its_request(start: Start) -> None:
    engine = start(model(Slow))

    async def read() -> None:
        async for _ in engine.astream([1], SamplingParams()):
            pass

    async def give_up() -> None:
        task = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    wait(lambda: engine.stats().running == 0)
    assert [event.finish_reason for event in engine.stream([1], SamplingParams(max_tokens=1))] == ["length"]


def test_a_refused_request_is_an_error_of_its_caller(start: Start) -> None:
    engine = start(model())
    with pytest.raises(UsageError, match="no tokens"):
        engine.submit_all([([1], SamplingParams()), ([], SamplingParams())])
    assert engine.stats().running == engine.stats().waiting == 0


def test_a_failing_model_is_an_event_and_the_engine_goes_on(start: Start) -> None:
    engine = start(model(fail_at=frozenset([1])))  # type: ignore[arg-type]
    events = list(engine.stream([1], SamplingParams(max_tokens=5)))
    assert events[-1].finish_reason == "error"
    assert "scripted failure" in str(events[-1].error)
    assert list(engine.stream([1], SamplingParams(max_tokens=5)))[-1].finish_reason == "length"


def test_a_fault_of_the_engine_reaches_all_callers(start: Start) -> None:
    scripted = model(Slow)
    engine = start(scripted)
    streams = engine.submit_all([([n], SamplingParams()) for n in range(3)])
    next(streams[0])
    engine._engine._scheduler.commit = _fault  # type: ignore[method-assign,assignment]
    for stream in streams:
        with pytest.raises(EngineError, match="ZeroDivisionError: scripted fault") as told:
            list(stream)
        assert isinstance(told.value.__cause__, ZeroDivisionError)
    with pytest.raises(EngineError, match="scripted fault"):
        list(engine.stream([1], SamplingParams(max_tokens=1)))


def test_blocks_are_counted_again_whenever_nothing_runs(start: Start) -> None:
    """And not beside requests, whose steps it would slow down. A leak is told to all who come then."""
    engine = start(model())
    inner = engine._engine
    idle: list[bool] = []
    count = inner.check_integrity

    def counted() -> None:
        idle.append(not inner.busy)
        count()

    inner.check_integrity = counted  # type: ignore[method-assign]
    for asked in (1, 2):
        list(engine.stream([1, 2], SamplingParams(max_tokens=9)))
        wait(lambda asked=asked: len(idle) == asked)  # type: ignore[misc]
    assert idle == [True, True]
    inner._cache.groups[0].pool.allocate(1)
    list(engine.stream([1, 2], SamplingParams(max_tokens=1)))
    with pytest.raises(EngineError, match=r"The engine has stopped: EngineError: Cache block \d+ counts 1 holders"):
        list(engine.stream([1, 2], SamplingParams(max_tokens=1)))


def test_after_a_fault_a_stream_has_ended(start: Start) -> None:
    """Whoever asks again is not left to wait for what cannot come."""
    engine = start(model(Slow))
    stream = engine.stream([2], SamplingParams())
    next(stream)

    async def read() -> None:
        coming = engine.astream([1], SamplingParams())
        await anext(coming)
        engine._engine._scheduler.commit = _fault  # type: ignore[method-assign,assignment]
        with pytest.raises(EngineError, match="scripted fault"):
            async for _ in coming:
                pass
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(coming), 20)

    asyncio.run(read())
    with pytest.raises(EngineError, match="scripted fault"):
        list(stream)
    assert list(stream) == []


def _fault(plan: object, drawn: object) -> list[object]:
    raise ZeroDivisionError("scripted fault")


def test_closing_ends_what_runs(start: Start) -> None:
    engine = start(model(Slow))
    stream = engine.stream([1], SamplingParams())
    next(stream)
    engine.close()
    assert list(stream)[-1].finish_reason == "cancelled"
    with pytest.raises(EngineError, match="was closed"):
        engine.stream([1], SamplingParams())
    engine.close()


def test_dropping_the_engine_ends_its_thread() -> None:
    before = threading.active_count()
    engine = EngineThread(Engine(model()))
    list(engine.stream([1], SamplingParams(max_tokens=2)))
    assert threading.active_count() == before + 1
    del engine
    gc.collect()
    wait(lambda: threading.active_count() == before)


class Gated(ScriptedModel):
    """A model that does not run before its gate is opened."""

    gate = threading.Event()

    def run(self, step):  # type: ignore[no-untyped-def]
        self.gate.wait(20)
        return super().run(step)


def test_an_interrupt_while_waiting_loses_no_token(start: Start) -> None:
    scripted = Gated()
    stream = start(scripted).stream([1, 2], SamplingParams(max_tokens=6))
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.05, signal.pthread_kill, [main, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    scripted.gate.set()
    assert [event.token for event in stream] == expected(scripted, [1, 2], 6)


PROGRAM = """
from tests.engine.scripted import ScriptedModel
from causerie.decoding.drafting.drafter import Ask, ReadText
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine
from causerie.engine.request import PromptProgress
from causerie.engine.thread import EngineThread

engine = EngineThread(Engine(ScriptedModel(context=100_000, blocks=30_000)))
stream = engine.stream([1], SamplingParams())
print(next(stream).finish_reason)
"""


def test_a_program_that_ends_in_the_middle_ends_cleanly() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "None\n", "")


class Telling(ScriptedDrafter):
    """One that goes by what a model tells."""

    taps = (1,)

    def catch_up(self, asks: Sequence[Ask]) -> None:
        raise NotImplementedError

    def witness(self, texts: Sequence[ReadText], copies: Sequence[Sequence[tuple[int, int]]]) -> None:
        raise NotImplementedError


def test_a_drafter_that_cannot_be_taken_up_is_refused_and_the_engine_goes_on() -> None:
    scripted = model()
    answer = expected(scripted, [1, 2, 3], 5)
    drafter = ScriptedDrafter(scripted.vocab, texts={0: [1, 2, 3, *answer]})
    engine = EngineThread(Engine(scripted, drafters=(drafter,)))
    with pytest.raises(Unsupported, match="does not tell"):
        engine.adopt(Telling(scripted.vocab, name="telling"), False, "scripted")
    asked = SamplingParams(max_tokens=5, drafters=("scripted",))
    assert [event.token for event in engine.submit([1, 2, 3], asked)] == answer
    engine.adopt(ScriptedDrafter(scripted.vocab, name="other"), False, "scripted")
    with pytest.raises(UnknownName, match="'scripted'"):
        engine.submit([1, 2, 3], asked)
    engine.close()
