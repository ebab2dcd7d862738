"""A call of generate() that asks for beams: its flags, the prompts' beams, and their best answers in the caller's kind
of array. Knows no engine, only a function that gives logits."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causerie.api.generation.answers import Answer
from causerie.api.generation.beams import BeamFlags, Ended, NextLogits, PromptBeams, Scores, search
from causerie.api.generation.caller_code import callables_of, kind_for
from causerie.api.generation.logits_processors import with_processors
from causerie.api.generation.notices import ContextNotice
from causerie.api.generation.outputs import GenerateOutput
from causerie.api.generation.prompt_rows import Container, Prompts
from causerie.api.generation.resolution import Generation
from causerie.api.generation.stopping_criteria import MaxTimeCriteria, StopStringCriteria, ended_rows

if TYPE_CHECKING:
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer


def beam_answers(
    prompts: Prompts,
    plan: Generation,
    flags: BeamFlags,
    sequences: int,
    next_logits: NextLogits,
    notice: ContextNotice,
    *,
    tokenizer: ChatTokenizer | None,
    criteria: Any,
    logits_processor: Any,
    prefix_allowed_tokens_fn: Any,
) -> Any:
    """What generate() returns: the best `sequences` answers of each prompt, best first. Raises UsageError."""
    flags.check(plan, sequences)
    params = with_processors(
        plan.each(len(prompts.rows)), prompts.rows, prompts.container, logits_processor, prefix_allowed_tokens_fn
    )
    ended = _ended(plan, tokenizer, callables_of("stopping_criteria", criteria), prompts.container)
    beams = [
        PromptBeams(row, tokens, each, flags, ended)
        for row, tokens, each in zip(prompts.rows, prompts.tokens, params, strict=True)
    ]
    search(beams, next_logits)
    best = [(row, answer) for row, each in zip(prompts.rows, beams, strict=True) for answer in each.best(sequences)]
    longest = [Answer(each.tokens, "length") for _, each in best if len(each.tokens) == plan.params.max_tokens]
    notice.look(plan, prompts.longest, longest)
    batch = prompts.container.batch([[*row, *answer.tokens] for row, answer in best], plan.pad)
    if not plan.return_dict:
        return batch
    scores = np.array([answer.score for _, answer in best], dtype=np.float32)
    return GenerateOutput(
        sequences=batch,
        sequences_scores=prompts.container.array(scores) if plan.params.keep_scores else None,
        scores=_steps((each.scores for each in beams), prompts.container) if plan.params.keep_scores else None,
        logits=_steps((each.logits for each in beams), prompts.container) if plan.params.keep_logits else None,
    )


def _steps(prompts: Iterable[list[Scores]], container: Container) -> tuple[Any, ...]:
    """[prompts times beams, vocab] for each step; zeros where a prompt's beams have ended."""
    return tuple(
        container.array(np.concatenate([np.zeros_like(_first(step)) if each is None else each for each in step]))
        for step in zip_longest(*prompts)
    )


def _first(step: Iterable[Scores | None]) -> Scores:
    return next(each for each in step if each is not None)


def _ended(plan: Generation, tokenizer: ChatTokenizer | None, several: list[Any], container: Container) -> Ended | None:
    if plan.stop_strings and tokenizer is not None:
        several = [*several, StopStringCriteria(tokenizer, plan.stop_strings)]
    if plan.params.max_time is not None:
        several = [*several, MaxTimeCriteria(plan.params.max_time)]
    if not several:
        return None
    kind = kind_for(several, container)

    def ended(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return ended_rows(several, kind.array(ids), None)

    return ended
