"""The loop that every answer comes from: schedule, run, draw, commit. Token ids in, token events out.

One thread at a time; `thread.py` owns an engine for everybody else. It knows no text and no backend.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causerie.cache.blocks import BlockPool
from causerie.cache.book import CacheBook
from causerie.cache.disk.folder import PieceFolder
from causerie.cache.disk.keeper import CacheKeeper, KeptStats
from causerie.decoding.drafting.drafter import Drafter
from causerie.decoding.drawn import Drawn
from causerie.decoding.params import SamplingParams
from causerie.decoding.sampler import Drawing, Sampler
from causerie.engine import batch, checks
from causerie.engine.drafts import Drafts
from causerie.engine.keeping import Keeping
from causerie.engine.plan import Plan
from causerie.engine.request import DraftCount, Request, TokenEvent
from causerie.engine.scheduler import Scheduler
from causerie.engine.speculation.controller import Controller
from causerie.engine.witnesses import Witnesses
from causerie.errors import EngineError, about, unknown

if TYPE_CHECKING:
    from causerie.backends.ops import CacheMemory
    from causerie.models.model import StepModel

_LOGITS_BYTES = 64 << 20  # of logits in one step at most; a few rows are always allowed
_FEWEST_ROWS = 8


@dataclass(frozen=True)
class PoolStats:
    """How many blocks of a page group, or slots, there are."""

    total: int
    free: int
    idle: int  # held by the prefix index alone, until somebody needs them
    window: int | None = None  # how far the layers of the group look back; None where they do to the beginning

    @property
    def busy(self) -> int:
        """Those of requests that run."""
        return self.total - self.free - self.idle


@dataclass(frozen=True)
class EngineStats:
    """What an engine does and has done."""

    running: int
    waiting: int
    steps: int
    read_tokens: int  # computed by the model, prompts and answers
    cached_tokens: int  # of prompts, found in the cache
    new_tokens: int
    preemptions: int
    groups: tuple[PoolStats, ...]  # the blocks of each page group
    slots: PoolStats
    drafts: tuple[DraftCount, ...] = ()  # of each drafter
    disk: KeptStats | None = None  # of caches that are kept there; None where none are

    @property
    def drafted_tokens(self) -> int:
        """Those that were guessed and checked, whoever guessed them."""
        return sum(count.drafted for count in self.drafts)

    @property
    def accepted_tokens(self) -> int:
        """Of those, the ones that came."""
        return sum(count.accepted for count in self.drafts)

    @property
    def blocks(self) -> int:
        """Of all groups together, as those that follow."""
        return sum(group.total for group in self.groups)

    @property
    def free_blocks(self) -> int:
        """Those that nobody holds."""
        return sum(group.free for group in self.groups)

    @property
    def kept_blocks(self) -> int:
        """Those that the prefix index alone holds."""
        return sum(group.idle for group in self.groups)


class Engine:
    """Runs requests on a model, many at once. `clock` gives seconds; only differences count. What `drafters` propose
    the model checks as far as that pays by the judgement of the controller, which changes no answer."""

    def __init__(
        self,
        model: StepModel,
        clock: Callable[[], float] = time.monotonic,
        drafters: Sequence[Drafter] = (),
        controller: Controller | None = None,
        drafts_unasked: bool = True,
        disk: tuple[CacheMemory, PieceFolder] | None = None,
    ) -> None:
        """`drafts_unasked`: whether requests are drafted for that name no drafters. `disk`: the model's cache, and the
        folder that what it has of texts goes to and comes back from."""
        max_rows = min(model.max_tokens, max(_FEWEST_ROWS, _LOGITS_BYTES // (4 * model.vocab)))
        self._model = model
        self._context = model.context
        self._cache = CacheBook(model.cache, model.max_tokens, model.shared_length)
        self._clock = clock
        self._drafters = [drafter.name for drafter in drafters]
        self._drafts: Drafts | None = None
        self._witnesses = Witnesses(model)
        for drafter in drafters:
            self._witnesses.adopt(drafter, drafts_unasked)
        if drafters:
            controller = controller or Controller({drafter.name: drafter.chances for drafter in drafters})
            self._drafts = Drafts(drafters, controller, self._cache, model.vocab, clock, drafts_unasked)
        self._keeping: Keeping | None = None
        if disk is not None:
            self._keeping = Keeping(CacheKeeper(self._cache, *disk), self._put, clock)
        self._scheduler = Scheduler(
            self._cache,
            context=model.context,
            max_tokens=model.max_tokens,
            max_rows=max_rows,
            clock=clock,
            switch=model.switch_length,
            drafts=self._drafts,
            note=None if self._keeping is None else self._keeping.note,
        )
        self._sampler = Sampler(model.vocab)
        self._numbers = count()
        self._prompt_logits: dict[int, NDArray[np.float32]] = {}  # [prompt, vocab] of requests that want them
        self._sums: dict[int, NDArray[np.float64]] = {}  # [width], of the states of requests that pool
        self._late: list[TokenEvent] = []  # ends that an interrupted step could not return
        self._steps = self._read = self._cached = self._new = self._preemptions = 0

    @property
    def busy(self) -> bool:
        """Whether `step` has anything to do."""
        return self._scheduler.busy or bool(self._late) or (self._keeping is not None and self._keeping.busy)

    @property
    def capacity(self) -> int:
        """Longest sequence, in tokens, that the context and the cache allow."""
        return self._scheduler.capacity

    @property
    def drafters(self) -> tuple[str, ...]:
        """By name, those that draft for requests that name none."""
        return () if self._drafts is None else self._drafts.unasked

    def request(self, tokens: Sequence[int], params: SamplingParams) -> Request:
        """A checked and numbered request; any thread may ask for one. Raises UsageError for what no request may hold,
        UnknownName for a drafter that there is not, ContextLengthError for a prompt without room for an answer."""
        checked = checks.prompt(tokens, self._model.vocab)
        checks.room(len(checked), params, self._context, self._scheduler.capacity)
        checks.params(params, self._model.vocab)
        for name in params.drafters or ():
            if name not in self._drafters:
                with about("speculation"):
                    raise unknown("drafter", name, self._drafters, advice="The model was loaded without that one.")
        return Request(next(self._numbers), checked, params)

    def adopt(self, drafter: Drafter, unasked: bool, former: str | None = None) -> None:
        """Asks one more drafter, or another in the place of the one of that name, and of the `former` one: for requests
        that name it, and where `unasked`, for those that name none. Between two steps. Raises Unsupported, OutOfMemory
        where the model cannot tell it what it goes by."""
        if self._drafts is None:
            raise EngineError("This engine was made without drafters and cannot take one up.")
        self._witnesses.adopt(drafter, unasked)
        self._drafts.adopt(drafter, unasked)
        if drafter.name not in self._drafters:
            self._drafters.append(drafter.name)
        if former is not None and former != drafter.name:
            self._witnesses.dismiss(former)
            self._drafts.dismiss(former)
            self._drafters.remove(former)

    def submit(self, request: Request) -> int:
        """Puts a request of this engine's `request` in line; returns its id."""
        if self._keeping is None or not self._keeping.take(request):
            self._scheduler.submit(request)
        return request.id

    def _put(self, request: Request, arrival: float) -> None:
        self._scheduler.submit(request, arrival)

    def cancel(self, request: int) -> None:
        """Ends a request with "cancelled", told by the next step; one that has ended already is left alone."""
        if self._keeping is not None:
            self._keeping.release(request)
        self._scheduler.cancel(request)

    def step(self, begin: Callable[[TokenEvent], None] | None = None) -> list[TokenEvent]:
        """One pass through the model, if anything waits for one; what it gave to whom. `begin` is told before the pass,
        which may take long, of the ends that need none, and of requests that ask for the progress of reading, what the
        cache has of those that begin with it."""
        if self._keeping is not None:
            self._keeping.advance(alone=not self._scheduler.busy)
        plan = self._scheduler.schedule()
        if begin is not None:
            for event in plan.beginnings:
                begin(event)
        if not plan.works:
            return self._deliver(self._idle(plan))
        if begin is not None and plan.ended:
            for event in self._deliver(list(plan.ended)):
                begin(event)
            plan = replace(plan, ended=())
        began = self._clock()
        try:
            step = batch.build(plan, tapped=self._witnesses.want(plan))
            output = self._model.run(step)
            drawn = self._draw(plan, output.logits)
            if len(step.state_rows):
                self._pool(plan, output.states)
        except Exception as fault:  # noqa: BLE001 - whatever a backend raises ends this step's requests, not the engine
            sentence = f"The model could not run a step: {type(fault).__name__}: {fault}"
            return self._deliver(self._scheduler.fail(plan, sentence))
        except BaseException:
            self._late += self._scheduler.fail(plan, "The step was interrupted.")
            raise
        seconds = self._clock() - began
        if output.taps is not None:
            faults = self._witnesses.tell(plan, drawn, output.taps)
            for place, work in enumerate(plan.works):
                if work.request.id in faults:
                    drawn[place] = [Drawn(-1, error=faults[work.request.id])]
        if self._drafts is not None:
            self._drafts.observe(plan, drawn, seconds)
        self._steps += 1
        self._read += sum(len(work.tokens) for work in plan.works)
        return self._deliver(self._scheduler.commit(plan, drawn))

    @property
    def rest(self) -> float | None:
        """In how many seconds `keep` has something to do; None while it has nothing."""
        return None if self._keeping is None else self._keeping.rest(self.busy)

    def keep(self) -> None:
        """Copies some of what ended texts left in the cache, to be kept on the disk; between two steps."""
        if self._keeping is not None:
            self._keeping.keeper.keep()

    def close(self) -> None:
        """Keeps the rest, and returns when it is written; after the last step."""
        if self._keeping is not None:
            self._keeping.keeper.close()

    def check_integrity(self) -> None:
        """Raises EngineError when a block or a slot of the cache is leaked or held by someone unknown."""
        self._scheduler.check_integrity()

    def stats(self) -> EngineStats:
        """Numbers of now; from another thread than the engine's they may be a step old."""
        return EngineStats(
            running=len(self._scheduler.roster.running),
            waiting=len(self._scheduler.roster.waiting),
            steps=self._steps,
            read_tokens=self._read,
            cached_tokens=self._cached,
            new_tokens=self._new,
            preemptions=self._preemptions,
            groups=tuple(_pool_stats(group.pool, group.window) for group in self._cache.groups),
            slots=_pool_stats(self._cache.slots.pool),
            drafts=() if self._drafts is None else self._drafts.counts(),
            disk=None if self._keeping is None else self._keeping.keeper.stats,
        )

    def _idle(self, plan: Plan) -> list[TokenEvent]:
        if not plan.ended and not self._late and self._scheduler.busy:
            raise EngineError("Requests wait although nothing runs and the whole cache could be had; please report it.")
        return list(plan.ended)

    def _draw(self, plan: Plan, logits: NDArray[np.float32]) -> list[list[Drawn]]:
        """The tokens of each work, those of a draft as far as it was right; and prompt logits put aside."""
        rows = sum(work.wants for work in plan.works)
        if logits.shape != (rows, self._model.vocab):
            raise EngineError(f"The model gave logits {logits.shape} where ({rows}, {self._model.vocab}) were wanted.")
        end = 0
        drawings: list[Drawing] = []
        drawn = {request: [Drawn(-1, error=fault)] for request, fault in plan.faults.items()}
        for work in plan.works:
            end += work.wants
            request = work.request
            if request.params.prompt_logits and work.wants:
                position = work.start + len(work.tokens) - work.wants
                fault = self._collect(request, position, logits[end - work.wants : end])
                if fault is not None:
                    drawn[request.id] = [Drawn(-1, error=fault)]
            if work.draws and request.id not in drawn:
                first, draft = end - work.draws, work.draft if work.draws > 1 else ()
                drawings.append(Drawing(request.id, request.params, len(request.tokens), work.history, first, draft))
        for drawing, tokens in zip(drawings, self._sampler.draw(logits, drawings), strict=True):
            drawn[drawing.request] = tokens
        return [drawn.get(work.request.id, []) for work in plan.works]

    def _pool(self, plan: Plan, states: NDArray[np.float32]) -> None:
        """Adds hidden states to the sums of their requests, row after row: the order that any cut into steps has."""
        count = sum(work.pools for work in plan.works)
        if len(states) != count:
            raise EngineError(f"The model gave {len(states)} rows of hidden states where {count} were wanted.")
        rows = iter(states)
        for work in plan.works:
            if not work.pools:
                continue
            total = self._sums.setdefault(work.request.id, np.zeros(states.shape[1]))
            for row in islice(rows, work.pools):
                total += row

    def _collect(self, request: Request, position: int, logits: NDArray[np.float32]) -> str | None:
        """Keeps the rows of prompt positions from `position` on; the sentence where there is no memory for them."""
        whole = self._prompt_logits.get(request.id)
        if whole is None:
            shape = len(request.tokens), self._model.vocab
            try:
                whole = np.empty(shape, dtype=np.float32)
            except MemoryError:
                size = f"{4e-9 * shape[0] * shape[1]:.1f} GB"
                return (
                    f"The logits of {shape[0]} prompt tokens take {size}, more than is free; ask for a shorter prompt."
                )
            self._prompt_logits[request.id] = whole
        rows = min(len(logits), len(whole) - position)
        if rows > 0:
            whole[position : position + rows] = logits[:rows]
        return None

    def _deliver(self, events: list[TokenEvent]) -> list[TokenEvent]:
        """Adds what an end brings with it, and forgets the requests that ended."""
        if self._late:
            events = self._late + events
            self._late = []
        for place, event in enumerate(events):
            self._new += event.token is not None
            if event.finish_reason is None:
                continue
            self._sampler.forget(event.request)
            if self._drafts is not None:
                if event.stats is not None:
                    counts = self._drafts.counts(event.request)
                    speedup = self._drafts.speedup(event.request, event.stats.new_tokens)
                    event = replace(event, stats=replace(event.stats, drafts=counts, speedup=speedup))
                    events[place] = event
                self._drafts.forget(event.request)
            if event.stats is not None:
                self._cached += event.stats.cached_tokens
                self._preemptions += event.stats.preemptions
            collected = self._prompt_logits.pop(event.request, None)
            total = self._sums.pop(event.request, None)
            if event.finish_reason not in ("stop", "length"):
                continue
            if collected is not None:
                events[place] = replace(event, prompt_logits=collected)
            elif total is not None and event.stats is not None:
                events[place] = replace(event, mean_state=total / event.stats.prompt_tokens)
        return events


def _pool_stats(pool: BlockPool, window: int | None = None) -> PoolStats:
    return PoolStats(pool.total, pool.free, pool.idle, window)
