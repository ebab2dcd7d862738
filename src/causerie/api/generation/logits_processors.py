"""The field's logits processors: code of the caller's that changes the scores of each next token. Names, arguments and
results are transformers'; ids and scores may be tensors or arrays, and the answer is of the same kind.

Each answer is asked about by itself, with ids [1, tokens] and scores [1, vocabulary], as answers run each at its own
pace. Knows no engine and no text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.api.generation.caller_code import callables_of, kind_for, name_of
from causerie.api.generation.prompt_rows import Container
from causerie.api.tensors import to_lists, to_numpy
from causerie.decoding.params import SamplingParams
from causerie.errors import EngineError, UsageError

AllowedTokens = Callable[[int, Any], Any]
"""Called with the number of an answer among those of the call and its ids [tokens], prompt included; gives the tokens
that may come next."""


class LogitsProcessor:
    """To be subclassed. A processor is called with ids [1, tokens], the prompt included, and scores [1, vocabulary],
    and returns such scores, the same ones or others."""

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """The scores after it."""
        raise NotImplementedError("LogitsProcessor is to be subclassed: give your class a __call__(input_ids, scores)")


class LogitsProcessorList(list[Any]):
    """Several processors, each of which gets the scores of the one before."""

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """The scores after all of them; `kwargs` go to those that take more than two arguments."""
        for processor in self:
            code = getattr(type(processor).__call__, "__code__", None)
            further = kwargs if code is not None and code.co_argcount > 3 else {}
            scores = processor(input_ids, scores, **further)
        return scores


class RowProcessors:
    """The caller's code for one answer; see RowChange. What that code raised is kept in `fault`."""

    def __init__(
        self,
        prompt: Sequence[int],
        number: int,
        processors: Sequence[Any],
        allowed: AllowedTokens | None,
        kind: Container,
    ) -> None:
        self.fault: Exception | None = None
        self._prompt = np.array(prompt, dtype=np.int64)
        self._number = number
        self._processors = processors
        self._allowed = allowed
        self._kind = kind

    def change(self, answer: Sequence[int], row: NDArray[np.float32]) -> None:
        """See RowChange."""
        ids = self._kind.array(np.concatenate([self._prompt, np.array(answer, dtype=np.int64)])[None])
        try:
            if self._allowed is not None:
                self._forbid_others(ids[0], row)
            if self._processors:
                scores = self._kind.array(row[None].copy())
                for processor in self._processors:
                    scores = _checked(processor(ids, scores), processor, len(row))
                row[:] = to_numpy(scores)[0]
        except Exception as fault:
            self.fault = fault
            raise

    def _forbid_others(self, ids: Any, row: NDArray[np.float32]) -> None:
        assert self._allowed is not None
        said = self._allowed(self._number, ids)
        tokens = np.array(to_lists(said), dtype=np.int64) if said is not None else np.array([], dtype=np.int64)
        if tokens.ndim != 1 or not len(tokens) or tokens.min() < 0 or tokens.max() >= len(row):
            raise UsageError(
                f"prefix_allowed_tokens_fn gave {str(said)[:60]} after {len(ids)} tokens; expected a list of at least "
                f"one token from 0 to {len(row) - 1}.",
                field="prefix_allowed_tokens_fn",
            )
        scores = row[tokens]
        row.fill(-np.inf)
        row[tokens] = scores


def with_processors(
    params: Sequence[SamplingParams],
    prompts: Sequence[Sequence[int]],
    container: Container,
    logits_processor: Any,
    prefix_allowed_tokens_fn: Any,
    period: int | None = None,
) -> list[SamplingParams]:
    """The parameters of answers to these prompts, held to the caller's code; the same where there is none. Answers are
    numbered from 0, and again after each `period`. Raises UsageError for what cannot be called."""
    processors = callables_of("logits_processor", logits_processor)
    allowed = prefix_allowed_tokens_fn
    if allowed is not None and not callable(allowed):
        raise UsageError(
            f"prefix_allowed_tokens_fn is {allowed!r}; expected a function of (batch_id, input_ids) that gives tokens."
        )
    if not processors and allowed is None:
        return list(params)
    kind = kind_for(processors, container)
    return [
        replace(each, row_change=RowProcessors(prompt, number % (period or len(params)), processors, allowed, kind))
        for number, (each, prompt) in enumerate(zip(params, prompts, strict=True))
    ]


@contextmanager
def own_faults(params: Sequence[SamplingParams]) -> Iterator[None]:
    """What the caller's code raised leaves this block as it was raised, in place of the engine's word of it."""
    try:
        yield
    except (EngineError, UsageError) as error:
        for each in params:
            if isinstance(each.row_change, RowProcessors) and each.row_change.fault is not None:
                raise each.row_change.fault from error
        raise


def _checked(scores: Any, processor: Any, vocab: int) -> Any:
    shape = None if scores is None else tuple(np.shape(scores))
    if shape != (1, vocab):
        result = "None" if scores is None else f"{type(scores).__name__} of shape {list(shape or ())}"
        raise UsageError(
            f"The logits processor {name_of(processor)} gave {result}; expected scores of shape [1, {vocab}], as it "
            "was handed.",
            field="logits_processor",
        )
    return scores
