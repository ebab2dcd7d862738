"""A second model that guesses for a first one: whether it can, and its cache beside the first one's.

Its weights it shares with whoever loaded it. Knows models, names of tokens and tokenizers, and nothing of who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causerie.api.machine.abilities import hardware
from causerie.engine.assistant.draft_model import DraftModel, alike, cache_for
from causerie.engine.assistant.translated_draft import TranslatedDraft, own_cache
from causerie.errors import OutOfMemory, UsageError
from causerie.plan.footprint import cache_cost
from causerie.text.translation import TokenTranslator

if TYPE_CHECKING:
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
    from causerie.backends.ops import CacheShape
    from causerie.models.model import Model

_TRANSLATED = (
    "Pass both of them, tokenizer=… and assistant_tokenizer=…, to have its guesses translated, or choose an "
    "assistant_model of the same family."
)
_ROWS = 256  # in one of its steps: it reads prompts in such chunks


def draft_model(assistant: Model, model: Model) -> DraftModel:
    """What guesses for `model` with the weights of `assistant`. Raises UsageError for one that cannot have the same
    tokens, Unsupported, OutOfMemory."""
    if not alike(assistant.vocab, model.vocab):
        raise UsageError(
            f"The assistant model has {assistant.vocab} tokens and the model {model.vocab}: their tokenizers differ. "
            + _TRANSLATED,
            field="assistant_model",
        )
    return DraftModel(_hosted(assistant, model, cache_for(model.cache, assistant.spec, assistant.cache.dtype)), model)


def translated_draft(
    assistant: Model, model: Model, assistant_tokenizer: ChatTokenizer, tokenizer: ChatTokenizer
) -> TranslatedDraft:
    """The same for one with other tokens, through text. Raises Unsupported, OutOfMemory."""
    translator = TokenTranslator(tokenizer.text, assistant_tokenizer.text)
    cache = own_cache(model.cache, assistant.spec, assistant.cache.dtype)
    return TranslatedDraft(_hosted(assistant, model, cache), translator)


def reads_alike(assistant: ChatTokenizer, model: ChatTokenizer) -> bool:
    """Whether two tokenizers have the same tokens."""
    return alike(len(assistant), len(model)) and _differing_token(assistant, model) is None


def check_names(assistant: ChatTokenizer, model: ChatTokenizer) -> None:
    """Raises UsageError where two tokenizers do not call the same tokens the same."""
    number = _differing_token(assistant, model)
    if number is not None:
        one, other = (each.text.id_to_token(number) for each in (assistant, model))
        raise UsageError(
            f"Token {number} is {one!r} to the assistant model and {other!r} to the model: their tokenizers differ. "
            + _TRANSLATED,
            field="assistant_model",
        )


def _differing_token(assistant: ChatTokenizer, model: ChatTokenizer) -> int | None:
    """The first token that two vocabularies call differently; None where they agree on all that both have."""
    one, other = ({number: name for name, number in each.get_vocab().items()} for each in (assistant, model))
    return next((number for number in sorted(one.keys() & other.keys()) if one[number] != other[number]), None)


def _hosted(assistant: Model, model: Model, cache: CacheShape) -> Model:
    """The assistant on the model's threads, with this cache. Raises OutOfMemory, Unsupported."""
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
    return model.host(assistant, cache, _ROWS)
