"""What a request may hold, checked before it enters the engine. Each error names the value, what was expected, and what
to do. It knows the size of the vocabulary and of the context, nothing else.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from math import inf

from causerie.decoding.params import MOST_BIAS, SamplingParams
from causerie.errors import ContextLengthError, UsageError


def prompt(tokens: Sequence[int], vocab: int) -> tuple[int, ...]:
    """The prompt as plain integers. Raises UsageError when it is empty or a token is none of the model's."""
    try:
        checked = tuple(map(operator.index, tokens))
    except TypeError as fault:
        raise UsageError(f"A prompt must be a list of token ids, whole numbers: {fault}.", field="prompt") from None
    if not checked:
        raise UsageError("The prompt has no tokens; a model needs at least one to continue.", field="prompt")
    _within("prompt", checked, vocab)
    return checked


def room(length: int, params: SamplingParams, context: int, capacity: int) -> None:
    """Raises ContextLengthError when a prompt of `length` tokens cannot be read and continued. `capacity` is what the
    cache holds of the `context`."""
    needed = length + (params.max_tokens != 0)
    if needed <= capacity:
        return
    if capacity < context:
        raise ContextLengthError(
            f"The prompt has {length} tokens, and the cache has room for {capacity} with the answer (the model's "
            f"context is {context}). Shorten the prompt, or give the cache more memory."
        )
    both = " with the answer" if params.max_tokens != 0 else ""
    raise ContextLengthError(
        f"The prompt has {length} tokens, and the model's context is {context}{both}. Shorten the prompt."
    )


def params(sampling: SamplingParams, vocab: int) -> None:
    """Raises UsageError for a token that is none of the model's or a bias that is no number. Ends of sequence are not
    looked at: one outside the vocabulary is never drawn."""
    _within("logit_bias", (token for token, _ in sampling.logit_bias), vocab)
    _within("sequence_bias", (token for tokens, _ in sampling.sequence_bias for token in tokens), vocab)
    _within("bad_words_ids", (token for word in sampling.bad_words for token in word), vocab)
    _within("suppress_tokens", sampling.suppress_tokens, vocab)
    _within("begin_suppress_tokens", sampling.begin_suppress_tokens, vocab)
    for name, words in (("sequence_bias", dict(sampling.sequence_bias)), ("bad_words_ids", sampling.bad_words)):
        if not all(words):
            raise UsageError(f"{name} may not hold an empty list of tokens; leave it out.", field=name)
    for name, biases in (("logit_bias", sampling.logit_bias), ("sequence_bias", sampling.sequence_bias)):
        for key, bias in biases:
            if not (abs(bias) <= MOST_BIAS or bias == -inf):
                raise UsageError(
                    f"{name} of {key} is {bias}; it must be a number of at most {MOST_BIAS:g} either way, or -inf to "
                    "forbid the token.",
                    field=name,
                )


def _within(name: str, tokens: Iterable[int], vocab: int) -> None:
    for token in tokens:
        if not 0 <= token < vocab:
            raise UsageError(f"{name} holds token {token}; the model's tokens are 0 to {vocab - 1}.", field=name)
