"""Where an answer's time went, and what would change it: numbers in, sentences out. Says only what was measured or
counted. Knows no model and no screen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.api.measurement.evidence import Evidence

if TYPE_CHECKING:
    from causerie.api.machine.surroundings import Surroundings
    from causerie.api.measurement.promise import Bandwidth, Expected
    from causerie.api.measurement.token_reading import TokenReading

NOTABLE = 0.05
"""Of an answer's time, from which on a cause of it is told."""
INSTANT = 0.05
"""Seconds that nobody notices, whatever share they are."""
SLOWER = 1.15
"""Times what was expected, from which on something took longer."""
LOST = 64
"""Tokens that were known and read again: fewer are the rest of a block of the cache."""
BUSY = 0.1
"""Of the processors, kept busy by others."""
FETCHED = 2**20
"""Bytes from the disk."""
WRITING = 0.3
"""Share of writing, from which on it is worth to say what a token reads."""
LOOKING_BACK, WEIGHING = 0.25, 0.5
"""Shares of the cache and of the weights in that, likewise."""
COMPARABLE = 16
"""Tokens of an answer, from which on its speed means something."""

_CAUSES = {
    "system prompt": "The system prompt is another one than before, and it stands at the beginning",
    "messages": "Earlier messages are no longer what they were (an edit, or a chat that was shortened)",
    "variables": "The chat template is told something else than before (/think), and it says so early in the chat",
    "template": "The chat template writes earlier messages otherwise than they were read, as without their reasoning",
}
_ELSEWHERE = (
    "What the server did in that time it does not say: how long the message waited there, how fast its memory is, what "
    "else it had to do. Of a model that is loaded here /why can tell more."
)


@dataclass(frozen=True)
class Share:
    """A part of an answer's time; `detail` says what was done in it."""

    name: str
    seconds: float
    share: float  # of the whole
    detail: str


@dataclass(frozen=True)
class Diagnosis:
    """Shares, the largest first, and sentences: what made it slow, or that nothing did, and then what would make any
    such answer faster."""

    shares: tuple[Share, ...]
    sentences: tuple[str, ...]


def diagnosis(cost: AnswerCost, evidence: Evidence | None) -> Diagnosis:
    """What is to be said of an answer. Without evidence it was another server's, of which only the clock here tells."""
    if evidence is None:
        parts = [("to the first token", cost.first_token_seconds, _prompt(cost)), _writing(cost, None)]
        return Diagnosis(_shares(parts), (_ELSEWHERE,))
    waiting, reading = cost.waiting_seconds or 0.0, _reading_seconds(cost)
    parts = [("loading", cost.loading_seconds, "the model")] if cost.loading_seconds else []
    parts += [
        ("waiting", waiting, "until the engine began with it"),
        ("template and tokens", cost.preparation_seconds, f"the chat written as {cost.prompt_tokens:,} tokens"),
        ("reading the prompt", reading, _prompt(cost) + _expected_first(evidence.expected)),
        _writing(cost, evidence.expected),
    ]
    causes = sorted(_causes(cost, evidence), key=lambda cause: -cause[0])
    sentences = [sentence for _, sentence in causes] or [_verdict(cost, evidence)]
    writing = cost.total_seconds - cost.first_token_seconds
    if evidence.reading is not None and writing >= WRITING * cost.total_seconds and cost.new_tokens > 1:
        sentences += _lighter(evidence.reading)
    return Diagnosis(_shares(parts), tuple(sentences))


# --- where it went ---


def _shares(parts: list[tuple[str, float, str]]) -> tuple[Share, ...]:
    whole = sum(seconds for _, seconds, _ in parts) or 1.0
    shares = [Share(name, seconds, seconds / whole, detail) for name, seconds, detail in parts]
    return tuple(sorted(shares, key=lambda each: -each.seconds))


def _reading_seconds(cost: AnswerCost) -> float:
    before = cost.loading_seconds + cost.preparation_seconds + (cost.waiting_seconds or 0.0)
    return max(0.0, cost.first_token_seconds - before)


def _prompt(cost: AnswerCost) -> str:
    """What was read; where nobody told what the cache gave, nothing is said of that."""
    if cost.waiting_seconds is None and not cost.cached_tokens:
        return f"a prompt of {cost.prompt_tokens:,} tokens"
    anew = cost.prompt_tokens - cost.cached_tokens
    return f"{anew:,} token{'' if anew == 1 else 's'} anew, {cost.cached_tokens:,} from the cache"


def _expected_first(expected: Expected | None) -> str:
    seconds = None if expected is None else expected.first_token_seconds
    return "" if seconds is None else f"; {seconds:.3f} s expected"


def _writing(cost: AnswerCost, expected: Expected | None) -> tuple[str, float, str]:
    detail, speed = f"{cost.new_tokens:,} tokens", cost.tokens_per_second
    if speed is not None:
        detail += f", {speed:.1f} a second"
    if speed is not None and expected is not None:
        detail += f"; {expected.tokens_per_second.usual:.1f} expected"
        detail += " without guesses" if cost.drafted_tokens else ""
    if cost.drafted_tokens:
        gained = "" if cost.speedup is None else f", about {cost.speedup:.2f} × as fast as without"
        detail += f"; {cost.accepted_tokens} of {cost.drafted_tokens} guesses right{gained}"
    return "writing", max(0.0, cost.total_seconds - cost.first_token_seconds), detail


# --- what made it slow ---


def _causes(cost: AnswerCost, evidence: Evidence) -> Iterator[tuple[float, str]]:
    """Each with the seconds that it took, 0 where only that it happened is known."""
    yield from _reread(cost, evidence)
    if _notable(seconds := cost.waiting_seconds or 0.0, cost):
        yield seconds, f"It waited {seconds:.2f} s for the engine, which was still busy with something else."
    if _notable(seconds := cost.preparation_seconds, cost):
        yield (
            seconds,
            f"The chat template and its {cost.prompt_tokens:,} tokens took {seconds:.2f} s; a new chat has fewer.",
        )
    if _notable(seconds := cost.loading_seconds, cost):
        yield seconds, f"The model had to be loaded first, which took {seconds:.2f} s."
    writing = cost.total_seconds - cost.first_token_seconds
    if cost.speedup is not None and _notable(lost := writing * (1 - cost.speedup), cost):
        right = f"{cost.accepted_tokens} of {cost.drafted_tokens} guesses were right"
        yield lost, f"{right}, which lost about {lost:.2f} s; --speculation off makes none."
    if evidence.neighbours:
        others = "Another answer was" if evidence.neighbours == 1 else f"{evidence.neighbours} other answers were"
        yield 0.0, f"{others} made at the same time, which takes its share of the machine."
    yield from ((0.0, sentence) for sentence in _machine(evidence.bandwidth, evidence.surroundings))


def _notable(seconds: float, cost: AnswerCost) -> bool:
    return seconds > INSTANT and seconds >= NOTABLE * cost.total_seconds


def _reread(cost: AnswerCost, evidence: Evidence) -> Iterator[tuple[float, str]]:
    """Tokens that were read although the model had read them before. What the cache gave is only known once the engine
    has told."""
    change, anew = evidence.change, cost.prompt_tokens - cost.cached_tokens
    if change is None or cost.waiting_seconds is None or anew <= 0:
        return
    each = _reading_seconds(cost) / anew
    again = min(change.again, anew)
    if change.cause is not None and again >= LOST and _notable(again * each, cost):
        yield (
            again * each,
            f"{_CAUSES[change.cause]}: what follows was read again, {again:,} tokens in about {again * each:.2f} s.",
        )
    lost = min(change.same, cost.prompt_tokens - 1) - cost.cached_tokens
    if lost >= LOST and _notable(lost * each, cost):
        why = (
            "this model can only go on from the ends of messages that it keeps"
            if evidence.remembers_ends
            else "the cache no longer had them; a larger --max-cache-tokens keeps more"
        )
        yield lost * each, f"{lost:,} tokens of the chat were read again, in about {lost * each:.2f} s: {why}."


def _machine(bandwidth: Bandwidth | None, surroundings: Surroundings | None) -> Iterator[str]:
    if bandwidth is not None and SLOWER * bandwidth.now < bandwidth.low:
        now, low, high = (value / 1e9 for value in (bandwidth.now, bandwidth.low, bandwidth.high))
        gave = f"{low:.0f}" if f"{low:.0f}" == f"{high:.0f}" else f"{low:.0f} to {high:.0f}"
        yield (
            f"Memory gives {now:.0f} GB/s now, and gave {gave} when this machine was measured; writing goes by that. "
            "If it stays so, `causerie info --probe` measures again."
        )
    if surroundings is None:
        return
    others, processors = surroundings.others, surroundings.processors
    if others is not None and others >= BUSY * processors:
        yield (
            f"Other programs kept {others:.1f} of {processors} processors busy meanwhile; without them the answer "
            "has these for itself."
        )
    fetched = surroundings.disk_bytes
    if fetched is not None and fetched >= FETCHED:
        yield (
            f"{fetched / 1e6:,.0f} MB of this program's memory had to be fetched from the disk meanwhile, because they "
            "were used for the first time or memory is short. If it happens again, close other programs or take "
            "fewer bits (--quantization int4)."
        )


def _verdict(cost: AnswerCost, evidence: Evidence) -> str:
    """Where there is no cause to tell."""
    expected = evidence.expected
    if expected is None and evidence.reading is None:
        return "Nothing stands out. What is to be expected can be said of the native backend alone."
    if expected is None:
        return (
            "Nothing stands out. What this machine allows is not known, for it was not measured with so many threads: "
            "`causerie info --probe` does that in seconds."
        )
    late = []
    speed, first = cost.tokens_per_second, expected.first_token_seconds
    if compared := speed is not None and cost.new_tokens >= COMPARABLE:
        late += [("writing", expected.tokens_per_second.low / (speed or 1.0))]
    if first:
        late += [("reading the prompt", _reading_seconds(cost) / first)]
    slow = [(name, ratio) for name, ratio in late if ratio >= SLOWER]
    if slow:
        (name, ratio), *others = slow
        also = "".join(f", {other} {times:.1f} times" for other, times in others)
        said = f"{name.capitalize()} took {ratio:.1f} times as long as was expected"
        return f"{said}{also}, and nothing that was measured says why."
    if not compared and not first:
        return "Nothing stands out; it was too short to be set against what is expected."
    return "Nothing stands out: it was as fast as this machine allows with the model as it is held."


# --- what would make any such answer faster ---


def _lighter(reading: TokenReading) -> Iterator[str]:
    whole = (reading.weights + reading.cached) or 1.0
    if reading.cached_int8 is not None and reading.cached >= LOOKING_BACK * whole:
        yield (
            f"Each token reads {_bytes(reading.cached)} of the chat before it, {reading.cached / whole:.0%} of all it "
            f"reads, kept in {reading.cache_format}; --cache-dtype int8 makes that {_bytes(reading.cached_int8)}."
        )
    if reading.lighter and reading.weights >= WEIGHING * whole:
        fewer = ", ".join(f"--quantization {name} about {_bytes(value)}" for name, value in reading.lighter)
        yield (
            f"Each token reads {_bytes(reading.weights)} of weights, held in {reading.weight_format}; "
            f"{fewer}, less exact."
        )


def _bytes(count: float) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
