"""A request in flight: its tokens so far and how much of them the cache holds. It makes no decisions."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from causerie.cache.lease import Lease
from causerie.engine.request import FinishReason, PromptProgress, Request, RequestStats, TokenEvent


class Sequence:
    """The running copy of one request."""

    __slots__ = (
        "admitted",
        "arrival",
        "cached",
        "client",
        "collected",
        "deadline",
        "ends",
        "eos",
        "exchanged",
        "filled",
        "first",
        "goal",
        "latest",
        "leader",
        "lease",
        "limit",
        "passes",
        "pools",
        "preemptions",
        "prompt",
        "refused",
        "request",
        "switch",
        "tokens",
        "turned",
    )

    def __init__(self, request: Request, arrival: float, capacity: int, switch: int | None = None) -> None:
        params = request.params
        self.request = request
        self.tokens = array("i", request.tokens)
        self.prompt = len(request.tokens)
        self.turned = self.prompt  # the length for which its positions turn, at least; see StepModel.switch_length
        self.switch = switch
        self.limit = capacity  # tokens in all at which it ends
        if params.max_tokens is not None:
            self.limit = min(capacity, self.prompt + params.max_tokens)
        self.eos = frozenset() if params.ignore_eos else frozenset(params.eos)
        self.ends: tuple[int, ...] = ()  # where its reading stops for a snapshot of what slots hold; see message_ends
        self.pools = params.pool_states  # whether hidden states of its rows are wanted, in the place of an answer
        self.client = params.client
        self.arrival = arrival
        self.deadline = None if params.max_time is None else arrival + params.max_time
        self.latest = None if params.max_wait is None else arrival + params.max_wait  # for a first step
        self.admitted: float | None = None  # when it first ran
        self.first: float | None = None  # when its first token was drawn
        self.filled = 0  # positions whose keys and values are in the cache
        self.lease: Lease | None = None  # None while it waits
        self.cached: int | None = None  # prompt tokens found in the cache when it first ran
        self.collected = 0  # prompt positions whose logits or states were delivered
        self.preemptions = 0
        self.passes = 0  # how many came before it while there was no room for it
        self.exchanged = False  # whether others gave way to it
        self.refused: tuple[int, tuple[int, ...]] | None = None  # releases, and what could be had, as it found no room
        self.leader: Sequence | None = None  # a running sequence that reads, up to `goal`, what this one begins with
        self.goal = 0

    @property
    def remaining(self) -> int:
        """Tokens that must be read before the next one can be drawn."""
        return len(self.tokens) - self.filled

    @property
    def readable(self) -> int:
        """Of those, how many may be read in one step."""
        end = len(self.tokens)
        if self.ends and self.filled < self.ends[-1]:
            end = self.ends[bisect_right(self.ends, self.filled)]
        return end - self.filled

    @property
    def shareable(self) -> int:
        """How many of its positions others may find in the cache. What is only pooled is nobody's beginning: kept, it
        would push out the chats that are."""
        return 0 if self.pools else self.filled

    @property
    def timed(self) -> bool:
        """Whether a time comes at which it ends, however far it is."""
        return self.deadline is not None or self.latest is not None

    @property
    def first_wanted(self) -> int:
        """The first position of which something is still wanted; what lies before may come from the cache."""
        if self.request.params.collects and self.collected < self.prompt:
            return self.collected
        return len(self.tokens) - 1

    @property
    def turns_anew(self) -> bool:
        """Whether it has grown beyond the length at which all of its positions turn otherwise."""
        return self.switch is not None and self.turned <= self.switch < len(self.tokens)

    @property
    def full(self) -> bool:
        """Whether no token may be added."""
        return len(self.tokens) >= self.limit

    def end(
        self, reason: FinishReason, now: float, error: str | None = None, error_field: str | None = None
    ) -> TokenEvent:
        """Its last event, when it ends without a token."""
        stats = self.stats(now)
        return TokenEvent(self.request.id, None, reason, error=error, error_field=error_field, stats=stats)

    def progress(self, now: float) -> TokenEvent:
        """Tells how much of its prompt is read."""
        cached, read = self.cached or 0, min(self.filled, self.prompt)
        seconds = 0.0 if self.admitted is None else now - self.admitted
        return TokenEvent(self.request.id, None, progress=PromptProgress(self.prompt, cached, read, seconds))

    def stats(self, now: float) -> RequestStats:
        """What it has cost up to `now`."""
        return RequestStats(
            prompt_tokens=self.prompt,
            cached_tokens=self.cached or 0,
            new_tokens=len(self.tokens) - self.prompt,
            first_token_seconds=0.0 if self.first is None else self.first - self.arrival,
            total_seconds=now - self.arrival,
            preemptions=self.preemptions,
            waiting_seconds=(now if self.admitted is None else self.admitted) - self.arrival,
        )
