"""Who guesses tokens for a loaded model: another model, or a head that was trained for it, from when it is named until
another takes its place.

Knows two loaded models and what drafts between them; no prompt, no answer and no file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from causerie.api.drafting.draft_checkpoint import DraftCheckpoint
from causerie.api.generation.streamers import text_of
from causerie.api.model_files.gguf_model import has_tokenizer
from causerie.errors import CauserieError, UsageError

if TYPE_CHECKING:
    from causerie.api.model_files.model_config import ModelConfig
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
    from causerie.decoding.drafting.drafter import Drafter
    from causerie.engine.thread import EngineThread
    from causerie.models.model import Model

    Tokenizers = tuple[ChatTokenizer, ChatTokenizer]  # of a model and of its assistant


class GuessedModel(Protocol):
    """What is asked of a model that guesses or is guessed for: `OpenModel`."""

    config: ModelConfig
    backend: str

    @property
    def name_or_path(self) -> str: ...
    @property
    def tokenizer(self) -> ChatTokenizer: ...
    @property
    def step_model(self) -> Model: ...
    @property
    def has_assistant(self) -> bool: ...
    def close(self) -> None: ...


class Assistance:
    """Of one model, which each call hands in: held here, it would be closed by the collector of garbage alone."""

    def __init__(self, engine: EngineThread) -> None:
        """`engine` is the model's."""
        self._engine = engine
        self._lock = threading.Lock()
        self._assistant: GuessedModel | DraftCheckpoint | None = None
        self._drafter: Drafter | None = None
        self._translating: Tokenizers | None = None

    @property
    def exists(self) -> bool:
        """Whether somebody guesses."""
        return self._assistant is not None

    @property
    def drafters(self) -> tuple[str, ...]:
        """By name."""
        return () if self._drafter is None else (self._drafter.name,)

    def take(
        self,
        model: GuessedModel,
        assistant: Any,
        opened: Callable[[Any], GuessedModel | DraftCheckpoint],
        *,
        unasked: bool,
        tokenizers: Tokenizers | None,
        translated: bool,
    ) -> None:
        """Has this one guess, as `OpenModel.assist` says. `opened` makes of what the caller passed what it is, or loads
        it where that is a name."""
        with self._lock:
            before = self._assistant
            same = before is not None and (assistant is before or str(assistant) == before.name_or_path)
            if tokenizers is None:
                same = same and (translated or self._translating is None)
            else:
                same = same and tokenizers == self._translating
            if same and self._drafter is not None:
                if unasked:
                    self._engine.adopt(self._drafter, unasked)
                return
            other = opened(assistant)
            translating = _translation(model, other, tokenizers, translated)
            self._replace(model, other, translating, unasked)
            if other is not assistant and not isinstance(other, DraftCheckpoint):
                other.close()  # its weights stay with the drafter

    def _replace(
        self,
        model: GuessedModel,
        other: GuessedModel | DraftCheckpoint,
        translating: Tokenizers | None,
        unasked: bool,
    ) -> None:
        guests, former = model.step_model.guests, None if self._drafter is None else self._drafter.name
        before = len(guests)
        drafter = _drafter(model, other, translating)
        try:
            self._engine.adopt(drafter, unasked, former)
        except CauserieError:
            for guest in guests[before:]:
                guest.close()
            del guests[before:]
            raise
        self._assistant, self._drafter, self._translating = other, drafter, translating
        for guest in guests[:before]:  # of assistants before this one
            guest.close()
        del guests[:before]


def _drafter(model: GuessedModel, other: GuessedModel | DraftCheckpoint, translating: Tokenizers | None) -> Drafter:
    """What guesses for a model with the other one's weights. Raises UsageError, Unsupported, OutOfMemory."""
    from causerie.api.drafting.assistant import draft_model, translated_draft

    if isinstance(other, DraftCheckpoint):
        return other.drafter(model.step_model, model.backend)
    if translating is not None:
        return translated_draft(other.step_model, model.step_model, translating[1], translating[0])
    return draft_model(other.step_model, model.step_model)


def _translation(
    model: GuessedModel, other: GuessedModel | DraftCheckpoint, tokenizers: Tokenizers | None, translated: bool
) -> Tokenizers | None:
    """The model's tokenizer and the other's, where guesses are to be translated; None where both have the same tokens.
    Raises UsageError where that cannot be, or where the other one can guess for nobody."""
    from causerie.api.drafting.assistant import check_names, reads_alike

    if isinstance(other, DraftCheckpoint):
        if tokenizers is not None:
            raise UsageError(
                f"{other.name_or_path} is a head of this model's tokens; nothing is to be translated. Leave "
                "assistant_tokenizer out.",
                field="assistant_tokenizer",
            )
        return None
    _check_assistant(model, other)
    if tokenizers is not None:
        for each in tokenizers:
            text_of(each)  # refuses another library's
        if reads_alike(tokenizers[1], tokenizers[0]):
            raise UsageError(
                "Both tokenizers have the same tokens; nothing is to be translated. Leave assistant_tokenizer out.",
                field="assistant_tokenizer",
            )
        return tokenizers
    if not all(has_tokenizer(each.config.folder) for each in (other, model)):
        return None
    if not translated:
        check_names(other.tokenizer, model.tokenizer)
        return None
    return None if reads_alike(other.tokenizer, model.tokenizer) else (model.tokenizer, other.tokenizer)


def _check_assistant(model: GuessedModel, other: GuessedModel) -> None:
    """Raises UsageError where a model cannot guess for this one, whatever its tokens."""
    if other is model:
        raise UsageError(
            "A model cannot be its own assistant_model; loaded with speculation='shadow', it guesses by itself."
        )
    if other.has_assistant:
        raise UsageError(
            f"{other.name_or_path} has an assistant model of its own, and an assistant's assistant would never be "
            "asked. Load it without one."
        )
