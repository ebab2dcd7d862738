"""What a loaded model reads of memory for each token that it writes, and what it would read held otherwise. Runs
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from causerie.api.causal_lm import CausalLM
from causerie.api.measurement.promise import form_of_loaded
from causerie.errors import Unsupported
from causerie.plan.fit import BITS
from causerie.plan.speed import active_bytes, step_work

CLEARLY = 0.9
"""Of what is read now: a format that would not save more is not spoken of."""


@dataclass(frozen=True)
class TokenReading:
    """Bytes for one token of an answer at one depth."""

    weights: float
    weight_format: str
    lighter: tuple[tuple[str, float], ...]  # formats of fewer bits, and about what the weights would be in them
    cached: float
    cache_format: str
    cached_int8: float | None  # None where it is in int8 already, or cannot be

    @staticmethod
    def of(model: CausalLM, depth: int) -> TokenReading | None:
        """That of a model at a depth; None where it does not run on its processor."""
        if model.backend != "native":
            return None
        form, spec = form_of_loaded(model), model.step_model.spec
        read = active_bytes(spec, form.weight_bytes, form.embedding)

        def at(cache_format: str) -> tuple[float, float]:
            formats = form.format, cache_format
            experts = form.expert_bytes
            work = step_work(
                spec, read, formats, rows=1, depth=depth, sequences=1, outputs=1, expert_bytes=experts
            )  # fmt: skip
            return work.weights, work.cached

        weights, cached = at(form.cache_format)
        try:
            int8 = None if form.cache_format == "int8" else at("int8")[1]
        except Unsupported:
            int8 = None
        bits = 8 * form.weight_bytes / spec.parameters
        lighter = tuple((name, weights * fewer / bits) for name, fewer in BITS.items() if fewer < CLEARLY * bits)
        return TokenReading(weights, form.format, lighter, cached, form.cache_format, int8)
