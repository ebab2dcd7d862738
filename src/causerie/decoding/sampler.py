"""Draws tokens: per request its filters in transformers' order, then the most likely token or a random one.

Randomness is a function of (seed, position) alone: a token does not depend on what else runs, on the order of work or
on how often its request was interrupted. It knows no model and no cache.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from causerie.decoding import logits as keep
from causerie.decoding.constraint import Matcher
from causerie.decoding.drawn import Drawn
from causerie.decoding.history import Completions, NoRepeat, Penalties, Row
from causerie.decoding.params import SamplingParams
from causerie.errors import UsageError

_SMALL = 4096  # candidates up to which float64 costs nothing that matters
_STRETCH = 256  # of a row, whose probabilities are summed up apart


class Drawing(NamedTuple):
    """A row that wants a token: whose it is, how it is drawn, what came before, and where the row is. Where a `draft`
    of what follows was read with it, the rows after it are those of the drafted tokens."""

    request: int
    params: SamplingParams
    prompt: int  # prompt tokens among `history`
    history: array[int]  # read-only
    row: int  # among those of the step
    draft: Sequence[int] = ()


class Sampler:
    """Draws for all requests; keeps what their filters remember until they are forgotten."""

    def __init__(self, vocab: int) -> None:
        self._vocab = vocab
        self._requests: dict[int, RequestSampler] = {}

    def draw(self, rows: NDArray[np.float32], drawings: Sequence[Drawing]) -> list[list[Drawn]]:
        """For each drawing a token from its row of `rows` [n, vocab], and a further one for each drafted token as long
        as what was drawn is what was drafted. A row that allows none, or a fault while drawing it, gives an error for
        that request alone, after which nothing follows."""
        runs = []
        for drawing in drawings:
            run = [self._draw(rows[drawing.row], drawing, drawing.history)]
            if drawing.draft:
                self._follow(rows, drawing, run)
            runs.append(run)
        return runs

    def forget(self, request: int) -> None:
        """Drops what is remembered of a request that has ended."""
        self._requests.pop(request, None)

    def _follow(self, rows: NDArray[np.float32], drawing: Drawing, run: list[Drawn]) -> None:
        """Adds to a run of one token what is drawn along the draft. Filters and constraints are told of a token once it
        is accepted, as without a draft, so there is never anything to take back."""
        history = drawing.history[:]
        for row, drafted in enumerate(drawing.draft, drawing.row + 1):
            if run[-1].error is not None or run[-1].token != drafted:
                break
            history.append(drafted)
            run.append(self._draw(rows[row], drawing, history))

    def _draw(self, row: Row, drawing: Drawing, history: array[int]) -> Drawn:
        try:
            sampler = self._requests.get(drawing.request)
            if sampler is None:
                sampler = RequestSampler(drawing.params, self._vocab, drawing.prompt)
                self._requests[drawing.request] = sampler
            return sampler.draw(row, history)
        except UsageError as fault:
            return Drawn(-1, error=str(fault), error_field=fault.field)
        except Exception as fault:  # noqa: BLE001 - one request's filters must not end its neighbours
            return Drawn(-1, error=f"Drawing a token failed: {type(fault).__name__}: {fault}")


class RequestSampler:
    """One request's filters, made ready once."""

    def __init__(self, params: SamplingParams, vocab: int, prompt: int) -> None:
        self._params = params
        self._prompt = prompt
        biases = params.sequence_bias + tuple(((token,), bias) for token, bias in params.logit_bias)
        # A single bad word that ends the answer is no bad word, as in transformers.
        words = [word for word in params.bad_words if not (len(word) == 1 and word[0] in params.eos)]
        self._bias = Completions(biases) if biases else None
        self._penalties = Penalties(params, vocab, prompt) if Penalties.needed_by(params) else None
        self._no_repeat = NoRepeat(params.no_repeat_ngram_size) if params.no_repeat_ngram_size else None
        self._bad_words = Completions((word, -np.inf) for word in words) if words else None
        self._eos = np.array([token for token in params.eos if 0 <= token < vocab], dtype=np.intp)
        self._suppressed = np.array(params.suppress_tokens, dtype=np.intp)
        self._begin = np.array(params.begin_suppress_tokens, dtype=np.intp)
        self._matcher: Matcher | None = None  # made when the prompt is known
        self._matched = prompt  # tokens of the history that the matcher has taken
        self._filters = bool(
            params.constraint
            or params.row_change
            or self._bias
            or self._penalties
            or self._no_repeat
            or self._bad_words
            or (params.min_tokens and len(self._eos))
            or len(self._suppressed)
            or len(self._begin)
        )
        self._reports = params.logprobs is not None or params.keep_logits or params.keep_scores

    def draw(self, row: Row, history: array[int]) -> Drawn:
        """The token that follows `history`."""
        token = int(row.argmax())  # the first NaN, if there is one
        if not np.isfinite(row[token]):
            return Drawn(token, error=_unusable(row))
        if self._filters:
            scores = self.filtered(row, history)
            token = int(scores.argmax())
            if not np.isfinite(scores[token]):
                sentence = "Every token is forbidden by this request's filters; relax some of them."
                return Drawn(token, error=sentence, error_field=self._forbidding())
        else:
            scores = row
        places: keep.Places | None = None
        if not self._params.greedy:
            places, values = self._candidates(scores)
            choice = choose(values, uniform(self._params.seed, len(history)))
            token = choice if places is None else int(places[choice])
        return self._report(token, row, scores, places) if self._reports else Drawn(token)

    def filtered(self, row: Row, history: array[int]) -> Row:
        """A copy of the row as filters change it for the token after `history`, which only grows from call to call."""
        row = row.copy()
        if self._params.constraint is not None:
            if self._matcher is None:
                self._matcher = self._params.constraint.matcher(history[: self._prompt])
            self._matcher.advance(history[self._matched :])
            self._matched = len(history)
            self._matcher.forbid(row)
        if self._bias is not None:
            self._bias.apply(row, history)
        if self._penalties is not None:
            self._penalties.apply(row, history)
        if self._no_repeat is not None:
            self._no_repeat.apply(row, history)
        if self._bad_words is not None:
            self._bad_words.apply(row, history)
        new = len(history) - self._prompt
        if new < self._params.min_tokens:
            row[self._eos] = -np.inf
        row[self._suppressed] = -np.inf
        if new == 0:
            row[self._begin] = -np.inf
        if self._params.row_change is not None:
            self._params.row_change.change(history[self._prompt :], row)
        return row

    def _forbidding(self) -> str | None:
        """The flag that most likely forbids what the others leave: the model and the form alone always leave some."""
        params = self._params
        flags = {
            "logits_processor": params.row_change,
            "suppress_tokens": params.suppress_tokens,
            "begin_suppress_tokens": params.begin_suppress_tokens,
            "bad_words_ids": params.bad_words,
            "logit_bias": params.logit_bias,
            "sequence_bias": params.sequence_bias,
            "no_repeat_ngram_size": params.no_repeat_ngram_size,
            "min_new_tokens": params.min_tokens,
            "response_format": params.constraint,
        }
        return next((name for name, value in flags.items() if value), None)

    def _candidates(self, scores: Row) -> tuple[keep.Places | None, keep.Logits]:
        """Tokens that may be drawn (None: all) and their logits at this temperature, largest 0."""
        params = self._params
        places: keep.Places | None = None
        values: keep.Logits = scores
        if params.top_k:
            places = keep.keep_top_k(values, params.top_k)
            values = values[places]
        if len(values) <= _SMALL:
            values = values.astype(np.float64)
        with np.errstate(over="ignore"):  # a tiny temperature leaves only the largest, as it should
            values = (values - values.max()) / params.temperature
        for active, filtered, limit in (
            (params.top_p < 1.0, keep.keep_top_p, params.top_p),
            (params.min_p > 0.0, keep.keep_min_p, params.min_p),
            (params.typical_p < 1.0, keep.keep_typical, params.typical_p),
            (0.0 < params.epsilon_cutoff < 1.0, keep.keep_epsilon, params.epsilon_cutoff),
            (0.0 < params.eta_cutoff < 1.0, keep.keep_eta, params.eta_cutoff),
        ):
            if active:
                survivors = filtered(values, limit)
                places = survivors if places is None else places[survivors]
                values = values[survivors]
        return places, values

    def _report(self, token: int, row: Row, scores: Row, places: keep.Places | None) -> Drawn:
        """What was asked about the drawn token. Scores are as transformers reports them: filtered, at temperature."""
        params = self._params
        logprob: float | None = None
        top: tuple[tuple[int, float], ...] = ()
        if params.logprobs is not None:
            tokens = keep.largest(row, params.logprobs)
            values = keep.log_probabilities(row, np.append(tokens, token))
            logprob = float(values[-1])
            top = tuple(zip(tokens.tolist(), values[:-1].tolist(), strict=True))
        all_scores = None
        if params.keep_scores:
            with np.errstate(over="ignore"):
                all_scores = scores.copy() if params.greedy else scores / np.float32(params.temperature)
            if places is not None:
                allowed = all_scores[places]
                all_scores.fill(-np.inf)
                all_scores[places] = allowed
        return Drawn(token, logprob, top, row.copy() if params.keep_logits else None, all_scores)


def uniform(seed: int, position: int) -> float:
    """A number in [0, 1) that depends on seed and position only: Philox 4x64 (Salmon et al., 2011) keyed by both."""
    bits = np.random.Philox(key=np.array([seed % 2**64, position], dtype=np.uint64)).random_raw()
    return float(int(bits) >> 11) * 2.0**-53


def choose(logits: keep.Logits, point: float) -> int:
    """The place where the running sum of probabilities passes `point` in [0, 1): among stretches of the row first, then
    within one, since a running sum of a whole vocabulary takes longer than all else."""
    weights = np.exp(logits - logits.max())
    ends = np.cumsum(np.add.reduceat(weights, np.arange(0, len(weights), _STRETCH)), dtype=np.float64)
    target = point * ends[-1]
    stretch = _passing(ends, target)
    first = stretch * _STRETCH
    before = ends[stretch - 1] if stretch else 0.0
    return first + _passing(before + np.cumsum(weights[first : first + _STRETCH], dtype=np.float64), target)


def _passing(sums: NDArray[np.float64], target: float) -> int:
    """The first of ascending sums that is above `target`; where rounding leaves none, the last that grew."""
    place = int(np.searchsorted(sums, target, side="right"))
    return place if place < len(sums) else int(np.searchsorted(sums, sums[-1], side="left"))


def _unusable(row: Row) -> str:
    nans, infinite = int(np.isnan(row).sum()), int(np.isposinf(row).sum())
    what = f"{nans} NaN and {infinite} infinite" if nans or infinite else "only -inf"
    return (
        f"model_output: the model's logits hold {what} values of {len(row)}, so no token can be drawn from them. "
        "Its weights are damaged, or too large for the format they are held in: download them again, or try another "
        "dtype."
    )
