"""A second model that guesses for a first one: whether it can, and how it is brought there. Knows no engine step.

The second model's weights are shared with whoever loaded it; only its cache is made anew, under the first one's blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causerie.api.machine import hardware
from causerie.engine.assistant.draft_model import DraftModel, cache_for, check_tokens
from causerie.errors import MissingFile, OutOfMemory, UsageError
from causerie.plan.footprint import cache_cost

if TYPE_CHECKING:
    from causerie.api.open_model import OpenModel
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
    from causerie.models.model import Model

_ROWS = 256  # in one of its steps: it reads prompts in such chunks


def draft_model(assistant: OpenModel, beside: OpenModel, model: Model) -> DraftModel:
    """What guesses for `model`, which `beside` is, with the weights of `assistant`. Raises UsageError for one that
    cannot have the same tokens or that is guessed for itself, Unsupported, OutOfMemory."""
    if assistant is beside:
        raise UsageError(
            "A model cannot be its own assistant_model; speculation='shadow' guesses with its own weights."
        )
    if assistant.has_assistant:
        raise UsageError(
            f"{assistant.name_or_path} has an assistant model of its own, and an assistant's assistant would never be "
            "asked. Load it without one."
        )
    other = assistant.step_model
    check_tokens(other.vocab, model.vocab)
    _check_names(assistant, beside)
    cache = cache_for(model.cache, other.spec, other.cache.dtype)
    needed = sum(
        group.blocks * cache.block_size * nbytes
        for group, (_, nbytes) in zip(cache.groups, cache_cost(other.spec, cache.dtype).groups, strict=True)
    )
    free = hardware().memory_free
    if free is not None and needed > free:
        raise OutOfMemory(
            f"The cache of the assistant model needs {needed / 1e9:.2f} GB beside the model's and {free / 1e9:.2f} GB "
            "are free. Give the model a smaller cache (max_cache_tokens), or take a smaller assistant."
        )
    return DraftModel(model.host(other, cache, _ROWS), model)


def _check_names(assistant: OpenModel, beside: OpenModel) -> None:
    """Raises UsageError where the two tokenizers do not call the same tokens the same."""
    tokenizers: list[ChatTokenizer] = []
    for each in (assistant, beside):
        try:
            tokenizers.append(each.tokenizer)
        except (MissingFile, UsageError):
            return  # without a tokenizer nobody knows; wrong guesses change no answer
    one, other = ({number: name for name, number in each.get_vocab().items()} for each in tokenizers)
    for number in sorted(one.keys() & other.keys()):
        if one[number] != other[number]:
            raise UsageError(
                f"Token {number} is {one[number]!r} to the assistant model and {other[number]!r} to the model; an "
                "assistant model must have the same tokenizer. Choose one of the same family."
            )
