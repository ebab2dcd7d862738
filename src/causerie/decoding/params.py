"""What one request asks of decoding, in token ids and numbers only. Knows no text, no tensors and no defaults of any
checkpoint: `api/generation/config.py` turns the field's names into this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from causerie.errors import UsageError, unknown

if TYPE_CHECKING:  # its module brings numpy, and flags are checked before anything else
    from causerie.decoding.constraint import Constraint
    from causerie.decoding.row_change import RowChange

MOST_BIAS = 1e30
"""Of a bias: a logit stays a float32 with many of them added."""
SCHEDULES = ("constant", "heuristic", "heuristic_transient")
"""Of `most_drafted`: it stays as it is; or it grows behind a draft that was wholly right and shrinks behind another, in
all requests that begin with it, or in each of them anew."""


@dataclass(frozen=True)
class SamplingParams:
    """How the next token is drawn and when a request ends. Neutral values do nothing."""

    max_tokens: int | None = None  # new tokens at most; None: until the context is full
    min_tokens: int = 0  # no end-of-sequence token before this many new tokens
    eos: tuple[int, ...] = ()  # tokens that end the answer
    ignore_eos: bool = False

    temperature: float = 0.0  # 0 is greedy
    top_k: int = 0  # 0 is off
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    epsilon_cutoff: float = 0.0
    eta_cutoff: float = 0.0

    repetition_penalty: float = 1.0  # over prompt and answer (Keskar et al., 2019)
    presence_penalty: float = 0.0  # over the answer, once per distinct token
    frequency_penalty: float = 0.0  # over the answer, per occurrence
    no_repeat_ngram_size: int = 0
    logit_bias: tuple[tuple[int, float], ...] = ()
    sequence_bias: tuple[tuple[tuple[int, ...], float], ...] = ()
    bad_words: tuple[tuple[int, ...], ...] = ()  # token sequences that may not be completed
    suppress_tokens: tuple[int, ...] = ()
    begin_suppress_tokens: tuple[int, ...] = ()  # not as the first new token

    drafters: tuple[str, ...] | None = None  # who may draft, of those that the engine has; None: as it has it
    most_drafted: int | None = None  # tokens that a step may check ahead; 0 for none
    drafted_schedule: str = "constant"  # how that goes on from there: one of SCHEDULES
    least_confidence: float = 0.0  # of a model that guesses, in a token, for it to guess another one behind that
    longest_match: int | None = None  # last tokens at most that are looked up for that in what came before

    constraint: Constraint | None = None  # what the answer must look like
    row_change: RowChange | None = None  # what the caller's own code makes of the filtered scores

    seed: int = 0  # noise is a function of (seed, position): same seed, same text
    max_time: float | None = None  # seconds from the request's start
    client: str = ""  # whose request this is: clients take turns
    max_wait: float | None = None  # seconds in line for a first step; then it ends with an error
    logprobs: int | None = None  # also report this many most likely tokens; 0 the drawn one only
    keep_logits: bool = False  # each event carries the model's raw logits
    keep_scores: bool = False  # each event carries the logits after all filters
    prompt_logits: bool = False  # the last event carries the logits of every prompt position
    pool_states: bool = False  # the last event carries the mean hidden state of the prompt, and there is no answer
    prompt_progress: bool = False  # events before the first token tell how much of the prompt is read

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is None:
                continue
            if not low <= value <= high:  # also refuses NaN
                raise UsageError(f"{name} is {value}; it must be from {low} to {high}.", field=name)
        if self.pool_states and (self.max_tokens != 0 or self.prompt_logits):
            raise UsageError("pool_states reads a prompt and nothing else; it needs max_tokens=0 and no prompt_logits.")
        if self.drafted_schedule not in SCHEDULES:
            raise unknown("drafted_schedule", self.drafted_schedule, SCHEDULES)
        if self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise UsageError(
                f"min_tokens is {self.min_tokens} and max_tokens {self.max_tokens}; the minimum may not be larger."
            )

    @property
    def collects(self) -> bool:
        """Whether every position of the prompt is to be looked at, so that none may come from the cache."""
        return self.prompt_logits or self.pool_states

    @property
    def greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self.temperature == 0.0


_INFINITE = float("inf")
_RANGES = (
    ("max_tokens", 0, 2**31),
    ("min_tokens", 0, 2**31),
    ("temperature", 0.0, 1000.0),
    ("top_k", 0, 2**31),
    ("top_p", 0.0, 1.0),
    ("min_p", 0.0, 1.0),
    ("typical_p", 0.0, 1.0),
    ("epsilon_cutoff", 0.0, 1.0),
    ("eta_cutoff", 0.0, 1.0),
    ("repetition_penalty", 1e-6, 1000.0),
    ("presence_penalty", -1000.0, 1000.0),
    ("frequency_penalty", -1000.0, 1000.0),
    ("no_repeat_ngram_size", 0, 2**31),
    ("most_drafted", 0, 2**31),
    ("least_confidence", 0.0, 1.0),
    ("longest_match", 1, 2**31),
    ("seed", -(2**63), 2**64),
    ("max_time", 0.0, _INFINITE),
    ("max_wait", 0.0, _INFINITE),
    ("logprobs", 0, 1000),
)
