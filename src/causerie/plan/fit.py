"""Whether a model fits a computer, in which precision, with how long a context, and which precision to take: the memory
of footprint.py beside the speed of forecast.py, before a weight is loaded. Knows no file, no network and no terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from causerie.plan.computer import Computer, Span
from causerie.plan.footprint import STEP_TOKENS, CacheCost, cache_cost, least_tokens
from causerie.plan.forecast import Forecast, WeightForm
from causerie.spec.decoder import Decoder

DEPTHS = (0, 2048, 8192)
"""Tokens of a chat behind which speeds are told by default."""
PROMPT = 2000
"""Tokens of the prompt whose time is told."""
PROCESS_BYTES = 70_000_000
"""Of a process that has loaded a model: the interpreter, numpy and the tokenizer."""
PLEASANT = 8.0
"""Tokens per second below which an answer comes more slowly than most people read."""
ROOMY = 8192
"""Tokens of context below which a precision is not recommended where another holds more."""
BITS = {"int8": 8.25, "int4": 4.5}
"""Of a weight, where no shape is known."""


@dataclass(frozen=True)
class Precision:
    """A model in one precision on a computer."""

    form: WeightForm
    cache_bytes: int  # of 1,000 tokens
    working_bytes: int
    needed_bytes: int  # with the smallest cache that it is loaded with
    fits: bool
    context: int  # the longest that memory has room for; 0 where not even the weights have
    decode: tuple[tuple[int, Span], ...]  # tokens per second by depth
    prefill: tuple[tuple[int, float | None], ...]
    first_token_seconds: float | None  # of a prompt of PROMPT tokens

    @property
    def usual_speed(self) -> float:
        """Tokens per second of an answer at the beginning of a chat."""
        return self.decode[0][1].usual


@dataclass(frozen=True)
class Fit:
    """A model on a computer, in each precision, the most exact first."""

    spec: Decoder
    computer: Computer
    precisions: tuple[Precision, ...]
    recommended: Precision | None
    reason: str


def fit(spec: Decoder, forms: Sequence[WeightForm], computer: Computer, depths: Sequence[int] = DEPTHS) -> Fit:
    """How each of `forms`, the most exact first, would do on `computer`. Depths beyond the context are left out."""
    within_context = tuple(depth for depth in depths if depth < spec.context) or (0,)
    precisions = tuple(_precision(spec, form, computer, within_context) for form in forms)
    recommended, reason = recommendation(spec, precisions, computer)
    return Fit(spec, computer, precisions, recommended, reason)


def best_precision(parameters: int, stored_bytes: int, memory: int) -> str | None:
    """In which precision a model fits of which only its size is known: "stored", "int8" or "int4"; None where it fits
    in none."""
    return next((name for name, nbytes in needed_by_size(parameters, stored_bytes).items() if nbytes <= memory), None)


def needed_by_size(parameters: int, stored_bytes: int) -> dict[str, int]:
    """What such a model takes in each precision, the most exact first."""
    sizes = {"stored": stored_bytes, **{name: round(parameters * bits / 8) for name, bits in BITS.items()}}
    return {name: _needed_by_weights(size) for name, size in sizes.items()}


def enough_memory(weight_bytes: int, memory: int) -> bool:
    """Whether a model fits of which only the size of its weights is known."""
    return _needed_by_weights(weight_bytes) <= memory


def _needed_by_weights(nbytes: int) -> int:
    """A twentieth is added for its cache and working memory."""
    return round(1.05 * nbytes) + PROCESS_BYTES


def working_bytes(spec: Decoder) -> int:
    """Memory beside weights and cache: the process, and the activations of the largest step."""
    widest = max((_hidden(spec, i) for i in range(len(spec.layers))), default=0.0)
    return PROCESS_BYTES + round(4 * STEP_TOKENS * (2 * widest + 8 * spec.width))


def _hidden(spec: Decoder, layer: int) -> float:
    """How wide a layer's feed-forward half is for one token, with all the experts that it goes to."""
    rows = [weight.shape[0] for weight in spec.layers[layer].weights(spec.width) if weight.role == "feed-forward"]
    experts = spec.layers[layer].experts
    return max(rows, default=0) * (1 if experts is None else experts.router.active)


def _precision(spec: Decoder, form: WeightForm, computer: Computer, depths: Sequence[int]) -> Precision:
    cost = cache_cost(spec, form.cache_format)
    working = working_bytes(spec)
    beside = form.weight_bytes + working
    needed = beside + cost.total(least_tokens(spec))
    forecast = Forecast(spec, form, computer)
    return Precision(
        form=form,
        cache_bytes=thousand_tokens(cost),
        working_bytes=working,
        needed_bytes=needed,
        fits=needed <= computer.memory,
        context=cost.most_tokens(computer.memory - beside, spec.context) if beside <= computer.memory else 0,
        decode=tuple((depth, forecast.decode_speed(depth)) for depth in depths),
        prefill=tuple((depth, forecast.prefill_speed(STEP_TOKENS, depth)) for depth in depths),
        first_token_seconds=forecast.first_token_seconds(min(PROMPT, spec.context)),
    )


def thousand_tokens(cost: CacheCost) -> int:
    """Bytes that 1,000 tokens of a chat take, what a chat takes however long it is included."""
    return 1000 * cost.per_token + cost.slot


def recommendation(spec: Decoder, precisions: Sequence[Precision], computer: Computer) -> tuple[Precision | None, str]:
    """The precision to take and why, in a sentence: the most exact one that fits with room for a chat and is not slower
    than one reads, or the one nearest to that."""
    fitting = [each for each in precisions if each.fits]
    memory = f"{computer.memory / 1e9:.1f} GB"
    if not fitting:
        least = min(precisions, key=lambda each: each.needed_bytes)
        return None, (
            f"It needs {least.needed_bytes / 1e9:.1f} GB even in {least.form.name}, and {memory} are there. Take a "
            "smaller model."
        )
    roomy = [each for each in fitting if each.context >= min(ROOMY, spec.context)] or fitting
    pleasant = [each for each in roomy if each.usual_speed >= PLEASANT]
    if not pleasant:
        best = max(roomy, key=lambda each: each.usual_speed)
        return best, (
            f"the fastest that fits. It writes {best.usual_speed:.1f} tokens/s, more slowly than most people read."
        )
    best = pleasant[0]
    skipped = precisions[: precisions.index(best)]
    if not skipped:
        return best, f"it fits in {memory} as exact as it is stored."
    return best, f"the most exact that {_distinction(skipped, best)}."


def _distinction(skipped: Sequence[Precision], best: Precision) -> str:
    """What the precisions before it lack."""
    if not any(each.fits for each in skipped):
        return "fits"
    if all(each.context < min(ROOMY, best.context) for each in skipped):
        return f"has room for a chat ({best.context:,} tokens)"
    before = next(each for each in reversed(skipped) if each.fits)
    return f"writes fast enough ({best.usual_speed:.0f} tokens/s, {before.form.name} {before.usual_speed:.1f})"
