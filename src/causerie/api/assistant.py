"""A second model that guesses for a first one: whether it can, and its cache under the first one's blocks.

Its weights it shares with whoever loaded it. Knows models and names of tokens, and nothing of who asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from causerie.api.machine import hardware
from causerie.engine.assistant.draft_model import DraftModel, cache_for, check_tokens
from causerie.errors import OutOfMemory, UsageError
from causerie.plan.footprint import cache_cost

if TYPE_CHECKING:
    from causerie.models.model import Model

_ROWS = 256  # in one of its steps: it reads prompts in such chunks


def draft_model(assistant: Model, model: Model) -> DraftModel:
    """What guesses for `model` with the weights of `assistant`. Raises UsageError for one that cannot have the same
    tokens, Unsupported, OutOfMemory."""
    check_tokens(assistant.vocab, model.vocab)
    cache = cache_for(model.cache, assistant.spec, assistant.cache.dtype)
    needed = sum(
        group.blocks * cache.block_size * nbytes
        for group, (_, nbytes) in zip(cache.groups, cache_cost(assistant.spec, cache.dtype).groups, strict=True)
    )
    free = hardware().memory_free
    if free is not None and needed > free:
        raise OutOfMemory(
            f"The cache of the assistant model needs {needed / 1e9:.2f} GB beside the model's and {free / 1e9:.2f} GB "
            "are free. Give the model a smaller cache (max_cache_tokens), or take a smaller assistant."
        )
    return DraftModel(model.host(assistant, cache, _ROWS), model)


def check_names(assistant: Mapping[str, int], model: Mapping[str, int]) -> None:
    """Raises UsageError where two vocabularies do not call the same tokens the same."""
    one, other = ({number: name for name, number in each.items()} for each in (assistant, model))
    for number in sorted(one.keys() & other.keys()):
        if one[number] != other[number]:
            raise UsageError(
                f"Token {number} is {one[number]!r} to the assistant model and {other[number]!r} to the model; an "
                "assistant model must have the same tokenizer. Choose one of the same family."
            )
