"""What filters remember of a request's tokens: which were seen, how often, what followed which. One object per request,
told of each token once. It knows no logits of its own; `apply` changes the row it is handed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from causerie.decoding.params import SamplingParams

Row = NDArray[np.float32]
_FORBIDDEN = np.float32(-np.inf)


class Penalties:
    """Repetition (prompt and answer), presence and frequency (answer only)."""

    def __init__(self, params: SamplingParams, vocab: int, prompt: int) -> None:
        self._repetition = np.float32(params.repetition_penalty)
        self._presence = np.float32(params.presence_penalty)
        self._frequency = np.float32(params.frequency_penalty)
        self._prompt = prompt
        self._length = 0  # of the tokens that are recorded
        self._marks = np.zeros(vocab, dtype=np.bool_) if params.repetition_penalty != 1.0 else None
        counted = params.presence_penalty != 0.0 or params.frequency_penalty != 0.0
        self._counts = np.zeros(vocab, dtype=np.int32) if counted else None

    @staticmethod
    def needed_by(params: SamplingParams) -> bool:
        """Whether the parameters ask for any of this."""
        return params.repetition_penalty != 1.0 or params.presence_penalty != 0.0 or params.frequency_penalty != 0.0

    def apply(self, row: Row, tokens: Sequence[int]) -> None:
        """Lowers what is in `tokens`, which begin with those of the last call."""
        self._record(tokens)
        if self._marks is not None:
            there = np.flatnonzero(self._marks)
            logits = row[there]
            row[there] = np.where(logits < 0, logits * self._repetition, logits / self._repetition)
        if self._counts is not None:
            present = np.flatnonzero(self._counts > 0)  # of truth values it is ten times as quick
            row[present] -= self._presence + self._frequency * self._counts[present].astype(np.float32)

    def _record(self, tokens: Sequence[int]) -> None:
        if self._marks is not None:
            self._marks[np.array(tokens[self._length :], dtype=np.intp)] = True
        if self._counts is not None:
            np.add.at(self._counts, np.array(tokens[max(self._length, self._prompt) :], dtype=np.intp), 1)
        self._length = len(tokens)


class NoRepeat:
    """No n-gram of the text (prompt and answer) may come twice (Paulus et al., 2017)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._followers: dict[tuple[int, ...], list[int]] = {}
        self._next = 0  # n-grams that start before this place are recorded

    def apply(self, row: Row, tokens: Sequence[int]) -> None:
        """Forbids what would complete an n-gram of `tokens` again."""
        before = self._size - 1
        for start in range(self._next, len(tokens) - before):
            self._followers.setdefault(tuple(tokens[start : start + before]), []).append(tokens[start + before])
            self._next = start + 1
        if len(tokens) >= self._size:
            banned = self._followers.get(tuple(tokens[len(tokens) - before :]))
            if banned:
                row[banned] = _FORBIDDEN


class Completions:
    """Token sequences with a bias on completing them: added to the last token when the others come just before it."""

    def __init__(self, biases: Iterable[tuple[tuple[int, ...], float]]) -> None:
        self._by_length: dict[int, dict[tuple[int, ...], list[tuple[int, float]]]] = {}
        for (*before, last), bias in biases:
            self._by_length.setdefault(len(before), {}).setdefault(tuple(before), []).append((last, bias))

    def apply(self, row: Row, tokens: Sequence[int]) -> None:
        """Adds the biases that apply after `tokens`."""
        for length, table in self._by_length.items():
            if length <= len(tokens):
                for token, bias in table.get(tuple(tokens[len(tokens) - length :]), ()):
                    row[token] += np.float32(bias)
