"""What a model's call and generate() return beside bare tokens. Fields are attributes and, as in the field, keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.api.generation.answers import Answer
from causerie.api.generation.prompt_rows import Container
from causerie.api.generation.resolution import Generation
from causerie.decoding.params import SamplingParams


class _Named:
    """Lets a dataclass be read like a mapping of its fields that are set, or by their number."""

    def keys(self) -> list[str]:
        """Names of the fields that are set."""
        return [f.name for f in fields(self) if getattr(self, f.name) is not None]  # type: ignore[arg-type]

    def __getitem__(self, key: str | int) -> Any:
        if isinstance(key, int):
            return getattr(self, self.keys()[key])
        if key not in self.keys():
            raise KeyError(f"{key!r} is not in this output; it has {', '.join(self.keys())}")
        return getattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self.keys()


@dataclass
class CausalLMOutput(_Named):
    """What calling the model returns."""

    logits: Any  # [prompts, tokens, vocab], float32; rows of padding are 0


@dataclass
class GenerateOutput(_Named):
    """What generate(return_dict_in_generate=True) returns; r rows, one per answer.

    A row that ended before others has zeros in later entries of `scores` and `logits`."""

    sequences: Any  # [r, tokens], prompts included
    scores: tuple[Any, ...] | None = None  # per new token [r, vocab], after all filters; output_scores
    logits: tuple[Any, ...] | None = None  # per new token [r, vocab], as the model gave them; output_logits
    sequences_scores: Any = None  # [r], of beams, with output_scores; `scores` and `logits` have a row for each beam
    logprobs: list[list[float]] | None = None  # of each row's new tokens, natural logarithms; logprobs
    finish_reasons: list[str] | None = None  # "stop", "length" or "time"
    seeds: list[int] | None = None  # pass as seed to get a row again; None when greedy


def output_of(
    sequences: Any, answers: list[Answer], plan: Generation, params: list[SamplingParams], container: Container
) -> GenerateOutput:
    """What was kept of each row, put together step by step in the caller's kind of array."""
    options = plan.params
    scores = score_steps([answer.scores for answer in answers], plan.renormalize) if options.keep_scores else None
    logits = _steps([answer.logits for answer in answers]) if options.keep_logits else None
    return GenerateOutput(
        sequences=sequences,
        scores=None if scores is None else tuple(map(container.array, scores)),
        logits=None if logits is None else tuple(map(container.array, logits)),
        logprobs=None if options.logprobs is None else [answer.logprobs for answer in answers],
        finish_reasons=[answer.finish_reason or "" for answer in answers],
        seeds=None if options.greedy else [each.seed for each in params],
    )


def score_steps(rows: Sequence[Sequence[NDArray[np.float32]]], renormalize: bool) -> Iterator[NDArray[np.float32]]:
    """Scores [rows, vocab] for each step of the longest row, as log-probabilities where `renormalize`."""
    steps = _steps(rows)
    return map(log_softmax, steps) if renormalize else steps


def _steps(rows: Sequence[Sequence[NDArray[np.float32]]]) -> Iterator[NDArray[np.float32]]:
    """[rows, vocab] for each step of the longest row; zeros where a row has ended."""
    for step in range(max(len(row) for row in rows)):
        present = next(row[step] for row in rows if len(row) > step)
        yield np.stack([row[step] if len(row) > step else np.zeros_like(present) for row in rows])


def log_softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithms of the probabilities of each row."""
    shifted = values - values.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), dtype=np.float32)
